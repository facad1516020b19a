"""One active relay, one active reader: whoever holds the advisory lock, on a connection of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections

from bh_sdk.server.ops import logs

log = logs.log("events")

Connection = psycopg.Connection[tuple[Any, ...]]

# Seconds between two tries to become the leader.
_ASK_AGAIN = 0.25


def direct_connection() -> Connection:
    """A new autocommit connection to the default database, past any pooler when BH_DIRECT_DATABASE_URL is set.

    Session locks and LISTEN belong to one server session; a transaction pooler would hand it to somebody else.
    """
    if url := getattr(settings, "BH_DIRECT_DATABASE_URL", None):
        connection = psycopg.connect(url, autocommit=True, connect_timeout=5)
    else:
        params = connections[DEFAULT_DB_ALIAS].get_connection_params()
        for ours in ("cursor_factory", "context", "prepare_threshold"):
            params.pop(ours, None)
        connection = psycopg.connect(**{"connect_timeout": 5, **params, "autocommit": True})
    # Without it a statement of a process that was killed keeps the lock until the statement ends.
    connection.execute("SET client_connection_check_interval = '500ms'")
    return connection


@contextmanager
def leadership(role: str, stop: threading.Event) -> Iterator[Connection | None]:
    """Wait until this process leads in `role`; gives the connection that holds the lock, None when `stop` came first.

    Raises psycopg.OperationalError when PostgreSQL is away. A leader whose connection breaks is none any more.
    """
    with direct_connection() as connection:
        while not stop.is_set():
            ask = "SELECT pg_try_advisory_lock(hashtextextended('bh_events:' || %s, 0))"
            row = connection.execute(ask, [role]).fetchone()
            if row and row[0]:
                log.info("leading", role=role)
                yield connection
                return
            stop.wait(_ASK_AGAIN)
        yield None
