"""Which failures pass by themselves, so that waiting helps, and which come back with the same event every time."""

from __future__ import annotations

import psycopg
import redis
from django.db import InterfaceError, OperationalError

from bh_sdk.errors import Failed, RateLimited, Unreachable

# SQLSTATE classes: connection, rollback (deadlock, serialization), resources, not in the right state (locks, being
# started), intervention (shutdown, cancelled), system. A limit of the program itself (54) does not pass.
_PASSING = ("08", "25", "40", "53", "55", "57", "58")


def is_transient(error: BaseException) -> bool:
    """Whether the trouble lies with a database, a network or another service, not with the event."""
    if isinstance(error, OperationalError | InterfaceError):
        cause = error.__cause__
        return not isinstance(cause, psycopg.Error) or is_transient(cause)
    if isinstance(error, psycopg.Error):
        if error.sqlstate is None:
            return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
        return error.sqlstate.startswith(_PASSING)
    return isinstance(error, redis.RedisError | Unreachable | Failed | RateLimited | ConnectionError | TimeoutError)
