"""Harnesses that a fuzzer drives, and that the tests drive over a small corpus: `python -m tests.fuzz SECONDS`."""
