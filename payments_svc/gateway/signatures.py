"""Is this body from Stripe? (docs.stripe.com/webhooks#verify-manually)"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

from bh_sdk.errors import SignatureInvalid

TOLERANCE_SECONDS = 300
# Our clock and Stripe's may differ a little; more than this is no clock skew.
_FUTURE_SECONDS = 30


def verify(body: bytes, header: str, *, secrets: list[str], now: datetime) -> None:
    """Raise SignatureInvalid unless one of the endpoint's secrets signed these very bytes within the last five minutes.

    Stripe's library accepts timestamps in the future and tries one secret; during a rotation two are valid.
    """
    pairs = [part.split("=", 1) for part in header.split(",") if "=" in part]
    times = [value for name, value in pairs if name.strip() == "t"]
    given = [value for name, value in pairs if name.strip() == "v1"]
    if len(times) != 1 or not times[0].isascii() or not times[0].isdigit() or len(times[0]) > 12 or not given:
        raise SignatureInvalid("Stripe-Signature is missing or malformed")
    age = now.timestamp() - int(times[0])
    if age > TOLERANCE_SECONDS or age < -_FUTURE_SECONDS:
        raise SignatureInvalid("Stripe-Signature is too old or from the future")
    signed = times[0].encode() + b"." + body
    for secret in secrets:
        expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode()
        if any(hmac.compare_digest(expected, one.encode()) for one in given):
            return
    raise SignatureInvalid
