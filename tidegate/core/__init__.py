"""Decisions: pure functions of state and event. No clock, no I/O, no randomness, no threads."""
