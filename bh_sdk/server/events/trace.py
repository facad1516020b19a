"""The W3C trace that the work at hand belongs to, so that a fact tells which call or event caused it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_traceparent: ContextVar[str | None] = ContextVar("bh_events_traceparent", default=None)


def current_traceparent() -> str | None:
    """The `traceparent` of the request or event being worked on, or None."""
    return _traceparent.get()


@contextmanager
def traced(traceparent: str | None) -> Iterator[None]:
    """Facts recorded inside carry this `traceparent`."""
    token = _traceparent.set(traceparent)
    try:
        yield
    finally:
        _traceparent.reset(token)
