"""Reading the feed: one prepared statement whose rows PostgreSQL writes as JSON."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse

from bh_sdk.server.api.pages import path_with, read_cursor, write_cursor
from bh_sdk.server.api.rows import fetch_rows, json_bytes, json_rows
from bh_sdk.server.ops import clock

_ORDER = ("-shown_at", "-id")
_ENTRY = """json_build_object(
            'id', id, 'type', type, 'title', title, 'body', body, 'data', data, 'action_url', nullif(action_url, ''),
            'created_at', shown_at, 'seen_at', seen_at, 'read_at', read_at, 'archived_at', archived_at
        )"""
# Only our own words are put together here; what callers send are parameters.
_ONE = f"SELECT {_ENTRY} FROM notify_delivery_notification WHERE id = %(id)s AND recipient_id = %(user)s"  # noqa: S608
# The count comes with every row, and with an empty page too.
_FEED = f"""
    SELECT unread.count, page.entry, page.shown_at, page.id
    FROM (
        SELECT count(*) AS count FROM notify_delivery_notification
        WHERE recipient_id = %(user)s AND shown_at <= %(now)s AND read_at IS NULL
    ) AS unread
    LEFT JOIN LATERAL (
        SELECT id, shown_at, {_ENTRY} AS entry
        FROM notify_delivery_notification
        WHERE recipient_id = %(user)s AND shown_at <= %(now)s
            AND (%(type)s::text IS NULL OR type = %(type)s)
            AND (%(unread)s::boolean IS NULL OR (read_at IS NULL) = %(unread)s)
            AND (shown_at, id) < (%(at)s::timestamptz, %(before)s::uuid)
        ORDER BY shown_at DESC, id DESC LIMIT %(rows)s
    ) AS page ON true
    ORDER BY page.shown_at DESC, page.id DESC
"""  # noqa: S608


def feed(
    *, user_id: UUID, request: HttpRequest, unread: bool | None, type: str | None, cursor: str | None, limit: int
) -> HttpResponse:
    """A page of one person's feed, newest first: `{results, unread_count, next}`. Raises Invalid for a bad cursor."""
    after = read_cursor(cursor, request, _ORDER)
    at, before = after[1] if after else ("infinity", "ffffffff-ffff-ffff-ffff-ffffffffffff")
    wanted = {
        "user": user_id,
        "now": clock.now(),
        "type": type,
        "unread": unread,
        "at": at,
        "before": before,
        "rows": limit + 1,
    }
    rows = fetch_rows(_FEED, wanted)
    entries = [row for row in rows if row[1] is not None]
    follow = b"null"
    if len(entries) > limit:
        entries = entries[:limit]
        _, _, moment, ident = entries[-1]
        follow = (
            b'"'
            + path_with(request, write_cursor(request, _ORDER, "n", [moment.isoformat(), str(ident)])).encode()
            + b'"'
        )
    results = b",".join(row[1] for row in entries)
    return json_bytes(b'{"results":[%b],"unread_count":%d,"next":%b}' % (results, rows[0][0], follow))


def entry(*, notification_id: UUID, user_id: UUID) -> HttpResponse:
    """One entry of a person's feed, written the way the feed writes it. Raises NotFound."""
    return json_rows(_ONE, {"id": notification_id, "user": user_id})
