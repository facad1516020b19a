"""What the desk's pages call states, times, people and sums."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from bh_sdk.money import Money
from bh_sdk.server.admin import parts
from payments_svc.refunds import queries as refunds

STATES: dict[str, tuple[str, parts.Tone]] = {
    "open": ("To work", "warning"),
    "proposed": ("Waits for a second person", "danger"),
    "closed": ("Closed", "success"),
    "cleared": ("Gone by itself", ""),
}
TONES: dict[str, str] = {text: tone for text, tone in STATES.values() if tone}
RUN_STATES: dict[str, tuple[str, parts.Tone]] = {
    "reading": ("Reading Stripe's statement", "warning"),
    "matching": ("Matching", "warning"),
    "done": ("Done", "success"),
}


def day(when: datetime | None) -> str:
    return f"{when:%d %b %Y, %H:%M} UTC" if when else "not yet"


def name(actor: str | None) -> str:
    """How somebody of the staff is called; anybody else by the id."""
    try:
        sub = UUID(actor or "")
    except ValueError:
        return actor or ""
    return refunds.names({sub}).get(sub, str(sub))


def money(sums: dict[str, int]) -> str:
    return ", ".join(str(Money(minor, code)) for code, minor in sums.items()) or "none"
