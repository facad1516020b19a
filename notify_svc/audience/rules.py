"""Pure rules about people: known time zones, and which names may stand in a message."""

from __future__ import annotations

import re
from functools import lru_cache
from zoneinfo import available_timezones

UNNAMED = "A donor"
DEFAULT_LOCALE, DEFAULT_TIMEZONE = "en", "UTC"
# A name reaches the mailboxes of others, and mail programs turn anything like an address into a link.
_LINKLIKE = re.compile(r"[/@:<>\\]|\bwww\.|\w\.[^\W\d_]{2,}", re.IGNORECASE)


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def zone_known(name: str) -> bool:
    return name in _zones()


def presentable(name: str | None) -> str:
    """The name as it may be shown, or an empty string when it looks like an advertisement."""
    name = (name or "").strip()
    return "" if not name or _LINKLIKE.search(name) else name


def masked(text: str) -> str:
    """The first letter alone."""
    return f"{text[:1]}•••"


def masked_email(email: str) -> str:
    local, _, domain = email.rpartition("@")
    return f"{masked(local)}@{domain}"


def masked_phone(phone: str) -> str:
    return f"{phone[:3]}•••{phone[-2:]}"


def normalized(email: str) -> str:
    """The form in which a mail address is hashed for look-ups."""
    return email.strip().lower()
