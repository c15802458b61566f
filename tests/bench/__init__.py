"""Measures ratios, side by side in one run; no test depends on a time."""
