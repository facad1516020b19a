"""What an event says that we go by: of which type it is and which object it is about. How the object stands we ask."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

# Stripe's ids and types are plain words.
NAME = re.compile(r"[A-Za-z0-9_.]{1,100}")


@dataclass(frozen=True, slots=True)
class Told:
    """One event of Stripe. `at` is when we took it in; `account` the connected account it belongs to, if any."""

    type: str
    object_id: str | None
    intent_id: str | None
    account: str | None
    body: dict[str, Any]
    at: datetime

    @property
    def noted_payment(self) -> str | None:
        """The payment that we noted on the object ourselves when we made it."""
        return self.noted("payment_id")

    def noted(self, name: str) -> str | None:
        """What we noted under this name in the object's metadata."""
        metadata = self.body.get("metadata")
        noted = metadata.get(name) if isinstance(metadata, dict) else None
        return str(noted) if noted else None


class Parked(Exception):  # no error: the event waits
    """What the event is about is not known yet: it is worked again later, for as long as Stripe would tell it."""


class NotOurs(Exception):
    """The event is about nothing of ours; it is kept and left alone."""


def object_of(body: dict[str, Any]) -> str | None:
    return _name(body.get("id"))


def intent_of(kind: str, body: dict[str, Any]) -> str | None:
    """The payment intent that an object is or belongs to."""
    return _name(body.get("id") if kind.startswith("payment_intent.") else body.get("payment_intent"))


def _name(value: object) -> str | None:
    if isinstance(value, dict):
        value = value.get("id")
    return value if isinstance(value, str) and NAME.fullmatch(value) else None
