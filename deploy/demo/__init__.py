"""The demonstration: written sample complaints, officers played through the public HTTP API, and the closing table."""
