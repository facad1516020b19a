"""What a person does with the entries of the own feed."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from bh_sdk.clients.call import Answered, Call, Ident, answer, ident, query
from bh_sdk.wire.entries import Feed, FeedCounts, FeedItem, ReadAll, StreamTicket

BASE = "/api/v1/notifications"


def feed(
    user_id: Ident,
    *,
    unread: bool | None = None,
    unseen: bool | None = None,
    archived: bool | None = None,
    type: str | None = None,
    category: str | None = None,
    group: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    grouped: bool | None = None,
    limit: int = 50,
    cursor: str | None = None,
    timeout: float | None = None,
) -> Call[Feed]:
    """A page of a person's notifications, newest first, with the counts. Raises NotFound for another's.

    `archived=True` lists what was put away, and that alone. `grouped=True` shows unread ones of one group that follow
    each other as one, whose `together` tells of the others.
    """
    path = f"{BASE}/user/{ident(user_id, 'user_id')}"
    filters = query(
        unread=unread,
        unseen=unseen,
        archived=archived,
        type=type,
        category=category,
        group=group,
        since=since,
        until=until,
        grouped=grouped,
        limit=limit,
        cursor=cursor,
    )
    return Call("notify.feed", "GET", path, answer(Feed), filters, timeout=timeout)


def feed_counts(user_id: Ident, *, timeout: float | None = None) -> Call[FeedCounts]:
    """How many entries are unread, and how many of them unseen."""
    path = f"{BASE}/user/{ident(user_id, 'user_id')}/counts"
    return Call("notify.feed_counts", "GET", path, answer(FeedCounts), timeout=timeout)


def mark_seen(notification_id: Ident, *, timeout: float | None = None) -> Call[FeedItem]:
    """Mark one as seen. Repeating it keeps the first time."""
    return _mark("mark_seen", "PUT", "seen", notification_id, timeout)


def mark_read(notification_id: Ident, *, timeout: float | None = None) -> Call[FeedItem]:
    """Mark one as read. Repeating it keeps the first time."""
    return _mark("mark_read", "PUT", "read", notification_id, timeout)


def mark_unread(notification_id: Ident, *, timeout: float | None = None) -> Call[FeedItem]:
    """Mark one as unread again; it stays seen."""
    return _mark("mark_unread", "DELETE", "read", notification_id, timeout)


def archive(notification_id: Ident, *, timeout: float | None = None) -> Call[FeedItem]:
    """Put one away. Repeating it keeps the first time."""
    return _mark("archive", "PUT", "archive", notification_id, timeout)


def unarchive(notification_id: Ident, *, timeout: float | None = None) -> Call[FeedItem]:
    """Take one back from the archive."""
    return _mark("unarchive", "DELETE", "archive", notification_id, timeout)


def delete(user_id: Ident, notification_id: Ident, *, timeout: float | None = None) -> Call[None]:
    """Take one out of the feed for good. Repeating it changes nothing."""
    path = f"{BASE}/user/{ident(user_id, 'user_id')}/{ident(notification_id, 'notification_id')}"
    return Call("notify.delete", "DELETE", path, _nothing, timeout=timeout, expects=frozenset({204}))


def see_all(*, timeout: float | None = None) -> Call[ReadAll]:
    """Mark everything of the caller as seen."""
    return Call("notify.see_all", "POST", f"{BASE}/seen-all", answer(ReadAll), harmless=True, timeout=timeout)


def read_all(*, timeout: float | None = None) -> Call[ReadAll]:
    """Mark everything of the caller as read."""
    return Call("notify.read_all", "POST", f"{BASE}/read-all", answer(ReadAll), harmless=True, timeout=timeout)


def stream_ticket(*, timeout: float | None = None) -> Call[StreamTicket]:
    """The right to open the stream of the caller's feed once, within 30 seconds: `GET {url}?ticket={ticket}` (Server-Sent
    Events; give the last event's id as `Last-Event-ID` to go on after a break)."""
    path = f"{BASE}/stream-ticket"
    return Call("notify.stream_ticket", "POST", path, answer(StreamTicket), harmless=True, timeout=timeout)


def _mark(operation: str, method: str, what: str, notification_id: UUID | str, timeout: float | None) -> Call[FeedItem]:
    path = f"{BASE}/{what}/{ident(notification_id, 'notification_id')}"
    return Call(f"notify.{operation}", method, path, answer(FeedItem), timeout=timeout)


def _nothing(answered: Answered) -> None:
    return None
