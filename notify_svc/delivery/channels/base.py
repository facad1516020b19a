"""What a channel promises. It is handed finished words and says what became of them; it touches no database."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, Protocol
from uuid import UUID

from notify_svc.wording.rendering import Rendered

# accepted: it is theirs now. transient: not taken, try again. throttled: we are too fast for them, try again after `wait`.
# auth: they do not know us (any more), which no letter can help. permanent: will never be taken. unknown: it may be
# theirs; whether it goes again, under the same id, is a question of its category.
Fate = Literal["accepted", "transient", "throttled", "auth", "permanent", "unknown"]


@dataclass(frozen=True, slots=True)
class Letter:
    """One finished message. `email` and `name` are opened for the sending alone and appear in no log."""

    delivery_id: UUID
    type: str
    category: str
    words: Rendered
    email: str = ""
    name: str = ""
    # The one provider that can carry it; empty for any of its channel.
    only: str = ""
    # Where one POST takes this person off this list (RFC 8058); empty where nobody can leave.
    unsubscribe_url: str = ""

    def __repr__(self) -> str:
        return f"<Letter {self.delivery_id}>"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a letter. `reason` is a word of ours and `code` the provider's number: its text may hold an address.

    `provider_ref` is the provider's own name for what it took.
    """

    fate: Fate
    reason: str = ""
    code: int | None = None
    wait: timedelta | None = None
    provider_ref: str = ""


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

    def open(self) -> AbstractContextManager[Link]: ...
