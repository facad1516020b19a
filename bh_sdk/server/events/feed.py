"""The feed: the log in number order, as a page of JSON that PostgreSQL writes itself."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django.db import connection

from bh_sdk.errors import EpochMismatch, FeedBehind, Invalid
from bh_sdk.server.api.rows import fetch_rows
from bh_sdk.server.events.epochs import open_log
from bh_sdk.server.ops.settings import setting

PAGE = 500

_AFTER = re.compile(r"(?:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):)?([0-9]{1,18})", re.ASCII)

# `resume` is where a reader of another epoch goes on: the numbers up to its epoch's successor's beginning are shared;
# an epoch that is not known here shares nothing.
# The inner limit is no parameter, and the events are fetched one by one behind a fence: a plan that is made for every
# limit and any table size would otherwise read the whole log for each page.
_PAGE = f"""
WITH asked AS (
    SELECT %(epoch)s::uuid AS epoch, %(number)s::bigint AS number
), page AS (
    SELECT f.number, e.envelope
      FROM feed_head h, asked a,
           (SELECT number, position FROM (
               SELECT number, position FROM feed WHERE number > %(number)s::bigint ORDER BY number LIMIT {PAGE}
            ) AS most ORDER BY number LIMIT %(limit)s) AS f,
           LATERAL (SELECT event_envelope(event, f.number, h.epoch, %(source)s) AS envelope FROM event
                     WHERE event.position = f.position OFFSET 0) AS e
     WHERE h.epoch = coalesce(a.epoch, h.epoch)
)
SELECT h.epoch, h.number,
       CASE WHEN a.epoch <> h.epoch THEN coalesce(
           (SELECT least(a.number, min(later.begins)) FROM epoch mine JOIN epoch later ON later.life > mine.life
             WHERE mine.epoch = a.epoch GROUP BY mine.epoch), 0) END,
       '{{"results":[' || coalesce((SELECT string_agg(p.envelope, ',' ORDER BY p.number) FROM page p), '')
           || '],"next":"' || h.epoch || ':' || coalesce((SELECT max(p.number) FROM page p), a.number)
           || '","head":"' || h.epoch || ':' || h.number || '"}}'
  FROM feed_head h, asked a
"""  # noqa: S608 - a constant


def page(after: str, limit: int = PAGE) -> str:
    """The JSON `{results, next, head}` of up to `limit` events after the position `<epoch>:<number>` ("" = the start).

    Raises EpochMismatch (`epoch`, `resume`, `head`) for a position of another epoch, FeedBehind (`head`) for one ahead
    of this log, Invalid for one that is none.
    """
    epoch, number = position(after)
    row = _ask(epoch, number, limit)
    if row is None:
        connection.ensure_connection()
        open_log(connection.connection)
        row = _ask(epoch, number, limit)
    assert row is not None  # noqa: S101 - the head is never deleted
    current, head, resume, body = row
    if epoch is not None and epoch != current:
        raise EpochMismatch(epoch=str(current), resume=f"{current}:{resume}", head=f"{current}:{head}")
    if number > head:
        raise FeedBehind(epoch=str(current), head=f"{current}:{head}")
    return str(body)


def position(text: str) -> tuple[UUID | None, int]:
    """`<epoch>:<number>` taken apart; "" and a bare number mean the epoch of now."""
    if not text:
        return None, 0
    match = _AFTER.fullmatch(text)
    if match is None:
        raise Invalid(errors=[{"pointer": "#/query/after", "message": "must be <epoch>:<number>, as `next` gives it"}])
    return UUID(match[1]) if match[1] else None, int(match[2])


def _ask(epoch: UUID | None, number: int, limit: int) -> tuple[Any, ...] | None:
    asked = {"epoch": epoch, "number": number, "limit": limit, "source": setting("BH_SERVICE")}
    return next(iter(fetch_rows(_PAGE, asked)), None)
