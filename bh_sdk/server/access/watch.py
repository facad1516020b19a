"""What every process knows of policies and refusals, and how it learns of a change.

Nobody tells anybody: a trigger stamps every change, and a process that is asked looks at the stamps when it did not
look in the last second. No thread of its own, so nothing runs where nobody asks, and nothing is lost in a fork.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

import structlog
from django.db import Error, connection

from bh_sdk.errors import Unavailable
from bh_sdk.server.access import wiring
from bh_sdk.server.access.rules import Rules

if TYPE_CHECKING:
    from collections.abc import Callable

# A decision may be this old when PostgreSQL does not answer; after that nobody may anything.
TRUSTED_FOR = 5.0

STAMPS = "SELECT name, stamp FROM bh_access_accessversion"
LINES = "SELECT ptype, v0, v1, v2 FROM casbin_rule ORDER BY id"
REVOKED = "SELECT kind, value, extract(epoch FROM until) FROM bh_access_revocation WHERE until IS NULL OR until > now()"
DEACTIVATED = "SELECT sub::text FROM bh_access_staff WHERE NOT is_active"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Refusals:
    """Whose tokens are refused, each until a time (seconds since 1970; infinity: for good)."""

    subjects: dict[str, float]
    tokens: dict[str, float]

    def refuse(self, *, subject: str, token_ids: tuple[str, ...], now: float) -> bool:
        return self.subjects.get(subject, 0.0) > now or any(self.tokens.get(one, 0.0) > now for one in token_ids)


class Watch:
    """A process's picture of the policy table and the refusals, at most `every` seconds behind the database.

    Asking raises Unavailable when the database does not answer and the picture is older than TRUSTED_FOR.
    """

    def __init__(self, *, every: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._every = every
        self._clock = clock
        self._lock = Lock()
        self._looked = self._sure = float("-inf")
        # Counts the calls of look_again(), and which of them the picture knows of.
        self._asked = 0
        self._answered = 0
        self._stamps: dict[str, Any] = {}
        self._rules: Rules | None = None
        self._refusals: Refusals | None = None

    def rules(self) -> Rules:
        self._look()
        if self._rules is None:
            raise Unavailable("The policies cannot be read")
        return self._rules

    def refusals(self) -> Refusals:
        self._look()
        if self._refusals is None:
            raise Unavailable("The refusals cannot be read")
        return self._refusals

    def at_hand(self) -> Rules | None:
        """The rules, if one may go by them without looking at the stamps first; never asks the database."""
        now = self._clock()
        return None if self._due(now) or not self._trusted(now) else self._rules

    def refusals_at_hand(self) -> Refusals | None:
        """The refusals, under the same condition."""
        now = self._clock()
        return None if self._due(now) or not self._trusted(now) else self._refusals

    def look_again(self) -> None:
        """Look at the stamps when next asked, however recently that was done: for whoever has just made a change."""
        self._asked += 1

    def _due(self, now: float) -> bool:
        return self._asked != self._answered or now - self._looked >= self._every

    def _trusted(self, now: float) -> bool:
        return now - self._sure <= TRUSTED_FOR

    def _look(self) -> None:
        now = self._clock()
        if self._due(now):
            # One thread looks. The others go on with what is known, unless that is too old or known to have changed.
            wait = self._asked != self._answered or not self._trusted(now)
            if self._lock.acquire(blocking=wait):
                try:
                    self._look_once()
                finally:
                    self._lock.release()
        if not self._trusted(self._clock()):
            raise Unavailable("The policies cannot be read")

    def _look_once(self) -> None:
        now, asked = self._clock(), self._asked
        if not self._due(now):
            return
        try:
            self._read()
            self._sure = now
        except Error as error:
            log.error("access_unreadable", error=type(error).__name__)
        self._looked, self._answered = now, asked

    def _read(self) -> None:
        with connection.cursor() as cursor:
            # Stamps first: a change while the lines are read leaves an older stamp, and the next look reads again.
            cursor.execute(STAMPS)
            stamps = dict(cursor.fetchall())
            if self._rules is None or stamps.get("policy") != self._stamps.get("policy"):
                cursor.execute(LINES)
                lines = cursor.fetchall()
                self._rules = Rules(lines)
                log.info("policies_loaded", lines=len(lines))
            if self._refusals is None or stamps.get("refusals") != self._stamps.get("refusals"):
                self._refusals = self._read_refusals(cursor)
            self._stamps = stamps

    @staticmethod
    def _read_refusals(cursor: Any) -> Refusals:
        forever = float("inf")
        cursor.execute(REVOKED)
        revoked = [(kind, one, forever if until is None else float(until)) for kind, one, until in cursor.fetchall()]
        cursor.execute(DEACTIVATED)
        subjects = {value: until for kind, value, until in revoked if kind == "subject"}
        subjects |= {sub: forever for (sub,) in cursor.fetchall()}
        return Refusals(subjects, {value: until for kind, value, until in revoked if kind == "token"})


@cache
def current() -> Watch:
    """The watch of this process. `BH_ACCESS_POLL_SECONDS` (1) is how far it may be behind."""
    return Watch(every=float(wiring.setting("BH_ACCESS_POLL_SECONDS") or 1.0))


def look_again() -> None:
    """After a change of policies, staff or revocations: this process takes note at once, the others within a second."""
    current().look_again()
