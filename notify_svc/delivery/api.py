"""The door to sending."""

from __future__ import annotations

from typing import cast

from bh_sdk.server.access import may
from bh_sdk.server.api import Call, Idempotency, Router, Status, idempotent
from bh_sdk.wire import notify as wire
from notify_svc.delivery import commands, rules

router = Router(tags=["notifications"])


@router.post("/send", auth=may("notification", "send"), response={202: wire.SendAccepted})
@idempotent
def send_notification(request: Call, body: wire.SendNotification) -> Status[wire.SendAccepted]:
    """Tell up to 1,000 people something. 202: it is written down and will be sent; `channels` says by which ways."""
    key = cast(Idempotency, request.idempotency).digest
    accepted = commands.send(**body.model_dump(), key=key, by=request.auth.id)
    results = [
        wire.SendResult(
            recipient_id=one.recipient_id,
            notification_id=one.notification_id,
            status="scheduled" if one.scheduled else "accepted",
            channels=one.channels,
        )
        for one in accepted
    ]
    absent = [channel for channel in body.channels or () if channel not in rules.OFFERED]
    return Status(202, wire.SendAccepted(results=results, unavailable=absent))
