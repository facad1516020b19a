"""Pure rules of sending: the states of a delivery, when to try again, and which channels exist."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

CHANNELS = ("email", "push", "in_app", "sms")
# Channels that every house has. By the others people are told as soon as somebody carries them.
ALWAYS = frozenset({"email", "in_app"})
# Channels that leave the house, so that they need an address; the feed needs none.
ADDRESSED = frozenset({"email", "push", "sms"})
# For an address of theirs messages wait. Who has no telephone yet does not want to be rung up about last week.
AWAITED = frozenset({"email"})
LONGEST_GROUP = 64
PRIORITIES = {"low": 0, "normal": 1, "high": 2, "urgent": 3}
# How a priority is told to who wakes a telephone for it.
URGENCIES: dict[int, Literal["low", "normal", "high"]] = {0: "low", 1: "normal", 2: "high", 3: "high"}

# waiting: for an address. unknown: the provider may have it. sent: it has. delivered, bounced: it told us what became of
# it. All others say what they are.
STATES = ("waiting", "queued", "sending", "retrying", "unknown", "sent", "delivered", "bounced", "failed", "canceled")
# Forward only: what is over stays over, but for a provider's later word, and nothing returns to where it began. The
# database repeats this table.
MOVES: frozenset[tuple[str, str]] = frozenset(
    {
        ("waiting", "queued"),
        ("waiting", "failed"),
        ("waiting", "canceled"),
        ("queued", "sending"),
        ("queued", "canceled"),
        ("queued", "failed"),
        ("sending", "sent"),
        ("sending", "retrying"),
        ("sending", "unknown"),
        ("sending", "failed"),
        ("sending", "canceled"),
        ("retrying", "sending"),
        ("retrying", "canceled"),
        ("retrying", "failed"),
        # An earlier try had arrived after all.
        ("retrying", "delivered"),
        ("retrying", "bounced"),
        ("unknown", "sending"),
        ("unknown", "canceled"),
        ("unknown", "sent"),
        ("unknown", "delivered"),
        ("unknown", "bounced"),
        ("unknown", "failed"),
        ("failed", "delivered"),
        ("sent", "delivered"),
        ("sent", "bounced"),
        # Some servers take a mail and send it back hours later.
        ("delivered", "bounced"),
    }
)
# Categories whose mails go again, under the same id, when nobody knows whether they left. Of the others, being told
# nothing is better than being told twice: they wait so long for a provider's word, and then count as failed.
RESENT = frozenset({"transactional", "security"})
FATE_UNKNOWN, FATE_WAIT = "fate_unknown", timedelta(days=1)
# Who can be told together, and the states of telling them.
AUDIENCES = ("donors", "followers", "consented", "listed", "named")
# open: people are being told. done: all were. expired: its time was over before. named: they were told when it came in.
MAILING_STATES = ("open", "done", "expired", "canceling", "canceled")
MAILING_OPEN = ("open", "canceling")
MAILING_MOVES: frozenset[tuple[str, str]] = frozenset(
    {
        ("open", "done"),
        ("open", "expired"),
        ("open", "canceling"),
        ("done", "canceling"),
        ("expired", "canceling"),
        ("canceling", "canceled"),
    }
)
# What a paused mailing holds back is looked at again so often, should nobody resume it; resuming frees it at once.
PAUSED, HELD = "paused", timedelta(minutes=10)
# A slow mailing tells so many portions a minute.
_PORTIONS = 6
_OF_MAILING = "mailing:"
# The reason of a delivery whose address gets nothing more.
SUPPRESSED = "suppressed"
DUE = ("queued", "retrying", "unknown")
# What is due for longer should have left; what left within so long of being due left promptly.
OVERDUE, PROMPT = timedelta(minutes=1), timedelta(seconds=10)
# Nothing is left for us to do.
FINAL = frozenset({"sent", "delivered", "bounced", "failed", "canceled"})

# Nine tries over eight hours: a mail server that is rebuilt over lunch costs nobody a thank-you.
_BACKOFF = [timedelta(seconds=s) for s in (5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400)]
MAX_TRIES = len(_BACKOFF) + 1
# Without a word of theirs, so long is too fast too fast.
THROTTLED = timedelta(seconds=5)
# A mail server that greylists, or a mailbox that is full, says nothing about the server that told us.
_ASKED_FOR_PATIENCE = frozenset({450, 451, 452})
# A page of an audience that could not be told is tried again; what stays broken is left open for staff to see.
_PAGE_AGAIN = [timedelta(seconds=s) for s in (5, 30, 120, 600, 3_600)]
# Looking for an address again; the doorbell usually comes first.
_PATIENCE = [timedelta(seconds=s) for s in (5, 5, 15, 60, 300, 1_800)]
WAIT_AT_MOST = timedelta(days=30)
# Telling a waiting fact again that could not be told: an hour's outage is outlived, and then somebody has to look.
_TELL_AGAIN = [timedelta(seconds=s) for s in (10, 60, 300, 1_200, 3_600, 14_400, 86_400)]
TELL_AT_MOST = len(_TELL_AGAIN)


def next_try(tries: int, *, now: datetime, roll: float, wait: timedelta | None = None) -> datetime | None:
    """When to try again after `tries` tries, or None when there is no point. `roll` in [0, 1) spreads the crowd by a fifth."""
    if tries >= MAX_TRIES:
        return None
    pause = max(_BACKOFF[max(tries, 1) - 1], wait or timedelta())
    return now + pause * (1 + roll / 5)


def verdict(fate: str, code: int | None) -> str:
    """What a try says of its provider: `failed` when it is the provider's own fault, `refused` when the letter's."""
    if fate in ("accepted", "throttled"):
        return fate
    if fate == "permanent" or (fate == "transient" and code in _ASKED_FOR_PATIENCE):
        return "refused"
    return "failed"


def next_page(tries: int, *, now: datetime) -> datetime:
    """When to try a page of an audience again that could not be told `tries` times."""
    return now + _PAGE_AGAIN[min(max(tries, 1), len(_PAGE_AGAIN)) - 1]


def portion(page: int, per_minute: int | None) -> int:
    """How many people are told at once, so that no minute sees more than `per_minute` of them."""
    return page if per_minute is None else max(1, min(page, per_minute // _PORTIONS))


def next_portion(told: int, per_minute: int | None, *, now: datetime) -> datetime:
    """When the next may be told, after `told` people."""
    return now if per_minute is None else now + timedelta(minutes=1) * told / per_minute


def key_of(mailing_id: UUID, person_id: UUID) -> str:
    """What keeps a mailing from telling somebody twice."""
    return f"{keys_of(mailing_id)}{person_id}"


def keys_of(mailing_id: UUID) -> str:
    """How all of a mailing's keys begin."""
    return f"{_OF_MAILING}{mailing_id}:"


def mailing_of(key: str) -> UUID | None:
    """The mailing that a notification with this key belongs to."""
    return UUID(key.split(":")[1]) if key.startswith(_OF_MAILING) else None


def next_look(waited: timedelta, *, now: datetime) -> datetime:
    """When to look for an address again, after having waited so long."""
    for pause in _PATIENCE:
        if waited < pause * 4:
            return now + pause
    return now + _PATIENCE[-1]


def next_telling(tries: int, *, now: datetime) -> datetime:
    """When to tell a fact again that could not be told `tries` times; it is left alone after `TELL_AT_MOST`."""
    return now + _TELL_AGAIN[min(max(tries, 1), TELL_AT_MOST) - 1]


def usual_group(type: str, data: Mapping[str, Any]) -> str:
    """Under what a feed may show several as one when nobody said so: the same type about the same campaign."""
    group = f"{type}.{data['campaign_id']}" if "campaign_id" in data else ""
    return group if len(group) <= LONGEST_GROUP else ""
