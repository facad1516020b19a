"""Is the service there: the one operation that every client has, and that needs no token."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from bh_sdk.clients.call import Answered, Call


@dataclass(frozen=True, slots=True)
class Health:
    """`ready`: the service takes work. `detail` is what it says about its parts, for people."""

    ready: bool
    detail: dict[str, Any]


def health(*, timeout: float | None = None) -> Call[Health]:
    """Ask `/readyz`. A service that is not ready answers `ready=False`; one that is out of reach raises Unreachable."""
    return Call(
        "health",
        "GET",
        "/readyz",
        _read,
        timeout=timeout,
        once=True,
        anonymous=True,
        expects=frozenset({200, 503}),
    )


def _read(answered: Answered) -> Health:
    try:
        detail = json.loads(answered.body)
    except ValueError:
        detail = None
    return Health(ready=answered.status == 200, detail=detail if isinstance(detail, dict) else {})
