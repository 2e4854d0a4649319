"""Complaints: intake in every channel, sealed texts, evidence, the reporter's view; identities in a vault."""
