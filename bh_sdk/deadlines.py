"""Deadlines: how much time is left for a piece of work, handed on to everything that is called for it.

    with deadline(2.0):
        payments.payment(payment_id)     # sends X-Request-Deadline: 2000 (milliseconds), less what has passed

A nested deadline can only be shorter. Nothing new is started once it is over.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

HEADER = "X-Request-Deadline"
MAX_MILLISECONDS = 3_600_000

_ends_at: ContextVar[float | None] = ContextVar("bh_deadline", default=None)


@contextmanager
def deadline(seconds: float, *, clock: Callable[[], float] = time.monotonic) -> Iterator[None]:
    """Give the calls inside at most `seconds`, and never more than an outer deadline leaves."""
    with until(clock() + seconds):
        yield


@contextmanager
def until(moment: float) -> Iterator[None]:
    """The same with the moment on the clock when the work inside has to end."""
    outer = _ends_at.get()
    reset = _ends_at.set(moment if outer is None else min(outer, moment))
    try:
        yield
    finally:
        _ends_at.reset(reset)


def ends_at(seconds: float | None, *, clock: Callable[[], float] = time.monotonic) -> float | None:
    """The moment on `clock` when work that may take `seconds` has to end; None when nothing limits it."""
    outer = _ends_at.get()
    if seconds is None:
        return outer
    mine = clock() + seconds
    return mine if outer is None else min(outer, mine)


def remaining(*, clock: Callable[[], float] = time.monotonic) -> float | None:
    """Seconds left, never below 0; None without a deadline."""
    end = _ends_at.get()
    return None if end is None else max(0.0, end - clock())


def to_header(seconds: float) -> str:
    """Whole milliseconds, rounded down: the next one must not believe it has longer."""
    return str(min(MAX_MILLISECONDS, max(0, int(seconds * 1000))))


def from_header(value: str | None) -> float | None:
    """Seconds a caller still waits; None for an absent or unreadable header."""
    if value is None or not re.fullmatch(r"[0-9]{1,9}", value, re.ASCII):
        return None
    return min(MAX_MILLISECONDS, int(value)) / 1000
