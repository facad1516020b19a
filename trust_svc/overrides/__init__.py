"""Overrides: staff set a score, a tier or a factor by hand, for a reason and for a time."""
