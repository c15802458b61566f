"""For developers of this package only; not in the wheel."""
