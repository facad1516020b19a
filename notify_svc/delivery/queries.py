"""What became of what was sent."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import Count, Min

from bh_sdk.server.ops import clock
from bh_sdk.wire import notify as wire
from notify_svc.delivery import rules
from notify_svc.delivery.errors import NotificationNotFound
from notify_svc.delivery.models import Delivery, Notification


def sent(*, notification_id: UUID, by: str) -> wire.SentNotification:
    """What became of a notification of this caller. Raises NotificationNotFound, also for another's."""
    row = Notification.objects.filter(id=notification_id, accepted_by=by).first()
    if row is None:
        raise NotificationNotFound
    return wire.SentNotification(
        notification_id=row.id,
        recipient_id=row.recipient_id,
        type=row.type,
        test=row.test,
        created_at=row.created_at,
        schedule_at=row.schedule_at,
        expires_at=row.expires_at,
        canceled_at=row.canceled_at,
        deliveries=[
            wire.SentDelivery.model_validate(delivery, from_attributes=True)
            for delivery in row.deliveries.order_by("channel")
        ],
    )


def overdue() -> dict[str, tuple[int, datetime]]:
    """What is due for more than a minute: how many by channel, and since when the oldest."""
    late = Delivery.objects.filter(status__in=rules.DUE, due_at__lt=clock.now() - rules.OVERDUE)
    found = late.order_by().values_list("channel").annotate(n=Count("id"), oldest=Min("due_at"))
    return {channel: (count, oldest) for channel, count, oldest in found}
