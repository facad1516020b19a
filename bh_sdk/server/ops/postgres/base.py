"""The backend itself (Django finds it by this module's name).

Two things differ from Django's: a connection is checked before its first use in a request without a round trip (an idle
connection whose socket has something to say was closed by the server), and a new connection is tried again for a
second, which is about what PostgreSQL needs to come back.
"""

from __future__ import annotations

import select
import time
from typing import Any

import psycopg
from django.db.backends.postgresql import base

# Tried for this long, in these steps; then every request fails at once until the pause is over.
PATIENCE = 1.0
STEP = 0.1
PAUSE = 1.0

_given_up_at = float("-inf")


class DatabaseWrapper(base.DatabaseWrapper):
    def is_usable(self) -> bool:
        if self.connection is None:
            return False
        # After an error only the server itself can tell.
        if not self.errors_occurred and _silent(self.connection):
            return True
        return bool(super().is_usable())

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        global _given_up_at
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return super().get_new_connection(conn_params)
            except psycopg.OperationalError:
                if time.monotonic() - _given_up_at < PAUSE or time.monotonic() + STEP > deadline:
                    _given_up_at = time.monotonic()
                    raise
                time.sleep(STEP)


def _silent(connection: Any) -> bool:
    """Whether nothing waits to be read: a closed, killed or restarted server leaves at least an end of file."""
    if connection.closed:
        return False
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN | select.POLLERR | select.POLLHUP)
    return not poll.poll(0)
