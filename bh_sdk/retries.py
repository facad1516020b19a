"""When a call is made again, and when it is not.

Only calls whose repetition changes nothing (GET, PUT, DELETE, a POST with an Idempotency-Key) and only after answers
that say so: no connection, a lost answer, 429, 502, 503, 504, or 409 `idempotency_in_progress` with `Retry-After`.
At most three attempts, with full jitter, inside the deadline, and paid from a budget: repeats may be 20 % of the calls
plus ten a second, so that a service in trouble is not buried by those who wait for it.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from bh_sdk.errors import BHError, ConnectFailed, ConnectionLost, IdempotencyInProgress, TimedOut, Unreachable

REPEATABLE_STATUSES = frozenset({429, 502, 503, 504})
REPEATABLE_METHODS = frozenset({"GET", "HEAD", "PUT", "DELETE"})


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`attempts` in all; waits are random up to `base`·2^i and `cap` seconds, on top of what the service asked for."""

    attempts: int = 3
    base: float = 0.05
    cap: float = 2.0

    def pause(self, failed: int, *, retry_after: float | None, draw: Callable[[], float] = random.random) -> float:
        """Seconds to wait after `failed` attempts (1, 2, …); `draw` answers a number in [0, 1)."""
        jitter = draw() * min(self.cap, self.base * 2.0 ** (failed - 1))
        return jitter + (retry_after or 0)


def may_repeat(method: str, *, keyed: bool) -> bool:
    """Whether doing it twice is the same as doing it once."""
    return method in REPEATABLE_METHODS or keyed


def asks_for_repeat(error: BHError) -> bool:
    """Whether this failure may be gone in a moment."""
    if isinstance(error, IdempotencyInProgress):
        return error.retry_after is not None
    if isinstance(error, Unreachable):
        return isinstance(error, ConnectFailed | ConnectionLost | TimedOut)
    return error.status in REPEATABLE_STATUSES


class RetryBudget:
    """How many repeats all calls together may make. Share one between clients of the same service.

    Each first attempt pays in `ratio` of a repeat for `window` seconds; besides, `per_second` repeats are free.
    """

    def __init__(
        self,
        *,
        ratio: float = 0.2,
        per_second: float = 10,
        window: float = 10,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ratio, self._per_second, self._window, self._clock = ratio, per_second, window, clock
        self._lock = threading.Lock()
        # Slots of a tenth of the window: (its number, first attempts, repeats paid from their share).
        self._slots: deque[list[float]] = deque()
        self._free, self._free_at = per_second, clock()

    def first_attempt(self) -> None:
        with self._lock:
            self._slot()[1] += 1

    def spend(self) -> bool:
        """Take one repeat; False when there is none left."""
        with self._lock:
            now = self._clock()
            self._free = min(self._per_second, self._free + (now - self._free_at) * self._per_second)
            self._free_at = now
            slot = self._slot()
            first, paid = sum(s[1] for s in self._slots), sum(s[2] for s in self._slots)
            # A whole repeat must have been paid in; the small term forgives binary fractions of 0.2.
            if first * self._ratio - paid >= 1 - 1e-9:
                slot[2] += 1
                return True
            if self._free >= 1:
                self._free -= 1
                return True
            return False

    def _slot(self) -> list[float]:
        number = self._clock() // (self._window / 10)
        while self._slots and self._slots[0][0] <= number - 10:
            self._slots.popleft()
        if not self._slots or self._slots[-1][0] != number:
            self._slots.append([number, 0, 0])
        return self._slots[-1]


def read_retry_after(value: str | None, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> int | None:
    """Seconds of a `Retry-After` header (seconds or an HTTP date), never negative; None when absent or unreadable."""
    if not value:
        return None
    if value.isascii() and value.isdigit():
        return int(value) if len(value) < 8 else None
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0, -int(-(moment - now()).total_seconds() // 1))
