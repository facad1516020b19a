"""What ties one piece of work together over logs, facts and calls: the request id and the W3C `traceparent`.

They live in `bh_sdk.correlation`, so that a call made by this work hands them on by itself.
"""

from __future__ import annotations

import re
import secrets

from bh_sdk import correlation
from bh_sdk.server.ops import cards

# Long enough to be found, short and plain enough for every log line.
_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")

_DIGITS = re.compile(r"[0-9]{13,}")

request_id = correlation.current_request_id
traceparent = correlation.current_traceparent


def begin(request_id: str | None = None, traceparent: str | None = None) -> tuple[str, str]:
    """Start a piece of work. What a caller sent is kept only when it is sane; else a new one is made. Returns both."""
    request_id = sane(request_id)
    if not traceparent or not correlation.is_traceparent(traceparent) or _holds_a_card(traceparent):
        traceparent = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
    correlation.carry(request_id=request_id, traceparent=traceparent)
    return request_id, traceparent


def sane(request_id: str | None) -> str:
    """The id that a caller gave its request, or a new one for none and for one that may not be repeated."""
    if not request_id or not _REQUEST_ID.fullmatch(request_id) or cards.in_text(request_id):
        return secrets.token_hex(16)
    return request_id


def _holds_a_card(traceparent: str) -> bool:
    """Whether a card number stands within the digits of one of its ids. In a hundred thousand traces of chance are a few."""
    return any(cards.in_digits(run) for run in _DIGITS.findall(traceparent))


def end() -> None:
    """Forget it, so that a thread's next work does not inherit it."""
    correlation.carry(request_id=None, traceparent=None)


def headers() -> dict[str, str]:
    """What to send along with a message that this work leaves for later."""
    found = {correlation.REQUEST_ID_HEADER: request_id(), correlation.TRACEPARENT_HEADER: traceparent()}
    return {name: value for name, value in found.items() if value}
