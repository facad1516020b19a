"""The signed link of the thank-you mail: it shows one payment to whoever holds it, and nothing else."""

from __future__ import annotations

import hashlib
import hmac
from uuid import UUID

from bh_sdk.tokens.compact import encode_part
from bh_sdk.tokens.keys import MIN_HMAC_BYTES

_PURPOSE = b"bh gift link v1\0"


def gift_link(key: bytes, payment_id: UUID) -> str:
    """The token of a payment's link: 43 characters that are safe in an address. `key` has at least 32 bytes."""
    if len(key) < MIN_HMAC_BYTES:
        raise ValueError(f"the link key has at least {MIN_HMAC_BYTES} bytes")
    return encode_part(hmac.new(key, _PURPOSE + payment_id.bytes, hashlib.sha256).digest())


def check_gift_link(key: bytes, payment_id: UUID, token: str) -> bool:
    """Whether the token belongs to this payment, in constant time."""
    return hmac.compare_digest(gift_link(key, payment_id).encode(), token.encode("utf-8", "replace"))
