"""Doors to sending and to the feed."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.http import HttpResponse

from bh_sdk.errors import NotFound
from bh_sdk.server.access import may
from bh_sdk.server.api import Call, Cursor, Idempotency, Limit, Router, Status, idempotent
from bh_sdk.wire import notify as wire
from bh_sdk.wire.base import Slug
from notify_svc.delivery import commands, queries, rules

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


@router.get("/user/{uuid:user_id}", auth=may("feed", "read"), response=wire.Feed)
def get_feed(
    request: Call,
    user_id: UUID,
    unread: bool | None = None,
    type: Slug | None = None,
    cursor: Cursor = None,
    limit: Limit = 20,
) -> HttpResponse:
    """Your notifications, newest first, with how many of all are unread."""
    _own(request, user_id)
    return queries.feed(user_id=user_id, request=request, unread=unread, type=type, cursor=cursor, limit=limit)


@router.put("/read/{uuid:notification_id}", auth=may("feed", "mark"), response=wire.FeedItem)
def mark_read(request: Call, notification_id: UUID) -> HttpResponse:
    """Mark one of your notifications read. Doing it again changes nothing."""
    commands.mark_read(notification_id=notification_id, user_id=_caller(request))
    return queries.entry(notification_id=notification_id, user_id=_caller(request))


@router.post("/read-all", auth=may("feed", "mark"), response=wire.ReadAll)
def mark_all_read(request: Call) -> wire.ReadAll:
    """Mark all your notifications read."""
    return wire.ReadAll(marked=commands.mark_all_read(user_id=_caller(request)))


def _caller(request: Call) -> UUID:
    """The person who calls. A service has no feed."""
    try:
        return UUID(request.auth.id)
    except ValueError:
        raise NotFound from None


def _own(request: Call, user_id: UUID) -> None:
    if _caller(request) != user_id:
        raise NotFound
