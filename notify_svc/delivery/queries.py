"""What became of what was sent."""

from __future__ import annotations

from uuid import UUID

from bh_sdk.wire import notify as wire
from notify_svc.delivery.errors import NotificationNotFound
from notify_svc.delivery.models import Notification


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
