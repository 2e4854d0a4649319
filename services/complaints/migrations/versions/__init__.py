"""Migrations of the complaints database, the vault schema included."""
