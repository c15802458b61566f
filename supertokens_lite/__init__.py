"""Session SDK for Python, async first, with a blocking twin of every function."""
