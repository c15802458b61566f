"""What the embedded core answers, a file per group of paths."""
