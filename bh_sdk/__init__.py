"""Blessed Horizon's Python SDK: typed clients, tokens, money, retries and events.

    from bh_sdk import BearerAuth, Money, Payments

What is listed here is loaded when it is first used, so `import bh_sdk` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bh_sdk.version import __version__

if TYPE_CHECKING:
    from bh_sdk.clients import (
        AsyncFeed,
        AsyncNotify,
        AsyncPayments,
        AsyncTrust,
        BearerAuth,
        Feed,
        Notify,
        Payments,
        Trust,
    )
    from bh_sdk.deadlines import deadline
    from bh_sdk.errors import BHError
    from bh_sdk.money import Money
    from bh_sdk.tokens import ServiceAuth, ServiceTokenVerifier, UserTokenVerifier

__all__ = [
    "AsyncFeed",
    "AsyncNotify",
    "AsyncPayments",
    "AsyncTrust",
    "BHError",
    "BearerAuth",
    "Feed",
    "Money",
    "Notify",
    "Payments",
    "ServiceAuth",
    "ServiceTokenVerifier",
    "Trust",
    "UserTokenVerifier",
    "__version__",
    "deadline",
]

_CLIENTS = "AsyncFeed AsyncNotify AsyncPayments AsyncTrust BearerAuth Feed Notify Payments Trust"
_HOMES = dict.fromkeys(_CLIENTS.split(), "bh_sdk.clients") | {
    "BHError": "bh_sdk.errors",
    "Money": "bh_sdk.money",
    "ServiceAuth": "bh_sdk.tokens",
    "ServiceTokenVerifier": "bh_sdk.tokens",
    "UserTokenVerifier": "bh_sdk.tokens",
    "deadline": "bh_sdk.deadlines",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'bh_sdk' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
