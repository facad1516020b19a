"""Signed ways to a receipt: the page behind its QR code, and the link in the mail."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from uuid import UUID

from django.conf import settings

from bh_sdk.server.ops.settings import setting
from payments_svc.receipts.models import Receipt

_PURPOSE = b"bh receipt verification v1\0"
# Half of a SHA-256 keeps the code small and is far beyond guessing.
_TAG = 16


def verification_token(receipt_id: UUID) -> str:
    """What the QR code holds: the receipt's id under our signature, 43 characters."""
    return base64.urlsafe_b64encode(receipt_id.bytes + _tag(receipt_id.bytes)).decode().rstrip("=")


def read_verification_token(token: str) -> UUID | None:
    """The receipt that a token of ours names; None for any other text. No row is looked at before the signature holds."""
    try:
        raw = (
            base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True) if token.isascii() else b""
        )
    except binascii.Error:
        raw = b""
    named, tag = raw[:16].ljust(16, b"\0"), raw[16:]
    # The last character holds spare bits: one text only is the token.
    right = hmac.compare_digest(_tag(named), tag)
    return UUID(bytes=named) if right and verification_token(UUID(bytes=named)) == token else None


def _tag(named: bytes) -> bytes:
    return hmac.new(settings.BH_LINK_KEY, _PURPOSE + named, hashlib.sha256).digest()[:_TAG]


def verification_url(receipt: Receipt) -> str:
    """Where anybody who holds the paper can ask whether it is genuine."""
    return f"{setting('BH_SERVICE_URL')}/verify-receipt/{verification_token(receipt.id)}"
