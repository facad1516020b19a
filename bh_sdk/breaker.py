"""A circuit breaker: stops calling what mostly fails, and finds out by itself when it works again.

    closed ──(≥ 20 calls in 10 s, ≥ 50 % of them failed)──▶ open ──(5 s)──▶ half-open
      ▲                                                      ▲                │ lets 3 calls through
      └───────────────── all 3 answered ─────────────────────┼────────────────┤
                                                             └── one failed ──┘

Failed means no answer or 5xx. A 4xx is an answer about the request, not about the service: it is not counted.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from bh_sdk.errors import CircuitOpen


class State(Enum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Outcome(Enum):
    """`UNTOLD`: given up by the caller, which says nothing about the service."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    NOT_COUNTED = "not_counted"
    UNTOLD = "untold"


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """`rate` of at least `least` calls failing within `window` seconds opens it for `pause` seconds."""

    window: float = 10
    least: int = 20
    rate: float = 0.5
    pause: float = 5
    probes: int = 3


class Breaker:
    """One circuit. Ask `enter()` before a call and tell `leave(pass, outcome)` after it, whatever happened."""

    def __init__(
        self, name: str, policy: BreakerPolicy | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.name = name
        self._policy, self._clock = policy or BreakerPolicy(), clock
        self._lock = threading.Lock()
        self._calls: deque[tuple[float, bool]] = deque()
        self._failures = 0
        self._state, self._opened_at = State.CLOSED, 0.0
        # Counts the changes of state: an answer that belongs to an earlier one decides nothing any more.
        self._era = self._probing = self._answered = 0

    @property
    def state(self) -> State:
        with self._lock:
            self._cool_down()
            return self._state

    def enter(self) -> int:
        """A pass for one call. Raises CircuitOpen, with the seconds until the next probe."""
        with self._lock:
            self._cool_down()
            if self._state is State.HALF_OPEN and self._probing + self._answered < self._policy.probes:
                self._probing += 1
            elif self._state is not State.CLOSED:
                left = self._policy.pause - (self._clock() - self._opened_at) if self._state is State.OPEN else 1
                error = CircuitOpen(operation=self.name)
                error.retry_after = max(1, -int(-left // 1))
                raise error
            return self._era

    def leave(self, era: int, outcome: Outcome) -> None:
        """Say how the call of that pass ended."""
        with self._lock:
            if era != self._era:
                return
            if self._state is State.HALF_OPEN:
                self._probing -= 1
                if outcome is Outcome.FAILED:
                    self._become(State.OPEN)
                elif outcome is not Outcome.UNTOLD:
                    self._answered += 1
                    if self._answered >= self._policy.probes:
                        self._become(State.CLOSED)
            elif outcome in (Outcome.SUCCEEDED, Outcome.FAILED):
                self._count(failed=outcome is Outcome.FAILED)

    def _count(self, *, failed: bool) -> None:
        now = self._clock()
        self._calls.append((now, failed))
        self._failures += failed
        while self._calls[0][0] <= now - self._policy.window:
            self._failures -= self._calls.popleft()[1]
        if failed and len(self._calls) >= self._policy.least and self._failures >= self._policy.rate * len(self._calls):
            self._become(State.OPEN)

    def _cool_down(self) -> None:
        if self._state is State.OPEN and self._clock() - self._opened_at >= self._policy.pause:
            self._become(State.HALF_OPEN)

    def _become(self, state: State) -> None:
        self._state = state
        self._era += 1
        self._probing = self._answered = self._failures = 0
        self._calls.clear()
        if state is State.OPEN:
            self._opened_at = self._clock()


class Breakers:
    """A breaker for every operation of every host, made when it is first needed."""

    def __init__(self, policy: BreakerPolicy | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._policy, self._clock = policy, clock
        self._lock = threading.Lock()
        self._all: dict[str, Breaker] = {}

    def of(self, host: str, operation: str) -> Breaker:
        name = f"{host} {operation}"
        with self._lock:
            if name not in self._all:
                self._all[name] = Breaker(name, self._policy, clock=self._clock)
            return self._all[name]
