"""The three services and the plumbing they share."""
