"""What one person was told, with the words as they were sent: for the person who asks what is known of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any
from uuid import UUID

from bh_sdk.server.ops.logs import log
from notify_svc.delivery import links
from notify_svc.delivery.models import Delivery, Notification
from notify_svc.wording import queries as wording
from notify_svc.wording.errors import TemplateInvalid
from notify_svc.wording.rendering import Rendered, render

_PAGE = 200
_TOLD = (
    "id",
    "type",
    "category",
    "data",
    "title",
    "body",
    "action_url",
    "created_at",
    "schedule_at",
    "shown_at",
    "seen_at",
    "read_at",
    "archived_at",
    "deleted_at",
    "canceled_at",
    "pruned_at",
)
_WAY = (
    "id",
    "channel",
    "status",
    "reason",
    "provider",
    "created_at",
    "due_at",
    "handed_over_at",
    "delivered_at",
    "bounced_at",
    "complained_at",
    "opened_at",
    "clicked_at",
)
_TRY = ("started_at", "ended_at", "outcome", "reason", "provider")


def told_ids(user_id: UUID) -> list[UUID]:
    """Everything that a person was told, the oldest first."""
    rows = Notification.objects.filter(recipient_id=user_id)
    # By the two indexes that hold a person's notifications between them.
    shown = rows.filter(shown_at__isnull=False).values_list("created_at", "id")
    return [one for _, one in sorted([*shown, *rows.filter(shown_at__isnull=True).values_list("created_at", "id")])]


def delivery_ids(notification_ids: Collection[UUID]) -> list[UUID]:
    """The deliveries of these notifications."""
    return list(Delivery.objects.filter(notification_id__in=notification_ids).values_list("id", flat=True))


def told(notification_ids: Sequence[UUID], *, name: str) -> Iterator[dict[str, Any]]:
    """These notifications with their deliveries; `name` is how their reader is addressed."""
    for start in range(0, len(notification_ids), _PAGE):
        page = notification_ids[start : start + _PAGE]
        rows = Notification.objects.filter(id__in=page).prefetch_related("deliveries__attempts").in_bulk()
        versions = wording.versions({way.version_id for row in rows.values() for way in row.deliveries.all()})
        for one in page:
            if row := rows.get(one):
                ways = [_way(row, way, _words(row, way, versions, name)) for way in row.deliveries.all()]
                yield {column: getattr(row, column) for column in _TOLD} | {"deliveries": ways}


def _way(row: Notification, way: Delivery, words: Rendered | None) -> dict[str, Any]:
    tries = [{column: getattr(one, column) for column in _TRY} for one in way.attempts.all()]
    subject, text = (words.subject or words.title, words.text or words.body) if words else (None, None)
    return {column: getattr(way, column) for column in _WAY} | {"attempts": tries, "subject": subject, "text": text}


def _words(row: Notification, way: Delivery, versions: Any, name: str) -> Rendered | None:
    """The words without the signatures that open something. None when they are gone, or were never sent."""
    if row.pruned_at is not None or way.handed_over_at is None:
        return None
    try:
        data = row.data | links.shown_to_staff(row)
        source = versions[way.version_id].source
        return render(source, data, recipient_name=name, links=links.of_nobody(row))
    except TemplateInvalid as error:
        log().error("words_not_written", delivery_id=str(way.id), exc_info=error)
        return None


def mentions(user_id: UUID) -> Iterator[dict[str, Any]]:
    """Where others were told of this person, and how they were named."""
    rows = Notification.objects.filter(mentions=user_id).order_by("created_at", "id")
    for one, type, data, created_at in rows.values_list("id", "type", "data", "created_at").iterator(_PAGE):
        named = ", ".join(str(value) for key, value in data.items() if key.endswith("_name"))
        yield {"id": one, "type": type, "named": named, "created_at": created_at}
