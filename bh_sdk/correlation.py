"""Which request this work belongs to: carried in context variables, handed on as `X-Request-ID` and `traceparent`.

with carrying(request_id=incoming.request_id, traceparent=incoming.traceparent):
    trust.campaign(campaign_id)
"""

from __future__ import annotations

import re
import secrets
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

REQUEST_ID_HEADER = "X-Request-ID"
TRACEPARENT_HEADER = "traceparent"

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}", re.ASCII)
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})", re.ASCII)

_request_id: ContextVar[str | None] = ContextVar("bh_request_id", default=None)
_traceparent: ContextVar[str | None] = ContextVar("bh_traceparent", default=None)


@contextmanager
def carrying(*, request_id: str | None = None, traceparent: str | None = None) -> Iterator[None]:
    """Hand these on with every call inside. Values that cannot be a header or a trace are dropped, never repaired."""
    ids = _request_id.set(request_id if is_request_id(request_id) else None)
    trace = _traceparent.set(traceparent if is_traceparent(traceparent) else None)
    try:
        yield
    finally:
        _traceparent.reset(trace)
        _request_id.reset(ids)


def carry(*, request_id: str | None, traceparent: str | None) -> None:
    """The same without an end, for a server that begins and ends a piece of work in different places: end it by None."""
    _request_id.set(request_id if is_request_id(request_id) else None)
    _traceparent.set(traceparent if is_traceparent(traceparent) else None)


def current_request_id() -> str | None:
    return _request_id.get()


def current_traceparent() -> str | None:
    return _traceparent.get()


def is_request_id(value: str | None) -> bool:
    return value is not None and _REQUEST_ID.fullmatch(value) is not None


def is_traceparent(value: str | None) -> bool:
    """W3C Trace Context, version 00, with neither id all zeros."""
    match = _TRACEPARENT.fullmatch(value) if value is not None else None
    return match is not None and bool(match[1].strip("0")) and bool(match[2].strip("0"))


def outgoing() -> dict[str, str]:
    """Headers for one call: the request id as it is, the trace with a span of its own; both new when there are none."""
    known = _traceparent.get()
    match = _TRACEPARENT.fullmatch(known) if known else None
    trace, flags = (match[1], match[3]) if match else (secrets.token_hex(16), "01")
    return {
        REQUEST_ID_HEADER: _request_id.get() or str(uuid.uuid4()),
        TRACEPARENT_HEADER: f"00-{trace}-{secrets.token_hex(8)}-{flags}",
    }
