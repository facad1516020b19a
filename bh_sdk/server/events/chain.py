"""Proof that the log is what was recorded: every digest and every link of the chain, computed again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from psycopg import IsolationLevel

from bh_sdk.server.events.canonical import UnfitPayload, canonical, digest_of
from bh_sdk.server.events.epochs import GENESIS
from bh_sdk.server.events.leadership import Connection, direct_connection
from bh_sdk.server.events.seals import SealForged, SealSink, next_link

_EVENTS = """
SELECT f.number, f.position, e.sequence, e.digest, e.id, e.aggregatetype, e.aggregateid, e.type, e.payload,
       e.traceparent, e.actor, e.created_at
  FROM feed f LEFT JOIN event e USING (position) ORDER BY f.number
"""
_SEALS = "SELECT first, last, hash FROM seal ORDER BY first"

# Recorded, but neither waiting for a number nor given one.
_LOST = """
SELECT e.position FROM event e
 WHERE NOT EXISTS (SELECT FROM feed f WHERE f.position = e.position)
   AND NOT EXISTS (SELECT FROM outbox o WHERE o.position = e.position)
 ORDER BY e.position LIMIT 1
"""
_HOLES = """
SELECT position, aggregatetype, aggregateid, sequence FROM (
    SELECT *, lag(sequence, 1, 0::bigint) OVER (PARTITION BY aggregatetype, aggregateid ORDER BY position) AS before
      FROM event) AS e
 WHERE sequence <> before + 1 ORDER BY position LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """The first row that is not what it was: its `number` in the feed (0: none) and `position` in the log."""

    number: int
    position: int | None
    what: str

    def __str__(self) -> str:
        where = [f"number {self.number}"] if self.number else []
        where += [f"position {self.position}"] if self.position is not None else []
        return f"{', '.join(where) or 'the log'}: {self.what}"


@dataclass(slots=True)
class Verdict:
    events: int = 0
    seals: int = 0
    heads: int = 0
    finding: Finding | None = None
    # What a restore took away: told, but no fault of the rows that are here.
    notes: list[str] = field(default_factory=list)


class Bad(Exception):
    def __init__(self, number: int, position: int | None, what: str) -> None:
        self.finding = Finding(number, position, what)
        super().__init__(str(self.finding))


def verify(source: str, sink: SealSink | None = None) -> Verdict:
    """Read the whole log in one snapshot and compare; stops at the first finding."""
    verdict = Verdict()
    with direct_connection() as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        with connection.transaction():
            try:
                links = _walk(connection, verdict)
                _ends(connection, links)
                if sink is not None:
                    _agrees(connection, sink, source, links, verdict)
            except Bad as bad:
                verdict.finding = bad.finding
    return verdict


def _walk(connection: Connection, verdict: Verdict) -> dict[int, bytes]:
    """Follow the chain; returns its value after every sealed batch, by the batch's last number."""
    links = {0: GENESIS}
    number, chain = 0, GENESIS
    with connection.cursor(name="events") as events, connection.cursor(name="seals") as seals:
        rows = iter(events.execute(_EVENTS))
        for first, last, sealed in seals.execute(_SEALS):
            if first != number + 1:
                raise Bad(number + 1, None, "the seal over it is missing")
            batch = list(_batch(rows, first, last))
            chain = next_link(chain, batch)
            if chain != sealed:
                raise Bad(first, None, f"the rows {first} to {last} are not those that were sealed")
            number, links[last] = last, chain
            verdict.events += len(batch)
            verdict.seals += 1
        if (more := next(rows, None)) is not None:
            raise Bad(more[0], more[1], "no seal covers it")
    return links


def _batch(rows: Iterator[tuple[Any, ...]], first: int, last: int) -> Iterator[tuple[int, int, int, bytes]]:
    before = 0
    for expected in range(first, last + 1):
        row = next(rows, None)
        if row is None or row[0] != expected:
            raise Bad(expected, None, "the feed row is missing")
        number, position, sequence, digest = row[:4]
        if digest is None:
            raise Bad(number, position, "the event is missing")
        if position < before:
            raise Bad(number, position, "it is out of order: the event before it was recorded later")
        if not intact(row[3:]):
            raise Bad(number, position, "its fields are not those that its digest was made of")
        before = position
        yield number, position, sequence, digest


def intact(row: tuple[Any, ...]) -> bool:
    """Whether the digest of an event is made of its fields: (digest, id, aggregatetype, aggregateid, type, payload,
    traceparent, actor, created_at)."""
    digest, id, kind, subject, type, payload, traceparent, actor, created_at = row
    try:
        text = canonical(payload)
    except UnfitPayload:
        return False
    again = digest_of(
        id=id,
        aggregatetype=kind,
        aggregateid=subject,
        type=type,
        payload=text,
        traceparent=traceparent,
        actor=actor,
        created_at=created_at,
    )
    return bool(again == digest)


def _ends(connection: Connection, links: dict[int, bytes]) -> None:
    last = max(links)
    head = connection.execute("SELECT number, chain FROM feed_head").fetchone()
    if head is not None and (head[0], head[1]) != (last, links[last]):
        raise Bad(min(head[0], last) + 1, None, f"the head says {head[0]}, the seals end at {last}")
    if (lost := connection.execute(_LOST).fetchone()) is not None:
        raise Bad(0, lost[0], "it was recorded, but has no number and waits for none")
    if (hole := connection.execute(_HOLES).fetchone()) is not None:
        raise Bad(0, hole[0], f"facts of {hole[1]} {hole[2]} before its sequence {hole[3]} are missing")


def _agrees(connection: Connection, sink: SealSink, source: str, links: dict[int, bytes], verdict: Verdict) -> None:
    """Compare with the signed heads that the database cannot reach."""
    lives: dict[UUID, tuple[int, int]] = {
        row[0]: (row[1], row[2]) for row in connection.execute("SELECT epoch, life, begins FROM epoch")
    }
    try:
        for kept in sink.kept(source):
            if kept.epoch not in lives:
                raise Bad(0, None, f"{kept.file} was signed for an epoch that this log does not know")
            life, _ = lives[kept.epoch]
            shared = min((begins for later, begins in lives.values() if later > life), default=kept.number)
            if kept.number > shared:
                verdict.notes.append(f"{kept.file}: numbers {shared + 1} to {kept.number} were lost in a restore")
                continue
            if links.get(kept.number) != kept.chain:
                raise Bad(kept.number, None, f"the chain differs from the signed head {kept.file}")
            verdict.heads += 1
    except SealForged as forged:
        raise Bad(0, None, f"not signed by this service: {forged}") from forged
