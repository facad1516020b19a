"""Everything the stand-in knows, in one SQLite file. A commit is on disk before the answer leaves, so kill -9
loses nothing.
"""

# ruff: noqa: S608 - table and column names come from NOUNS, never from a request
from __future__ import annotations

import json
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .errors import StripeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from .shapes import Obj

# Each noun and the fields its list may be filtered by.
NOUNS: dict[str, tuple[str, ...]] = {
    "payment_intent": ("customer",),
    "payment_method": ("customer", "type"),
    "setup_intent": ("customer", "payment_method"),
    "customer": ("email",),
    "deleted_customer": (),
    "charge": ("payment_intent", "customer"),
    "refund": ("charge", "payment_intent"),
    "dispute": ("charge", "payment_intent"),
    "file": ("purpose",),
    "balance_transaction": ("source", "type", "currency", "_payout"),
    "payout": ("status",),
    "account": (),
    "transfer": ("destination", "transfer_group"),
    "transfer_reversal": ("transfer",),
    "event": ("type",),
    "webhook_endpoint": (),
}

_SCHEMA = """
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, path TEXT NOT NULL,
    status INTEGER NOT NULL, body BLOB NOT NULL, request_id TEXT NOT NULL, created INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS delivery (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, endpoint TEXT NOT NULL, attempts INTEGER NOT NULL,
    due REAL NOT NULL, state TEXT NOT NULL, last_status INTEGER, created INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS delivery_due ON delivery (state, due);
CREATE INDEX IF NOT EXISTS delivery_event ON delivery (event);
CREATE TABLE IF NOT EXISTS timer (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, due REAL NOT NULL, what TEXT NOT NULL, object TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS timer_due ON timer (due);
"""


class Store:
    """One connection, used by one thread. Writing happens inside `writing()`; reading needs nothing."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(folder / "stripe.sqlite3", isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute("PRAGMA cache_size=-8000")
        self._db.executescript(_SCHEMA)
        for noun, filters in NOUNS.items():
            self._db.execute(
                f"CREATE TABLE IF NOT EXISTS {noun} (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, "
                "created INTEGER NOT NULL, body TEXT NOT NULL)"
            )
            for name in filters:
                self._db.execute(
                    f"CREATE INDEX IF NOT EXISTS {noun}_by_{name} ON {noun} (json_extract(body, '$.{name}'))"
                )

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction: committed when the block ends, rolled back when it raises."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    @contextmanager
    def undoable(self) -> Iterator[None]:
        """A savepoint: what the block wrote is undone when it raises, unless the refusal keeps its work."""
        self._db.execute("SAVEPOINT work")
        try:
            yield
        except StripeError as refusal:
            if not refusal.keeps_work:
                self._db.execute("ROLLBACK TO work")
            self._db.execute("RELEASE work")
            raise
        self._db.execute("RELEASE work")

    def add(self, noun: str, obj: Obj) -> Obj:
        """Insert a new object."""
        self._db.execute(
            f"INSERT INTO {noun} (id, created, body) VALUES (?, ?, ?)",
            (obj["id"], obj.get("created", 0), json.dumps(obj, separators=(",", ":"))),
        )
        return obj

    def save(self, noun: str, obj: Obj) -> Obj:
        """Replace an object that exists."""
        self._db.execute(
            f"UPDATE {noun} SET body = ? WHERE id = ?", (json.dumps(obj, separators=(",", ":")), obj["id"])
        )
        return obj

    def drop(self, noun: str, object_id: str) -> None:
        """Delete an object."""
        self._db.execute(f"DELETE FROM {noun} WHERE id = ?", (object_id,))

    def find(self, noun: str, object_id: str) -> Obj | None:
        """The object, or None."""
        row = self._db.execute(f"SELECT body FROM {noun} WHERE id = ?", (object_id,)).fetchone()
        return None if row is None else dict(json.loads(row[0]))

    def every(self, noun: str, **filters: str) -> list[Obj]:
        """All objects with these field values, oldest first."""
        where = " AND ".join(["1", *(f"json_extract(body, '$.{name}') = ?" for name in filters)])
        rows = self._db.execute(f"SELECT body FROM {noun} WHERE {where} ORDER BY seq", tuple(filters.values()))
        return [json.loads(body) for (body,) in rows]

    def position(self, noun: str, object_id: str) -> int | None:
        """Where the object stands in its list."""
        row = self._db.execute(f"SELECT seq FROM {noun} WHERE id = ?", (object_id,)).fetchone()
        return None if row is None else int(row[0])

    def page(
        self,
        noun: str,
        *,
        limit: int,
        filters: Mapping[str, Any],
        created: Mapping[str, int],
        after: int | None = None,
        before: int | None = None,
    ) -> tuple[list[Obj], bool]:
        """Newest first: up to `limit` objects and whether there are more in the direction walked."""
        where, values = ["1"], list[Any]()
        for name, value in filters.items():
            if isinstance(value, list):
                where.append(f"json_extract(body, '$.{name}') IN ({','.join('?' * len(value))})")
                values.extend(value)
            else:
                where.append(f"json_extract(body, '$.{name}') = ?")
                values.append(value)
        signs = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
        for word, moment in created.items():
            where.append(f"created {signs[word]} ?")
            values.append(moment)
        if after is not None:
            where.append("seq < ?")
            values.append(after)
        if before is not None:
            where.append("seq > ?")
            values.append(before)
        order = "ASC" if before is not None else "DESC"
        sql = f"SELECT body FROM {noun} WHERE {' AND '.join(where)} ORDER BY seq {order} LIMIT ?"
        rows = [json.loads(body) for (body,) in self._db.execute(sql, (*values, limit + 1))]
        found, more = rows[:limit], len(rows) > limit
        return (found[::-1] if before is not None else found), more

    def count(self, noun: str) -> int:
        """How many objects there are."""
        return int(self._db.execute(f"SELECT count(*) FROM {noun}").fetchone()[0])

    def rows(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Plain rows, for the tables that hold no Stripe objects."""
        return self._db.execute(sql, values).fetchall()

    def run(self, sql: str, values: tuple[Any, ...] = ()) -> int:
        """Write to the tables that hold no Stripe objects; returns how many rows were touched."""
        return self._db.execute(sql, values).rowcount

    def clear(self) -> None:
        """Forget everything but the webhook endpoints and settings."""
        for table in [*NOUNS, "idempotency", "delivery", "timer"]:
            if table != "webhook_endpoint":
                self._db.execute(f"DELETE FROM {table}")
