"""What may be asked, shown and granted, and until when. Pure."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

from bh_sdk.wire.verification import LARGEST_DOCUMENT
from trust_svc.verification import wholeness

# An item that is shown by a document; staff check the others by writing or calling.
DOCUMENTED: Final = frozenset({"identity", "bank", "registry", "beneficiary", "endorsement", "address"})

# How long a grant lasts when staff say nothing else, and at most. None lasts for ever.
_YEAR = timedelta(days=365)
LIVES: Final[dict[str, tuple[timedelta, timedelta]]] = {
    "email": (2 * _YEAR, 5 * _YEAR),
    "phone": (2 * _YEAR, 5 * _YEAR),
    "identity": (2 * _YEAR, 5 * _YEAR),
    "bank": (_YEAR, 2 * _YEAR),
    "registry": (_YEAR, 2 * _YEAR),
    "beneficiary": (_YEAR, 2 * _YEAR),
    "endorsement": (_YEAR, 2 * _YEAR),
    "address": (_YEAR, 2 * _YEAR),
}
SHORTEST_LIFE: Final = timedelta(days=1)
# What ends so soon may be asked for again.
RENEWABLE: Final = timedelta(days=60)
NOTICE: Final = timedelta(days=30)
# Documents stay that long after the end of a request, so that an appeal can be decided.
KEPT: Final = timedelta(days=30)
WORKING_DAYS: Final = 3

MOVES: Final[dict[str, frozenset[str]]] = {
    "open": frozenset({"granted", "refused", "withdrawn"}),
    # An appeal may grant what was refused or taken back, or have it looked at again.
    "refused": frozenset({"granted", "open"}),
    "granted": frozenset({"revoked"}),
    "revoked": frozenset({"granted"}),
    "withdrawn": frozenset(),
}

REASONS: Final[dict[str, str]] = {
    "unreadable": "The document cannot be read",
    "incomplete": "Something is missing",
    "mismatch": "Name or details do not match the account",
    "out_of_date": "The document has expired",
    "wrong_document": "The document does not show this",
    "not_genuine": "The document does not seem genuine",
    "other": "Another reason",
}

_SATURDAY = 5


def working_days_after(start: datetime, days: int) -> datetime:
    """`days` working days after `start`: Saturdays and Sundays do not count, and a clock that starts on one starts on
    Monday at midnight."""
    at = start
    if at.weekday() >= _SATURDAY:
        at = datetime.combine(at.date() + timedelta(days=7 - at.weekday()), time(), at.tzinfo)
    for _ in range(days):
        at += timedelta(days=1)
        while at.weekday() >= _SATURDAY:
            at += timedelta(days=1)
    return at


def default_expiry(item: str, *, at: datetime) -> datetime:
    return at + LIVES[item][0]


def latest_expiry(item: str, *, at: datetime) -> datetime:
    return at + LIVES[item][1]


def expiry_fits(item: str, expires_at: datetime, *, at: datetime) -> bool:
    """Whether a grant of now may end then."""
    return at + SHORTEST_LIFE <= expires_at <= latest_expiry(item, at=at)


def may_renew(expires_at: datetime | None, *, at: datetime) -> bool:
    """Whether an item that is verified until then may be asked for again already."""
    return expires_at is not None and expires_at <= at + RENEWABLE


class UnfitDocument(ValueError):
    """The document cannot be taken; the text says why."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A document that was looked into: its bytes, and what they are."""

    content: bytes
    content_type: str


def read_document(text: str) -> Shown:
    """The document in a base64 text or data: URL, whatever the URL claims it is. Raises UnfitDocument."""
    if text.startswith("data:"):
        head, comma, text = text.partition(",")
        if not comma or not head.endswith(";base64"):
            raise UnfitDocument("a data: URL must be in base64")
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise UnfitDocument("must be base64") from None
    if len(content) > LARGEST_DOCUMENT:
        raise UnfitDocument(f"at most {LARGEST_DOCUMENT} bytes; scale the picture down")
    kind = wholeness.content_type(content)
    if kind is None:
        raise UnfitDocument("must be a whole PDF, JPEG or PNG file, and a PDF without password and scripts")
    return Shown(content, kind)
