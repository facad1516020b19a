"""The log's head and its epochs: which life of the database this is, and which numbers the lives share."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID, uuid4

from bh_sdk.server.events.leadership import Connection
from bh_sdk.server.ops import clock, logs

log = logs.log("events")

GENESIS = bytes(32)

# A dump restored elsewhere has another cluster or database, a base backup restored to a point in time another timeline.
_HOME = """
SELECT concat_ws('/', (SELECT system_identifier FROM pg_control_system()),
                 substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8),
                 (SELECT oid FROM pg_database WHERE datname = current_database()))
"""


@dataclass(frozen=True, slots=True)
class Head:
    """Where the log ends: `number` in `epoch`; up to `published` the stream has had everything."""

    epoch: UUID
    number: int
    published: int
    chain: bytes


def open_log(connection: Connection) -> Head:
    """The head of this log. One that is new here begins its first epoch; one that was restored or moved, a new one."""
    with connection.transaction():
        _hold_still(connection)
        row = connection.execute("SELECT epoch, number, published, chain, home FROM feed_head").fetchone()
        home = _home(connection)
        if row is not None and row[4] == home:
            return Head(row[0], row[1], row[2], row[3])
        return _begin(connection, home, "moved" if row else "opened")


def begin_epoch(connection: Connection, *, reason: str) -> Head:
    """Begin a new epoch after the last number that this database still holds.

    For a database that went back in time in a way that it cannot notice itself, such as a copied data directory.
    """
    with connection.transaction():
        _hold_still(connection)
        return _begin(connection, _home(connection), reason)


def older_epochs(connection: Connection, epoch: UUID) -> list[UUID]:
    return [row[0] for row in connection.execute("SELECT epoch FROM epoch WHERE epoch <> %s", [epoch])]


def _hold_still(connection: Connection) -> None:
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('bh_events:epoch', 0))")


def _home(connection: Connection) -> str:
    row = connection.execute(_HOME).fetchone()
    return str(row[0]) if row else ""


def _begin(connection: Connection, home: str, reason: str) -> Head:
    last = connection.execute(
        "SELECT last, hash FROM seal WHERE last = (SELECT max(number) FROM feed) ORDER BY first DESC LIMIT 1"
    ).fetchone()
    number, chain = (last[0], last[1]) if last else (0, GENESIS)
    head = Head(uuid4(), number, number, chain)
    connection.execute(
        "INSERT INTO epoch (epoch, begins, reason, began_at) VALUES (%s, %s, %s, %s)",
        [head.epoch, number, reason, clock.now()],
    )
    connection.execute(
        """
        INSERT INTO feed_head (one, epoch, number, published, chain, home) VALUES (true, %s, %s, %s, %s, %s)
        ON CONFLICT (one) DO UPDATE SET epoch = excluded.epoch, number = excluded.number,
            published = excluded.published, chain = excluded.chain, home = excluded.home
        """,
        [head.epoch, number, number, chain, home],
    )
    log.warning("epoch_began", epoch=str(head.epoch), after=number, reason=reason)
    return head
