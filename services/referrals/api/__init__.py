"""The HTTP API: thin adapters on the use cases in service."""
