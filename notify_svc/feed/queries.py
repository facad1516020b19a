"""Reading the feed: prepared statements whose rows PostgreSQL writes as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from bh_sdk.server.api.pages import path_with, read_cursor, write_cursor
from bh_sdk.server.api.rows import fetch_rows, json_bytes, json_rows
from bh_sdk.server.ops import clock
from notify_svc.audience import queries as audience
from notify_svc.feed import rules

_ORDER = ("-shown_at", "-id")
_END = ("infinity", "ffffffff-ffff-ffff-ffff-ffffffffffff")
# Only our own words are put together here; what callers send are parameters.
_ONE = f"""SELECT {rules.ENTRY} FROM notify_delivery_notification AS entry
    WHERE id = %(id)s AND recipient_id = %(user)s AND {rules.IN_FEED}"""  # noqa: S608
# From one index alone: what is unseen is unread as well.
_COUNTS = f"""
    SELECT count(*) AS unread, count(*) FILTER (WHERE seen_at IS NULL) AS unseen
    FROM notify_delivery_notification
    WHERE recipient_id = %(user)s AND read_at IS NULL AND archived_at IS NULL AND {rules.IN_FEED}
"""  # noqa: S608
_NEXT = """
    SELECT min(shown_at) FROM notify_delivery_notification WHERE recipient_id = %(user)s AND shown_at > %(now)s
"""
_WANTED = f"""
    recipient_id = %(user)s AND {rules.IN_FEED}
    AND (archived_at IS NOT NULL) = %(archived)s
    AND (%(type)s::text IS NULL OR type = %(type)s)
    AND (%(category)s::text IS NULL OR category = %(category)s)
    AND (%(group)s::text IS NULL OR "group" = %(group)s)
    AND (%(unread)s::boolean IS NULL OR (read_at IS NULL) = %(unread)s)
    AND (%(unseen)s::boolean IS NULL OR (seen_at IS NULL) = %(unseen)s)
    AND (%(since)s::timestamptz IS NULL OR shown_at >= %(since)s)
    AND (%(until)s::timestamptz IS NULL OR shown_at <= %(until)s)
    AND (shown_at, id) < (%(at)s::timestamptz, %(before)s::uuid)
"""
# The counts come with every row, and with an empty page too.
_FEED = f"""
    SELECT counts.unread, counts.unseen, page.entry, page.shown_at, page.id
    FROM ({_COUNTS}) AS counts
    LEFT JOIN LATERAL (
        SELECT id, shown_at, {rules.ENTRY} AS entry FROM notify_delivery_notification AS entry WHERE {_WANTED}
        ORDER BY shown_at DESC, id DESC LIMIT %(rows)s
    ) AS page ON true
    ORDER BY page.shown_at DESC, page.id DESC
"""  # noqa: S608
# Unread entries of one group with nothing else between them are one island, everything else an island of its own.
_GROUPED = f"""
    WITH scanned AS (
        SELECT id, shown_at, data, mentions, row_number() OVER (ORDER BY shown_at DESC, id DESC) AS place,
            CASE WHEN read_at IS NULL THEN nullif("group", '') END AS key
        FROM notify_delivery_notification WHERE {_WANTED}
        ORDER BY shown_at DESC, id DESC LIMIT {rules.GROUPED_OF}
    ), begun AS (
        SELECT *, (key IS NULL OR key IS DISTINCT FROM lag(key) OVER (ORDER BY place))::int AS begins FROM scanned
    ), placed AS (
        SELECT *, sum(begins) OVER (ORDER BY place) AS island FROM begun
    ), page AS (
        SELECT island, (array_agg(id ORDER BY place))[1] AS id, max(shown_at) AS last_at, min(shown_at) AS first_at,
            (array_agg(id ORDER BY place DESC))[1] AS tail, count(*) AS count,
            count(DISTINCT coalesce(mentions, id)) AS people,
            array_agg(data ->> '{rules.NAMED_BY}' ORDER BY place) FILTER (WHERE data ? '{rules.NAMED_BY}') AS names
        FROM placed GROUP BY island ORDER BY island LIMIT %(rows)s
    )
    SELECT counts.unread, counts.unseen, shown.entry, shown.first_at, shown.tail, shown.last_at, shown.count,
        shown.people, shown.names
    FROM ({_COUNTS}) AS counts
    LEFT JOIN LATERAL (
        SELECT page.*, {rules.ENTRY} AS entry
        FROM page JOIN notify_delivery_notification AS entry USING (id)
    ) AS shown ON true
    ORDER BY shown.island
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a reader asks for. None: all of them."""

    unread: bool | None = None
    unseen: bool | None = None
    archived: bool = False
    type: str | None = None
    category: str | None = None
    group: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def feed(*, user_id: UUID, request: HttpRequest, wanted: Wanted, cursor: str | None, limit: int) -> HttpResponse:
    """A page of one person's feed, newest first, with the counts. Raises Invalid for a bad cursor."""
    rows = fetch_rows(_FEED, _params(user_id, request, wanted, cursor, limit))
    entries = [row for row in rows if row[2] is not None]
    follow = None
    if len(entries) > limit:
        entries = entries[:limit]
        follow = _next(request, entries[-1][3], entries[-1][4])
    return _page(rows[0], [row[2] for row in entries], follow)


def grouped(*, user_id: UUID, request: HttpRequest, wanted: Wanted, cursor: str | None, limit: int) -> HttpResponse:
    """The same, with unread entries of one group that follow each other shown as one. Raises Invalid for a bad cursor."""
    rows = fetch_rows(_GROUPED, _params(user_id, request, wanted, cursor, limit))
    islands = [row for row in rows if row[2] is not None]
    follow = None
    scanned = sum(row[6] for row in islands)
    # What lies behind the last one scanned is not known to have ended.
    if len(islands) > limit or scanned >= rules.GROUPED_OF:
        islands = islands[:limit]
        follow = _next(request, islands[-1][3], islands[-1][4])
    locale = known.locale if (known := audience.reach([user_id]).get(user_id)) else "en"
    return _page(rows[0], [_together(request, row, locale) for row in islands], follow)


def moves_at(*, user_id: UUID) -> datetime | None:
    """When the next entry comes into a person's feed by time alone; None when none is scheduled."""
    ((moment,),) = fetch_rows(_NEXT, {"user": user_id, "now": clock.now()})
    return cast("datetime | None", moment)


def counts(*, user_id: UUID) -> tuple[int, int]:
    """How many entries of a feed are unread, and how many of them have not even been seen."""
    ((unread, unseen),) = fetch_rows(_COUNTS, {"user": user_id, "now": clock.now()})
    return unread, unseen


def entry(*, notification_id: UUID, user_id: UUID) -> HttpResponse:
    """One entry of a person's feed, written the way the feed writes it. Raises NotFound."""
    return json_rows(_ONE, {"id": notification_id, "user": user_id, "now": clock.now()})


def _params(user_id: UUID, request: HttpRequest, wanted: Wanted, cursor: str | None, limit: int) -> dict[str, Any]:
    after = read_cursor(cursor, request, _ORDER)
    at, before = after[1] if after else _END
    return {
        "user": user_id,
        "now": clock.now(),
        "unread": wanted.unread,
        "unseen": wanted.unseen,
        "archived": wanted.archived,
        "type": wanted.type,
        "category": wanted.category,
        "group": wanted.group,
        "since": wanted.since,
        "until": wanted.until,
        "at": at,
        "before": before,
        "rows": limit + 1,
    }


def _next(request: HttpRequest, moment: datetime, ident: UUID) -> str:
    return path_with(request, write_cursor(request, _ORDER, "n", [moment.isoformat(), str(ident)]))


def _page(first: tuple[Any, ...], results: list[bytes], follow: str | None) -> HttpResponse:
    return json_bytes(
        b'{"results":[%b],"unread_count":%d,"unseen_count":%d,"next":%b}'
        % (b",".join(results), first[0], first[1], b"null" if follow is None else b'"' + follow.encode() + b'"')
    )


def _together(request: HttpRequest, row: tuple[Any, ...], locale: str) -> bytes:
    """The newest entry of an island, and of the others what one line can say."""
    _, _, written, first_at, _, last_at, count, people, names = row
    if count == 1:
        return bytes(written)
    newest = json.loads(written)
    about = newest["data"].get("campaign_title", "")
    newest["together"] = {
        "count": count,
        "people": people,
        "names": list(dict.fromkeys(names or ()))[: rules.NAMES],
        "first_at": first_at.isoformat(),
        "last_at": last_at.isoformat(),
        "summary": rules.summary(
            newest["type"], locale=locale, count=count, people=people, about=str(about), title=newest["title"]
        ),
        "members": _members(request, newest["group"], first_at, last_at),
    }
    return json.dumps(newest, ensure_ascii=False, separators=(",", ":")).encode()


def _members(request: HttpRequest, group: str, first_at: datetime, last_at: datetime) -> str:
    """The page of an island's entries: between its ends nothing else of that group is unread."""
    query = request.GET.copy()
    for name in ("cursor", "limit", "grouped"):
        query.pop(name, None)
    query["unread"], query["group"] = "true", group
    query["since"], query["until"] = first_at.isoformat(), last_at.isoformat()
    return f"{request.path}?{query.urlencode()}"
