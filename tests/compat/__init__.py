"""Compares what we have with the SDK whose names and signatures we keep."""
