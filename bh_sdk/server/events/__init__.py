"""The event road: facts recorded in a command's transaction reach every service once, in order, whatever dies.

    record(fact, subject=…)      inside the command's transaction: one immutable row and one outbox row
    record_all([…])              the same for thousands at once
    relay                        gives every committed fact a gapless number, seals it, then publishes it
    feed                         `GET /api/v1/events`: the log in number order, the truth behind the stream
    consumer                     runs `@handles(Fact)` functions and moves its checkpoint in one transaction

PostgreSQL is the log; the stream in Redis only makes it fast and may be wiped at any time.
"""

from __future__ import annotations

from bh_sdk.server.events.handlers import Delivered, handles
from bh_sdk.server.events.record import OutsideTransaction, UnfitPayload, record, record_all

__all__ = ["Delivered", "OutsideTransaction", "UnfitPayload", "handles", "record", "record_all"]
