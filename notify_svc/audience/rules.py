"""Pure rules about people: known time zones, and which names may stand in a message."""

from __future__ import annotations

import re
from functools import lru_cache
from zoneinfo import available_timezones

import idna

UNNAMED, UNTITLED = "A donor", "a campaign"
DEFAULT_LOCALE, DEFAULT_TIMEZONE = "en", "UTC"
# A name reaches the mailboxes of others, and mail programs turn anything like an address into a link.
_LINKLIKE = re.compile(r"[/@:<>\\]|\bwww\.|\w\.[^\W\d_]{2,}", re.IGNORECASE)

# What the wire refuses today and rows from before may still hold: breaks part words, the rest only hides or turns them.
_BREAKS = re.compile(r"[\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029]+")
_HIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def zone_known(name: str) -> bool:
    return name in _zones()


def one_line(text: str) -> str:
    """The text without characters that hide, turn around or break what a reader sees."""
    return re.sub(" {2,}", " ", _HIDDEN.sub("", _BREAKS.sub(" ", text))).strip()


def presentable(name: str | None) -> str:
    """The name as it may be shown, or an empty string when it looks like an advertisement."""
    name = one_line(name or "")
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
    """The form in which a mail address is hashed for look-ups: one for all ways to write its domain."""
    local, at, domain = email.strip().lower().rpartition("@")
    try:
        domain = idna.encode(domain, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return f"{local}{at}{domain}"
    return f"{local}{at}{domain}"


def kept(amount: int, refunded: int, taken_back: bool) -> int:
    """What a campaign has of a gift. Refunds may give back covered fees as well, so that they can exceed it."""
    return 0 if taken_back else max(amount - refunded, 0)
