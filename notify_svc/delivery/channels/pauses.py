"""How long a provider asks us to wait, in the headers that they use for it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime

from bh_sdk.server.ops import clock

SHORTEST, LONGEST = timedelta(seconds=1), timedelta(hours=4)


def asked_pause(headers: Mapping[str, str], *, default: timedelta) -> timedelta:
    """`Retry-After` in seconds or as a date, else `X-RateLimit-Reset`, a Unix time, else `default`; never beyond reason."""
    after, reset = headers.get("Retry-After", ""), headers.get("X-RateLimit-Reset", "")
    asked = default
    if after.isascii() and after.isdecimal():
        asked = timedelta(seconds=min(int(after), LONGEST.total_seconds()))
    elif after:
        try:
            asked = parsedate_to_datetime(after) - clock.now()
        except (ValueError, TypeError):
            asked = default
    elif reset.isascii() and reset.isdecimal():
        asked = timedelta(seconds=min(int(reset) - clock.now().timestamp(), LONGEST.total_seconds()))
    return max(SHORTEST, min(asked, LONGEST))
