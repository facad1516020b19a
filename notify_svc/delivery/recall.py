"""Taking back what has not left. What is at a provider, or may be, cannot be called back and is left as it is."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db import transaction

from bh_sdk.server.events import record_all
from bh_sdk.server.ops import clock
from notify_svc.delivery import rules
from notify_svc.delivery.commands import failed
from notify_svc.delivery.errors import NotificationNotFound
from notify_svc.delivery.models import Delivery, Notification


@transaction.atomic
def cancel(*, notification_id: UUID, by: str) -> None:
    """Cancel a notification of this caller; again changes nothing. Raises NotificationNotFound, also for another's."""
    if not Notification.objects.filter(id=notification_id, accepted_by=by).exists():
        raise NotificationNotFound
    take_back([notification_id])


@transaction.atomic
def take_back(notification_ids: Collection[UUID]) -> int:
    """Cancel these notifications; returns how many had not been canceled before.

    A worker that holds a delivery looks at `canceled_at` before each try, so one that comes back to be tried again is
    canceled then. Of a mail that may have left nobody can say that it was canceled: it is given up instead.
    """
    now = clock.now()
    rows = Notification.objects.select_for_update().filter(id__in=notification_ids, canceled_at=None)
    ids = list(rows.order_by("id").values_list("id", flat=True))
    Notification.objects.filter(id__in=ids).update(canceled_at=now)
    Notification.objects.filter(id__in=ids, shown_at__gt=now).update(shown_at=None)
    still_here = Delivery.objects.select_for_update(of=("self",)).filter(notification_id__in=ids, status__in=_HERE)
    here = list(still_here.select_related("notification").order_by("id"))
    for delivery in here:
        maybe_left = delivery.status == "unknown"
        delivery.status = "failed" if maybe_left else "canceled"
        delivery.reason = rules.FATE_UNKNOWN if maybe_left else "canceled"
        delivery.finished_at = now
    Delivery.objects.bulk_update(here, ["status", "reason", "finished_at"])
    gone = [row for row in here if row.status == "failed"]
    record_all([(failed(row, row.notification.type), row.id) for row in gone])
    return len(ids)


_HERE = ("waiting", *rules.DUE)
