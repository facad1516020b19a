"""Proof that the ledger is what was posted: every journal and line against its fact, and the facts against their chain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from psycopg import IsolationLevel
from psycopg.rows import dict_row

from bh_sdk.money import Money
from bh_sdk.server.events import chain
from bh_sdk.server.events.leadership import Connection, direct_connection
from bh_sdk.server.events.seals import SealSink
from bh_sdk.server.ops.settings import setting
from payments_svc.ledger.digests import digest_of

_FACTS = """
SELECT aggregateid, position, payload, digest, id, aggregatetype, type, traceparent, actor, created_at
  FROM event WHERE type = 'payments.journal.posted.v1' ORDER BY aggregateid, position
"""
_JOURNALS = "SELECT * FROM payments_ledger_journal ORDER BY id"
_ENTRIES = "SELECT journal_id, id, account, line, amount FROM payments_ledger_entry ORDER BY journal_id, id"
# What the fact of a journal tells in clear, so that a difference can be named.
_TOLD = ("reference", "kind", "currency", "payment_id", "campaign_id")


@dataclass(frozen=True, slots=True)
class Finding:
    """One row that is not what it was: of which journal (None: of none that is known), and what is wrong."""

    journal: UUID | None
    what: str

    def __str__(self) -> str:
        return f"journal {self.journal}: {self.what}" if self.journal else self.what


@dataclass(slots=True)
class Verdict:
    journals: int = 0
    lines: int = 0
    findings: list[Finding] = field(default_factory=list)
    chain: chain.Verdict = field(default_factory=chain.Verdict)


def verify(sink: SealSink | None = None) -> Verdict:
    """Read facts, journals and lines in one snapshot and compare them; then follow the chain over the facts. Every
    difference is a finding; of a broken chain its first."""
    verdict = Verdict()
    with direct_connection() as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        with connection.transaction():
            for journal_id, facts, row, lines in _side_by_side(connection):
                verdict.journals += row is not None
                verdict.lines += len(lines)
                verdict.findings += [Finding(journal_id, what) for what in _differences(facts, row, lines)]
    verdict.chain = chain.verify(setting("BH_SERVICE"), sink)
    if verdict.chain.finding is not None:
        verdict.findings.append(Finding(None, f"the chain over the facts: {verdict.chain.finding}"))
    return verdict


Side = tuple[UUID, list[dict[str, Any]], dict[str, Any] | None, list[dict[str, Any]]]


def _side_by_side(connection: Connection) -> Iterator[Side]:
    """Facts, row and lines of one journal after another. All three are read in the order of the journal's id, so nothing
    has to be kept."""
    with (
        connection.cursor(name="facts", row_factory=dict_row) as facts,
        connection.cursor(name="journals", row_factory=dict_row) as journals,
        connection.cursor(name="lines", row_factory=dict_row) as lines,
    ):
        told = _Groups(facts.execute(_FACTS), "aggregateid")
        posted = _Groups(journals.execute(_JOURNALS), "id")
        written = _Groups(lines.execute(_ENTRIES), "journal_id")
        while (at := min((g.at for g in (told, posted, written) if g.at is not None), default=None)) is not None:
            row = posted.take(at)
            yield at, told.take(at), row[0] if row else None, written.take(at)


class _Groups:
    """Rows that are sorted by `key`, one group at a time. `at` is the key of the next group."""

    def __init__(self, rows: Iterable[dict[str, Any]], key: str) -> None:
        self._groups = groupby(rows, key=itemgetter(key))
        self.at: UUID | None = None
        self._rows: list[dict[str, Any]] = []
        self._step()

    def _step(self) -> None:
        key, rows = next(self._groups, (None, iter(())))
        self.at, self._rows = key, list(rows)

    def take(self, key: UUID) -> list[dict[str, Any]]:
        """The group of this key, or nothing when there is none."""
        if self.at != key:
            return []
        rows = self._rows
        self._step()
        return rows


def _differences(facts: list[dict[str, Any]], row: dict[str, Any] | None, lines: list[dict[str, Any]]) -> Iterator[str]:
    for fact in facts:
        if not chain.intact(_event(fact)):
            yield f"its fact at position {fact['position']} was edited"
    if not facts:
        yield from _without_fact(row, lines)
        return
    for extra in facts[1:]:
        yield f"a second fact was added at position {extra['position']}"
    told = facts[0]["payload"]
    if row is None:
        yield f"the journal {told['reference']} was deleted"
        yield from (f"line {line['id']} was left behind" for line in lines)
        return
    if digest_of(SimpleNamespace(**row), [SimpleNamespace(**line) for line in lines]) == told["digest"]:
        return
    found = [*_header(told, row), *_lines(told["entries"], lines, str(row["currency"]))]
    yield from found or ["its time, source or audit columns were edited, or the fact's digest"]


def _event(fact: dict[str, Any]) -> tuple[Any, ...]:
    names = ("digest", "id", "aggregatetype", "aggregateid", "type", "payload", "traceparent", "actor", "created_at")
    return tuple(fact[name] for name in names)


def _without_fact(row: dict[str, Any] | None, lines: list[dict[str, Any]]) -> Iterator[str]:
    if row is not None:
        yield f"the journal {row['reference']} was added: no fact tells of it"
    else:
        yield from (f"line {line['id']} was added to no journal" for line in lines)


def _header(told: dict[str, Any], row: dict[str, Any]) -> Iterator[str]:
    for name in _TOLD:
        now = str(row[name]) if row[name] is not None else None
        if now != told[name]:
            yield f"its {name} was edited: it says {now}, it was {told[name]}"


def _lines(told: list[dict[str, Any]], rows: list[dict[str, Any]], currency: str) -> Iterator[str]:
    now = {row["id"]: (row["account"], row["line"], Money(row["amount"], currency).decimal) for row in rows}
    then = {line["id"]: (line["account"], line["line"], line["amount"]) for line in told}
    changed = [id for id in then if id in now and now[id] != then[id]]
    moved = len(changed) > 1 and sorted(now[id] for id in changed) == sorted(then[id] for id in changed)
    if moved:
        yield f"lines {', '.join(map(str, changed))} were put into another order"
    for id, was in then.items():
        if id not in now:
            yield f"line {id} ({' '.join(was)}) was deleted"
        elif id in changed and not moved:
            yield f"line {id} was edited: it says {' '.join(now[id])}, it was {' '.join(was)}"
    for id, says in now.items():
        if id not in then:
            yield f"line {id} ({' '.join(says)}) was added"
