"""What became of words once they were sent: who sends a type, and how each version of a template fared."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Q

from bh_sdk.server.ops import clock
from notify_svc.delivery import links
from notify_svc.delivery.errors import NotificationNotFound
from notify_svc.delivery.models import Delivery, Notification

# Who accepts what comes of a fact of the platform.
BY_FACTS = "system"
_LATELY = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who has sent notifications of a type lately, and how many. `system`: it came of a fact."""

    name: str
    count: int


def senders(type: str) -> list[Sender]:
    """Who would notice a change of what a type takes, the busiest first."""
    lately = Notification.objects.filter(type=type, created_at__gt=clock.now() - _LATELY)
    found = lately.values_list("accepted_by").annotate(count=Count("id")).order_by("-count", "accepted_by")
    return [Sender(name, count) for name, count in found[:20]]


@dataclass(frozen=True, slots=True)
class Fared:
    """How one version of a template fared: how many deliveries carry it, and what became of them."""

    all: int = 0
    sent: int = 0
    delivered: int = 0
    bounced: int = 0
    complained: int = 0
    failed: int = 0


def fared(version_ids: Collection[UUID]) -> dict[UUID, Fared]:
    """How these versions fared; one that nobody was sent is not in it."""
    found = (
        Delivery.objects.filter(version_id__in=version_ids, notification__test=False)
        .values("version_id")
        .annotate(
            all=Count("id"),
            sent=Count("id", filter=Q(handed_over_at__isnull=False)),
            delivered=Count("id", filter=Q(delivered_at__isnull=False)),
            bounced=Count("id", filter=Q(bounced_at__isnull=False)),
            complained=Count("id", filter=Q(complained_at__isnull=False)),
            failed=Count("id", filter=Q(status="failed")),
        )
    )
    names = [each.name for each in fields(Fared)]
    return {row[0]: Fared(*row[1:]) for row in found.values_list("version_id", *names)}


@dataclass(frozen=True, slots=True)
class Past:
    """A notification that was accepted before, to look at other words with."""

    id: UUID
    at: datetime


def past(type: str, *, limit: int = 5) -> list[Past]:
    """The newest notifications of a type."""
    rows = Notification.objects.filter(type=type, test=False, pruned_at__isnull=True).order_by("-created_at", "-id")
    return [Past(*row) for row in rows.values_list("id", "created_at")[:limit]]


def past_data(notification_id: UUID, *, type: str) -> dict[str, Any]:
    """What a notification was filled with, and the links of its mail without their signatures. Raises
    NotificationNotFound."""
    notification = Notification.objects.filter(id=notification_id, type=type, pruned_at__isnull=True).first()
    if notification is None:
        raise NotificationNotFound
    data: dict[str, Any] = notification.data
    return data | links.shown_to_staff(notification)
