"""What is to be told to one person: the form in which facts and calls of /send ask for a notification."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Order:
    """One notification to be accepted. `channels` None means every channel that has words for this type."""

    recipient_id: UUID
    type: str
    data: dict[str, Any]
    dedupe: str
    channels: tuple[str, ...] | None = None
    guest: bool = False
    priority: str = "normal"
    group: str = ""
    mentions: UUID | None = None
    schedule_at: datetime | None = None
    expires_at: datetime | None = None
    # Nothing of it leaves the house.
    test: bool = False


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of an order; the same answer when it had been accepted before."""

    recipient_id: UUID
    notification_id: UUID
    channels: list[str] = field(default_factory=list)
    # Ways that are closed: the address bounced, or its owner complained.
    suppressed: list[str] = field(default_factory=list)
    scheduled: bool = False
