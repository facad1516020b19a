"""What is to be told to one person: the form in which facts and calls of /send ask for a notification."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Order:
    """One notification to be accepted. `channels`, `priority` and `expires_at` None mean what the catalogue says of its
    type."""

    recipient_id: UUID
    type: str
    data: dict[str, Any]
    dedupe: str
    channels: tuple[str, ...] | None = None
    guest: bool = False
    priority: str | None = None
    group: str = ""
    mentions: UUID | None = None
    schedule_at: datetime | None = None
    expires_at: datetime | None = None
    # Nothing of it leaves the house.
    test: bool = False
    # The words to use; empty: those that are live.
    versions: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """What the words need besides the fact. Names and gifts are looked up only when a message needs one."""

    name_of: Callable[[UUID], str]
    # Whether a gift came from somebody without an account, and whether a person is one who has none.
    by_guest: Callable[[UUID], bool]
    is_guest: Callable[[UUID], bool]
    # Of the campaign; empty when it is about none.
    title: str = ""
    # Whose the campaign is, or the person whom it is about.
    owner_id: UUID | None = None

    @property
    def owner(self) -> UUID:
        """Raises ValueError where nobody owns anything."""
        if self.owner_id is None:
            raise ValueError("it is about nobody's campaign")
        return self.owner_id


@dataclass(frozen=True, slots=True)
class Said:
    """One message to one person, before it has a key."""

    type: str
    recipient_id: UUID
    data: dict[str, Any]
    guest: bool = False
    # Another person whom the words name.
    mentions: UUID | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of an order; the same answer when it had been accepted before."""

    recipient_id: UUID
    notification_id: UUID
    channels: list[str] = field(default_factory=list)
    # Ways that are closed: the address bounced, or its owner complained.
    suppressed: list[str] = field(default_factory=list)
    scheduled: bool = False
