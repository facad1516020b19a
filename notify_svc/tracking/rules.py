"""Pure rules of what providers say: when an address is written to no more, and how long an early word is kept waiting."""

from __future__ import annotations

from datetime import datetime, timedelta

KINDS = (
    "delivered",
    "deferred",
    "bounced",
    "dropped",
    "complained",
    "opened",
    "clicked",
    "unsubscribed",
    "opted_out",
    "opted_in",
)
# What is about a number and no message of ours.
WRITTEN = frozenset({"opted_out", "opted_in"})
REASONS = ("bounced", "complained", "kept_bouncing", "by_staff", "opted_out")
# What says that somebody reads. Nobody is watched unless NOTIFY_TRACK_READING says so.
READING = frozenset({"opened", "clicked"})
BACK = frozenset({"bounced", "dropped"})

# A full mailbox is emptied some day; one that is full five times in a month is read by nobody.
SOFT_AT_MOST, SOFT_WITHIN = 5, timedelta(days=30)

# A word may come before our own commit, and a commit takes seconds; a worker that died is taken over within a minute.
_AGAIN = [timedelta(seconds=s) for s in (1, 2, 5, 15, 60, 300, 1_800, 7_200, 28_800)]


def suppression(kind: str, *, lasting: bool, soft: int) -> str | None:
    """Why the address gets nothing more after this, or None. `soft` counts its passing bounces of late, this one too."""
    if kind in ("complained", "opted_out"):
        return kind
    if kind not in BACK:
        return None
    if lasting:
        return "bounced"
    return "kept_bouncing" if soft >= SOFT_AT_MOST else None


def next_look(tries: int, *, now: datetime) -> datetime | None:
    """When to look for the delivery again after having looked so often; None when there is none."""
    return now + _AGAIN[tries - 1] if 0 < tries <= len(_AGAIN) else None
