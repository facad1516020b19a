"""What is news to its reader still, for who gathers it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from notify_svc.delivery.models import Notification


@dataclass(frozen=True, slots=True)
class News:
    """One notification that is still news to its reader, with the words of its feed entry, if it has any."""

    id: UUID
    type: str
    data: dict[str, Any]
    title: str
    body: str
    action_url: str

    @property
    def campaign_id(self) -> UUID | None:
        return campaign_of(self.data)


def campaign_of(data: Mapping[str, Any]) -> UUID | None:
    """The campaign that a message is news of, when its data names one."""
    try:
        return UUID(str(data["campaign_id"]))
    except (KeyError, ValueError):
        return None


def still_news(ids: Collection[UUID], now: datetime) -> dict[UUID, News]:
    """Which of these have neither been read, put away or deleted in the app, nor become pointless."""
    rows = Notification.objects.filter(
        Q(expires_at__isnull=True) | Q(expires_at__gt=now),
        id__in=ids,
        read_at__isnull=True,
        archived_at__isnull=True,
        deleted_at__isnull=True,
        canceled_at__isnull=True,
    )
    return {news.id: news for news in _news(rows)}


def those(ids: Collection[UUID]) -> dict[UUID, News]:
    """The same of all of these that are there."""
    return {one.id: one for one in _news(Notification.objects.filter(id__in=ids))}


def _news(rows: Any) -> list[News]:
    fields = ("id", "type", "data", "title", "body", "action_url")
    return [News(*row) for row in rows.values_list(*fields)]
