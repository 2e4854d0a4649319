"""Use cases. Each opens the transactions it needs; SQL is in repository."""
