"""From one push to a person to one for each of their devices, at the last moment: the devices of yesterday are not today's.

Each is a delivery of its own from then on, with its own tries, provider and fate, so that a telephone that is gone takes
nothing from the browser beside it, and no device is told twice.
"""

from __future__ import annotations

from uuid import uuid4

from django.db import transaction

from bh_sdk.server.ops import clock
from notify_svc.delivery import channels
from notify_svc.delivery.models import Delivery
from notify_svc.devices import queries as devices

NO_DEVICE = "no_device"


@transaction.atomic
def spread(*, limit: int = 1_000) -> int:
    """Give the pushes that are due their devices; returns how many there were. One for nobody's device ends here.

    A worker that dies meanwhile leaves them as they were, and two workers never hold the same.
    """
    now, kinds = clock.now(), sorted(channels.kinds())
    if not kinds:
        return 0
    due = Delivery.objects.select_for_update(skip_locked=True, of=("self",))
    due = due.filter(channel="push", lane="", status="queued", due_at__lte=now).select_related("notification")
    rows = list(due.order_by("-priority", "due_at")[:limit])
    owned = devices.kinds_of({row.recipient_id for row in rows}, kinds=kinds, now=now)
    siblings = []
    for row in rows:
        mine = owned.get(row.recipient_id, [])
        if row.notification.test:
            # It goes nowhere, so any way will do.
            row.lane = kinds[0]
        elif not mine:
            row.status, row.reason, row.finished_at = "canceled", NO_DEVICE, now
        else:
            row.device_id, row.lane = mine[0]
            siblings += [
                Delivery(
                    id=uuid4(),
                    notification=row.notification,
                    recipient_id=row.recipient_id,
                    channel=row.channel,
                    lane=lane,
                    device_id=device_id,
                    version_id=row.version_id,
                    status=row.status,
                    priority=row.priority,
                    due_at=row.due_at,
                    created_at=row.created_at,
                )
                for device_id, lane in mine[1:]
            ]
    Delivery.objects.bulk_update(rows, ["lane", "device_id", "status", "reason", "finished_at"])
    Delivery.objects.bulk_create(siblings)
    return len(rows)
