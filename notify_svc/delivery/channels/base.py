"""What a channel promises. It is handed finished words and says what became of them; it touches no database."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol
from uuid import UUID

from notify_svc.devices.rules import Opened
from notify_svc.wording.rendering import Rendered

# accepted: it is theirs now. transient: not taken, try again. throttled: we are too fast for them, try again after `wait`.
# auth: they do not know us (any more), which no letter can help. permanent: will never be taken. unknown: it may be
# theirs; whether it goes again, under the same id, is a question of its category.
Fate = Literal["accepted", "transient", "throttled", "auth", "permanent", "unknown"]
# The push service knows the device no more: it is retired.
GONE = "device_gone"
# Its person wrote that they want no more text messages.
OPTED_OUT = "opted_out"


Urgency = Literal["low", "normal", "high"]


@dataclass(frozen=True, slots=True)
class Letter:
    """One finished message. `email`, `name`, `device` and `phone` are opened for the sending alone and appear in no log."""

    delivery_id: UUID
    type: str
    category: str
    words: Rendered
    email: str = ""
    name: str = ""
    # The one provider that can carry it; empty for any of its channel.
    only: str = ""
    # Where a push goes, and what a text message does.
    device: Opened | None = None
    phone: str = ""
    notification_id: UUID | None = None
    urgency: Urgency = "normal"
    # From then on nobody wants it any more; a push service forgets it by itself.
    expires_at: datetime | None = None
    # Where one POST takes this person off this list (RFC 8058); empty where nobody can leave.
    unsubscribe_url: str = ""

    def __repr__(self) -> str:
        return f"<Letter {self.delivery_id}>"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a letter. `reason` is a word of ours and `code` the provider's number: its text may hold an address.

    `provider_ref` is the provider's own name for what it took, `segments` into how many text messages it was cut.
    `elsewhere`: a server of the recipient's said so, which tells nothing about the letters behind it.
    """

    fate: Fate
    reason: str = ""
    code: int | None = None
    wait: timedelta | None = None
    provider_ref: str = ""
    segments: int = 0
    elsewhere: bool = False


class Link(Protocol):
    """An open way to a provider, for one batch."""

    def hand_over(self, letter: Letter) -> Outcome:
        """Hand one letter over. Never raises for what a provider or network does."""
        ...


class Provider(Protocol):
    """Somebody who carries letters of one channel. `open()` costs little: a connection is made for the first letter."""

    @property
    def name(self) -> str: ...

    @property
    def channel(self) -> str: ...

    @property
    def lane(self) -> str:
        """The kind of device that it alone can reach; empty for a provider that shares its channel with others."""
        ...

    def open(self) -> AbstractContextManager[Link]: ...
