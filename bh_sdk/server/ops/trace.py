"""What ties one piece of work together over logs, facts and calls: the request id and the W3C `traceparent`."""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar

_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

_request_id: ContextVar[str | None] = ContextVar("bh_request_id", default=None)
_traceparent: ContextVar[str | None] = ContextVar("bh_traceparent", default=None)


def begin(request_id: str | None = None, traceparent: str | None = None) -> tuple[str, str]:
    """Start a piece of work. What a caller sent is kept only when it is sane; else a new one is made. Returns both."""
    if not request_id or not _REQUEST_ID.fullmatch(request_id):
        request_id = secrets.token_hex(16)
    if not traceparent or not _TRACEPARENT.fullmatch(traceparent):
        traceparent = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
    _request_id.set(request_id)
    _traceparent.set(traceparent)
    return request_id, traceparent


def end() -> None:
    """Forget it, so that a thread's next work does not inherit it."""
    _request_id.set(None)
    _traceparent.set(None)


def request_id() -> str | None:
    return _request_id.get()


def traceparent() -> str | None:
    """The `traceparent` of the work at hand, or None outside of any."""
    return _traceparent.get()


def headers() -> dict[str, str]:
    """What to send along with a call that this work makes."""
    found = {"X-Request-ID": _request_id.get(), "traceparent": _traceparent.get()}
    return {name: value for name, value in found.items() if value}
