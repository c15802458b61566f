"""A session core in a box, on SQLite."""
