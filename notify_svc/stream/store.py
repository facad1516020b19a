"""What the stream asks PostgreSQL, on connections that come back by themselves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

from bh_sdk.server.ops import clock
from notify_svc.feed import rules

CHANNEL = "bh_kept_feed"
EVERYBODY = "*"

_REDEEM = """
    DELETE FROM notify_feed_ticket WHERE digest = %(digest)s AND expires_at > clock_timestamp() RETURNING person_id
"""
_NUMBER = "SELECT notify_feed_number(%(people)s::uuid[], %(now)s)"
_REVISION = "SELECT coalesce((SELECT revision FROM notify_feed_reader WHERE person_id = %(person)s), 0)"
_IN_FEED = "entry.deleted_at IS NULL AND entry.canceled_at IS NULL AND NOT entry.test"
_CHANGES = f"""
    SELECT asked.stream, change.revision, change.here, change.entry
    FROM unnest(%(streams)s::int[], %(people)s::uuid[], %(after)s::bigint[]) AS asked(stream, person, after)
    CROSS JOIN LATERAL (
        SELECT entry.revision, {_IN_FEED} AS here, CASE WHEN {_IN_FEED} THEN {rules.ENTRY} ELSE
            json_build_object('id', entry.id) END::text AS entry
        FROM notify_delivery_notification AS entry
        WHERE entry.recipient_id = asked.person AND entry.shown_at IS NOT NULL AND entry.revision > asked.after
        ORDER BY entry.revision LIMIT %(page)s
    ) AS change
    ORDER BY asked.stream, change.revision
"""  # noqa: S608 - our own words
_COUNTS = f"""
    SELECT asked.person, count(entry.id), count(entry.id) FILTER (WHERE entry.seen_at IS NULL)
    FROM unnest(%(people)s::uuid[]) AS asked(person)
    LEFT JOIN notify_delivery_notification AS entry
        ON entry.recipient_id = asked.person AND entry.read_at IS NULL AND entry.archived_at IS NULL
        AND entry.shown_at <= %(now)s AND {_IN_FEED}
    GROUP BY asked.person
"""  # noqa: S608
_NEWS = """
    SELECT asked.person FROM unnest(%(people)s::uuid[], %(after)s::bigint[]) AS asked(person, after)
    WHERE EXISTS (
        SELECT FROM notify_delivery_notification
        WHERE recipient_id = asked.person AND revision IS NULL AND shown_at <= %(now)s AND NOT test
    ) OR EXISTS (SELECT FROM notify_feed_reader WHERE person_id = asked.person AND revision > asked.after)
"""


class Away(Exception):
    """PostgreSQL does not answer at the moment."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a feed: the entry as it is now, or what is left of one that is gone, as JSON."""

    revision: int
    here: bool
    entry: str


class Line:
    """One connection, used by one at a time. Every statement stands alone, so a broken connection loses nothing."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = asyncio.Lock()
        self._connection: psycopg.AsyncConnection[tuple[Any, ...]] | None = None

    async def ask(self, sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """All rows. Raises Away; a statement that failed may have been done."""
        async with self._lock:
            try:
                if self._connection is None or self._connection.closed:
                    self._connection = await connect(self._url)
                cursor = await self._connection.execute(sql.encode(), params, prepare=True)
                return await cursor.fetchall()
            except psycopg.Error as error:
                if self._connection is not None:
                    await self._connection.close()
                raise Away from error

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()


class Store:
    """The questions. Those of people who open streams and those of the pump do not wait for each other."""

    def __init__(self, url: str) -> None:
        self._door, self._pump = Line(url), Line(url)

    async def redeem(self, ticket: str) -> UUID | None:
        """Whose ticket this is; from now on it is nobody's."""
        rows = await self._door.ask(_REDEEM, {"digest": rules.digest_of(ticket)})
        return rows[0][0] if rows else None

    async def position(self, person: UUID) -> int:
        """The number of the last change of this feed, after numbering what had none."""
        await self._door.ask(_NUMBER, {"people": [person], "now": clock.now()})
        ((revision,),) = await self._door.ask(_REVISION, {"person": person})
        return int(revision)

    async def number(self, people: Sequence[UUID]) -> None:
        """Give every change in these feeds its number."""
        await self._pump.ask(_NUMBER, {"people": list(people), "now": clock.now()})

    async def changes(self, asked: Sequence[tuple[UUID, int]], *, page: int) -> dict[int, list[Change]]:
        """What happened in each feed after the number, at most `page` changes each, by place in `asked`."""
        people, after = [one[0] for one in asked], [one[1] for one in asked]
        params = {"streams": list(range(len(asked))), "people": people, "after": after, "page": page}
        found: dict[int, list[Change]] = {}
        for place, revision, here, entry in await self._pump.ask(_CHANGES, params):
            found.setdefault(place, []).append(Change(revision, here, entry))
        return found

    async def counts(self, people: Sequence[UUID], *, door: bool = False) -> dict[UUID, tuple[int, int]]:
        """How many entries of each feed are unread, and how many of these unseen."""
        line = self._door if door else self._pump
        rows = await line.ask(_COUNTS, {"people": list(people), "now": clock.now()})
        return {person: (unread, unseen) for person, unread, unseen in rows}

    async def with_news(self, told: Mapping[UUID, int]) -> list[UUID]:
        """Of these people, whose feed has moved beyond the number that they were told."""
        params = {"people": list(told), "after": list(told.values()), "now": clock.now()}
        return [person for (person,) in await self._pump.ask(_NEWS, params)]

    async def close(self) -> None:
        await self._door.close()
        await self._pump.close()


async def listen(url: str) -> AsyncIterator[list[str]]:
    """Who has news, as the database says it; the first word, once it is heard, is about everybody. Raises psycopg.Error."""
    connection = await connect(url)
    try:
        await connection.execute(f"LISTEN {CHANNEL}".encode())
        yield [EVERYBODY]
        async for heard in connection.notifies():
            yield heard.payload.split()
    finally:
        await connection.close()


async def connect(url: str) -> psycopg.AsyncConnection[tuple[Any, ...]]:
    return await psycopg.AsyncConnection.connect(
        url,
        autocommit=True,
        connect_timeout=5,
        application_name="notify-stream",
        keepalives_idle=20,
        options="-c statement_timeout=10000",
    )
