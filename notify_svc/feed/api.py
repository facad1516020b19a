"""Doors to a person's own feed. Another's is not there, and neither are its entries."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from pydantic import Field

from bh_sdk.errors import NotFound
from bh_sdk.server.access import may
from bh_sdk.server.api import Call, Cursor, Limit, Router, Status
from bh_sdk.server.api.kept import Shelf
from bh_sdk.wire import entries as wire
from bh_sdk.wire.base import Slug, Time
from notify_svc.feed import commands, queries

router = Router(tags=["feed"])
# The usual first page. The table's triggers tell whose feed moved, whoever moved it.
FEEDS = Shelf("feed", below="/api/v1/notifications/", noun="feed", verb="read", own=True)

Since = Annotated[Time | None, Field(description="In the feed from then on")]
Until = Annotated[Time | None, Field(description="In the feed by then")]


@router.get("/user/{uuid:user_id}", auth=may("feed", "read"), response=wire.Feed)
def get_feed(
    request: Call,
    user_id: UUID,
    unread: bool | None = None,
    unseen: bool | None = None,
    archived: bool = False,
    type: Slug | None = None,
    category: Slug | None = None,
    group: Slug | None = None,
    since: Since = None,
    until: Until = None,
    grouped: bool = False,
    cursor: Cursor = None,
    limit: Limit = 20,
) -> HttpResponse:
    """Your notifications, newest first, with how many of all are unread and unseen.

    What is archived is listed by `archived=true` alone. `grouped=true` shows unread ones of one group that follow each
    other as one, the newest, whose `together` says for how many it stands and where they are.
    """
    _own(request, user_id)
    read = queries.grouped if grouped else queries.feed
    wanted = queries.Wanted(unread, unseen, archived, type, category, group, since, until)
    return FEEDS.own_answer(
        request,
        lambda: read(user_id=user_id, request=request, wanted=wanted, cursor=cursor, limit=limit),
        moves_at=lambda: queries.moves_at(user_id=user_id),
    )


@router.get("/user/{uuid:user_id}/counts", auth=may("feed", "read"), response=wire.FeedCounts)
def get_counts(request: Call, user_id: UUID) -> wire.FeedCounts:
    """How many of your notifications are unread, and how many of these were never on a screen."""
    _own(request, user_id)
    unread, unseen = queries.counts(user_id=user_id)
    return wire.FeedCounts(unread_count=unread, unseen_count=unseen)


@router.put("/seen/{uuid:notification_id}", auth=may("feed", "mark"), response=wire.FeedItem)
def mark_seen(request: Call, notification_id: UUID) -> HttpResponse:
    """One of your notifications has been on the screen. Doing it again changes nothing."""
    commands.see(notification_id=notification_id, user_id=_caller(request))
    return _marked(request, notification_id)


@router.put("/read/{uuid:notification_id}", auth=may("feed", "mark"), response=wire.FeedItem)
def mark_read(request: Call, notification_id: UUID) -> HttpResponse:
    """Mark one of your notifications read. Doing it again changes nothing."""
    commands.read(notification_id=notification_id, user_id=_caller(request))
    return _marked(request, notification_id)


@router.delete("/read/{uuid:notification_id}", auth=may("feed", "mark"), response=wire.FeedItem)
def mark_unread(request: Call, notification_id: UUID) -> HttpResponse:
    """Mark one of your notifications unread again. It stays seen. Doing it again changes nothing."""
    commands.unread(notification_id=notification_id, user_id=_caller(request))
    return _marked(request, notification_id)


@router.put("/archive/{uuid:notification_id}", auth=may("feed", "mark"), response=wire.FeedItem)
def archive(request: Call, notification_id: UUID) -> HttpResponse:
    """Put one of your notifications away: it counts no more. Doing it again changes nothing."""
    commands.archive(notification_id=notification_id, user_id=_caller(request))
    return _marked(request, notification_id)


@router.delete("/archive/{uuid:notification_id}", auth=may("feed", "mark"), response=wire.FeedItem)
def unarchive(request: Call, notification_id: UUID) -> HttpResponse:
    """Take one of your notifications back from the archive. Doing it again changes nothing."""
    commands.unarchive(notification_id=notification_id, user_id=_caller(request))
    return _marked(request, notification_id)


@router.delete("/user/{uuid:user_id}/{uuid:notification_id}", auth=may("feed", "mark"), response={204: None})
def delete(request: Call, user_id: UUID, notification_id: UUID) -> Status[None]:
    """Take one of your notifications out of the feed for good. Doing it again changes nothing."""
    _own(request, user_id)
    commands.delete(notification_id=notification_id, user_id=user_id)
    _moved(user_id)
    return Status(204, None)


@router.post("/seen-all", auth=may("feed", "mark"), response=wire.ReadAll)
def mark_all_seen(request: Call) -> wire.ReadAll:
    """All your notifications that are not archived have been on the screen."""
    marked = commands.see_all(user_id=_caller(request))
    _moved(_caller(request))
    return wire.ReadAll(marked=marked)


@router.post("/read-all", auth=may("feed", "mark"), response=wire.ReadAll)
def mark_all_read(request: Call) -> wire.ReadAll:
    """Mark all your notifications read that are not archived."""
    marked = commands.read_all(user_id=_caller(request))
    _moved(_caller(request))
    return wire.ReadAll(marked=marked)


@router.post("/stream-ticket", auth=may("feed", "read"), response={201: wire.StreamTicket})
def open_stream(request: Call) -> Status[wire.StreamTicket]:
    """The right to open the stream of your feed, once, within 30 seconds: `GET url?ticket=…` (Server-Sent Events).

    `entry` events carry an entry that is new or has changed, `gone` ones the id of one that has left the feed, `counts`
    the numbers of unread and unseen ones. To go on after a break, get another ticket and give the last event's id as the
    header `Last-Event-ID` or as `last_event_id` in the address: nothing is left out and nothing comes twice. After
    `reload` read the feed anew: too much has happened to tell it one by one. A stream without a last id tells what
    happens from now on; open it first and read the feed then.
    """
    ticket, expires_at = commands.issue_ticket(user_id=_caller(request))
    url = f"{settings.BH_STREAM_URL}/api/v1/notifications/stream"
    return Status(201, wire.StreamTicket(ticket=ticket, expires_at=expires_at, url=url))


def _marked(request: Call, notification_id: UUID) -> HttpResponse:
    _moved(_caller(request))
    return queries.entry(notification_id=notification_id, user_id=_caller(request))


def _moved(user_id: UUID) -> None:
    """Whoever has just changed the own feed reads it changed here, even before this process hears of it."""
    FEEDS.outdated((f"user/{user_id}",))


def _caller(request: Call) -> UUID:
    """The person who calls. A service has no feed."""
    try:
        return UUID(request.auth.id)
    except ValueError:
        raise NotFound from None


def _own(request: Call, user_id: UUID) -> None:
    if _caller(request) != user_id:
        raise NotFound
