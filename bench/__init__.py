"""Measurements, and what they compare with. `make bench`, or `python -m bench NAME… [--json FILE]`; see README.md."""
