"""Deterministic code only: the case workflow and the activities it asks for."""
