"""Runs Huiyin: the engines and services on one machine, their set-up, and the `huiyin` command line."""
