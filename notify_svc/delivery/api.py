"""The door to sending, and to what became of what was sent."""

from __future__ import annotations

from typing import Literal, cast
from uuid import UUID

from bh_sdk.server.access import may
from bh_sdk.server.api import Call, Idempotency, Router, Status, idempotent
from bh_sdk.wire import notify as wire
from notify_svc.delivery import commands, mailings, queries, recall
from notify_svc.delivery.channels import offered
from notify_svc.delivery.models import Mailing

router = Router(tags=["notifications"])


@router.post("/send", auth=may("notification", "send"), response={202: wire.SendAccepted})
@idempotent
def send_notification(request: Call, body: wire.SendNotification) -> Status[wire.SendAccepted]:
    """Tell up to 1,000 people something, or an audience. 202: it is written down and will be sent; `channels` says by
    which ways. An audience is told by and by; `mailing` is its name and how large it is."""
    asked = body.model_dump(exclude={"recipient_ids", "audience"})
    asked |= {"key": cast(Idempotency, request.idempotency).digest, "by": request.auth.id}
    absent = [channel for channel in body.channels or () if channel not in offered()]
    if body.audience is not None:
        kind, campaign_id = body.audience.kind, body.audience.campaign_id
        mailing = mailings.send_to_audience(audience_kind=kind, campaign_id=campaign_id, **asked)
        return Status(202, wire.SendAccepted(results=[], unavailable=absent, mailing=_mailing(mailing)))
    results = [
        wire.SendResult(
            recipient_id=one.recipient_id,
            notification_id=one.notification_id,
            status="scheduled" if one.scheduled else "accepted",
            channels=one.channels,
            suppressed=one.suppressed,
        )
        for one in commands.send(recipient_ids=body.recipient_ids or [], **asked)
    ]
    return Status(202, wire.SendAccepted(results=results, unavailable=absent))


@router.get("/sent/{uuid:notification_id}", auth=may("notification", "send"), response=wire.SentNotification)
def get_sent(request: Call, notification_id: UUID) -> wire.SentNotification:
    """What became of a notification that you sent, channel by channel."""
    return queries.sent(notification_id=notification_id, by=request.auth.id)


@router.post("/sent/{uuid:notification_id}/cancel", auth=may("notification", "send"), response=wire.SentNotification)
def cancel_sent(request: Call, notification_id: UUID) -> wire.SentNotification:
    """Take back what has not left. What has, or may have, stays as it is. Doing it again changes nothing."""
    recall.cancel(notification_id=notification_id, by=request.auth.id)
    return queries.sent(notification_id=notification_id, by=request.auth.id)


@router.get("/mailings/{uuid:mailing_id}", auth=may("notification", "send"), response=wire.Mailing)
def get_mailing(request: Call, mailing_id: UUID) -> wire.Mailing:
    """How far a message to an audience has come."""
    return _mailing(mailings.mailing(mailing_id=mailing_id, by=request.auth.id))


@router.post("/mailings/{uuid:mailing_id}/cancel", auth=may("notification", "send"), response=wire.Mailing)
def cancel_mailing(request: Call, mailing_id: UUID) -> wire.Mailing:
    """Tell nobody else, and take back what has not left. Doing it again changes nothing."""
    return _mailing(mailings.cancel_mailing(mailing_id=mailing_id, by=request.auth.id))


def _mailing(row: Mailing) -> wire.Mailing:
    return wire.Mailing(
        mailing_id=row.id,
        status=cast(Literal["open", "done", "expired", "canceling", "canceled"], row.status),
        expected=row.expected,
        reached=row.reached,
        created_at=row.created_at,
        finished_at=row.finished_at,
    )
