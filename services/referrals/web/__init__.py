"""The officers' workbench: pages above the same use cases as the HTTP API. Thin adapters, no SQL."""
