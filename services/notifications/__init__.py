"""Notices: who is told what, when and how, and a ledger of how each one ended."""
