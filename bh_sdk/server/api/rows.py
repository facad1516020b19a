"""One prepared statement in, JSON bytes out: for what is asked all the time. Everything else is plain ORM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from django.db import connection
from django.http import HttpRequest, HttpResponse
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.rows import tuple_row

from bh_sdk.errors import NotFound
from bh_sdk.server.api.pages import MOST, USUAL, path_with, read_cursor, write_cursor

Params = Mapping[str, Any] | Sequence[Any]
# The order that `json_page` is for: newest first, ids for ties.
NEWEST = ("-created_at", "-id")


class _Bytes(Loader):
    """Leaves a JSON value the way PostgreSQL wrote it."""

    def load(self, data: Buffer) -> bytes:
        return bytes(data)


class _JsonCursor(psycopg.Cursor[Any]):
    def __init__(self, held: psycopg.Connection[Any]) -> None:
        super().__init__(held, row_factory=tuple_row)
        self.adapters.register_loader("json", _Bytes)
        self.adapters.register_loader("jsonb", _Bytes)


def fetch_rows(sql: str, params: Params = ()) -> list[tuple[Any, ...]]:
    """All rows of one prepared statement; `json` and `jsonb` columns come as bytes."""
    # Django's own road to a cursor: checks the connection after a restart, connects, and names errors its way.
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    with connection.wrap_database_errors, _JsonCursor(connection.connection) as cursor:
        cursor.execute(sql.encode(), params, prepare=True)
        return cursor.fetchall()


def json_rows(sql: str, params: Params = (), *, status: int = 200) -> HttpResponse:
    """Answer with the one JSON value that `sql` selects (`SELECT json_build_object(…)`), untouched.

    Placeholders are `%s` or `%(name)s`. Raises NotFound when there is no row, or its value is null.
    """
    rows = fetch_rows(sql, params)
    if not rows or rows[0][0] is None:
        raise NotFound()
    return json_bytes(rows[0][0], status=status)


def json_bytes(body: bytes, *, status: int = 200) -> HttpResponse:
    """Ready JSON as an answer; Ninja passes it through."""
    return HttpResponse(body, status=status, content_type="application/json; charset=utf-8")


def json_page(
    sql: str,
    params: Mapping[str, Any],
    *,
    request: HttpRequest,
    cursor: str | None = None,
    limit: int = USUAL,
    more: bytes = b"",
) -> HttpResponse:
    """A page `{results, next, previous}` of one statement, newest first; `previous` is always null.

    `sql` selects three columns: the row as JSON, its time and its id, both `::text` (only the last are needed, and
    texts cost nothing to take over), and ends in `… AND (created_at, id) <
    (%(at)s::timestamptz, %(before)s::uuid) ORDER BY created_at DESC, id DESC LIMIT %(rows)s`. `more` are further
    members, ready to insert (`b'"unread_count": 3'`). Raises Invalid for a bad cursor.
    """
    size = max(1, min(limit, MOST))
    after = read_cursor(cursor, request, NEWEST)
    at, before = after[1] if after else ("infinity", "ffffffff-ffff-ffff-ffff-ffffffffffff")
    rows = fetch_rows(sql, {**params, "at": at, "before": before, "rows": size + 1})
    follow = b"null"
    if len(rows) > size:
        rows = rows[:size]
        _, moment, ident = rows[-1]
        follow = b'"' + path_with(request, write_cursor(request, NEWEST, "n", [moment, ident])).encode() + b'"'
    results = b",".join(row[0] for row in rows)
    return json_bytes(
        b'{"results":[' + results + b'],"next":' + follow + b',"previous":null' + (b"," + more if more else b"") + b"}"
    )
