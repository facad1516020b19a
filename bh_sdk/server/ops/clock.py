"""The time of the service. In a local stack it can be moved; tokens and TLS do not follow it."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

_read: tuple[str, int, float] = ("", 0, 0.0)


def shift() -> timedelta:
    """How far the clock is moved: the seconds in the file `BH_CLOCK_FILE`. Production has no such clock."""
    global _read
    path = os.environ.get("BH_CLOCK_FILE")
    if not path or os.environ.get("BH_ENV") == "production":
        return timedelta()
    try:
        changed = os.stat(path).st_mtime_ns  # noqa: PTH116  # asked all the time
        if (path, changed) != _read[:2]:
            _read = (path, changed, float(Path(path).read_text(encoding="ascii").strip() or 0))
    except FileNotFoundError:
        return timedelta()
    except ValueError:
        # A file caught while it is written: the old shift holds until it can be read.
        return timedelta(seconds=_read[2] if _read[0] == path else 0)
    return timedelta(seconds=_read[2])


def now() -> datetime:
    """Now, in UTC, by the movable clock."""
    return datetime.now(UTC) + shift()
