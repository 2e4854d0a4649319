"""The vault: the one process that can open an identity."""
