"""Decisions without effects: bytes, dicts and the time in; values or errors out."""
