"""The few shapes and small words everything here shares: JSON objects, ids, the API version."""

from __future__ import annotations

import secrets
import string
from typing import Any, TypeAlias

Obj: TypeAlias = dict[str, Any]
"""A Stripe object as JSON. Keys that start with an underscore are the stand-in's own and never leave it."""

API_VERSION = "2026-02-25.clover"
ACCOUNT_ID = "acct_1BlessedHorizonLocal"

_ALPHABET = (string.ascii_letters + string.digits).encode()
_LETTERS = bytes(_ALPHABET[byte % len(_ALPHABET)] for byte in range(256))


def new_id(prefix: str, length: int = 24) -> str:
    """`prefix_` and random letters and digits, as Stripe's ids look."""
    return f"{prefix}_{secrets.token_bytes(length).translate(_LETTERS).decode()}"


def public(obj: Obj) -> Obj:
    """The object without the stand-in's own underscore keys."""
    return {key: value for key, value in obj.items() if not key.startswith("_")}


def listing(url: str, data: list[Obj], *, has_more: bool = False) -> Obj:
    """Stripe's list object."""
    return {"object": "list", "url": url, "has_more": has_more, "data": data}
