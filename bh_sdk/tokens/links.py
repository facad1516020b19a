"""The signed links in mails: each shows one payment, or one receipt, to whoever holds it, and nothing else."""

from __future__ import annotations

import hashlib
import hmac
from uuid import UUID

from bh_sdk.tokens.compact import encode_part
from bh_sdk.tokens.keys import MIN_HMAC_BYTES

_GIFT = b"bh gift link v1\0"
_RECEIPT = b"bh receipt link v1\0"


def gift_link(key: bytes, payment_id: UUID) -> str:
    """The token of a payment's link: 43 characters that are safe in an address. `key` has at least 32 bytes."""
    return _link(key, _GIFT, payment_id)


def check_gift_link(key: bytes, payment_id: UUID, token: str) -> bool:
    """Whether the token belongs to this payment, in constant time."""
    return _fits(gift_link(key, payment_id), token)


def receipt_link(key: bytes, receipt_id: UUID) -> str:
    """The token of a receipt's link, made like a payment's and worth nothing for one."""
    return _link(key, _RECEIPT, receipt_id)


def check_receipt_link(key: bytes, receipt_id: UUID, token: str) -> bool:
    """Whether the token belongs to this receipt, in constant time."""
    return _fits(receipt_link(key, receipt_id), token)


def _link(key: bytes, purpose: bytes, named: UUID) -> str:
    if len(key) < MIN_HMAC_BYTES:
        raise ValueError(f"the link key has at least {MIN_HMAC_BYTES} bytes")
    return encode_part(hmac.new(key, purpose + named.bytes, hashlib.sha256).digest())


def _fits(right: str, token: str) -> bool:
    return hmac.compare_digest(right.encode(), token.encode("utf-8", "replace"))
