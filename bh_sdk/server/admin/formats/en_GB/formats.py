"""Moments as `23 Nov 2026, 02:47 UTC`: every service keeps UTC, and whoever reads one on a page can tell."""

DATE_FORMAT = SHORT_DATE_FORMAT = "j M Y"
TIME_FORMAT = r"H:i \U\T\C"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = r"j M Y, H:i \U\T\C"
