"""The session recipe."""
