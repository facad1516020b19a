"""What a provider tells us later: the words all providers' reports are put into, once their signature is proven."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

# deferred: their first try did not work, they go on. dropped: they did not even try.
# opted_out, opted_in: what somebody wrote back, about every message to that number.
Kind = Literal[
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
]


class Unproven(Exception):
    """Nobody we know wrote this, or not just now, or not for us. `reason` is a word of ours."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Unreadable(Exception):
    """It was signed, and is not what the provider's documents promise."""


@dataclass(frozen=True, slots=True)
class RawEvent:
    """One thing that happened to one message. The address is hashed before anything is kept and is in no repr.

    `event_id` is the provider's and stays the same when they repeat themselves. `lasting` says that the address is dead or
    unwelcome for good. `code` is theirs in short: a status like 5.1.1, or the kind of bounce.
    """

    event_id: str
    kind: Kind
    at: datetime
    delivery_id: UUID | None = None
    provider_ref: str = ""
    email: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    lasting: bool = False
    code: str = ""


# Body and headers of a call at the door → what it tells. Raises Unproven, Unreadable.
EventsOf = Callable[[bytes, Mapping[str, str]], list[RawEvent]]


@dataclass(frozen=True, slots=True)
class Reporter:
    """A provider that tells us later, of letters of one channel."""

    channel: str
    events_of: EventsOf


def delivery_named(value: object) -> UUID | None:
    """Our id in their metadata, when it is one."""
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
