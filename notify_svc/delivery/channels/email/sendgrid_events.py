"""What SendGrid tells: a batch of events, signed over timestamp and raw body with a key that is ours alone.

Source: https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event and, beside it,
…/getting-started-event-webhook-security-features.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from django.conf import settings
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from notify_svc.delivery.channels.reports import Kind, RawEvent, Unproven, Unreadable, delivery_named

SIGNATURE, TIMESTAMP = "X-Twilio-Email-Event-Webhook-Signature", "X-Twilio-Email-Event-Webhook-Timestamp"
# SendGrid tries a call again for a day; an hour is for clocks.
OLDEST, NEWEST = timedelta(hours=25), timedelta(minutes=15)
_KINDS: dict[str, Kind] = {
    "delivered": "delivered",
    "deferred": "deferred",
    "bounce": "bounced",
    "dropped": "dropped",
    "spamreport": "complained",
    "open": "opened",
    "click": "clicked",
    "unsubscribe": "unsubscribed",
    "group_unsubscribe": "unsubscribed",
}
# Why SendGrid did not even try: the address is on its own list of the dead and the unwilling.
_DEAD = ("bounced address", "spam reporting address", "invalid")


class _Told(BaseModel):
    email: str = ""
    # Until the year 3000; what is beyond no clock can show.
    timestamp: int = Field(ge=0, le=32_503_680_000)
    event: str
    sg_event_id: str = Field(min_length=1, max_length=200)
    sg_message_id: str = Field(default="", max_length=400)
    delivery_id: str = ""
    type: str = ""
    reason: str = ""
    status: str = ""


_BATCH: TypeAdapter[list[_Told]] = TypeAdapter(list[_Told])


def events_of(body: bytes, headers: Mapping[str, str]) -> list[RawEvent]:
    """The events in a call of SendGrid. Raises Unproven, Unreadable."""
    _verify(body, headers.get(SIGNATURE, ""), headers.get(TIMESTAMP, ""))
    try:
        batch = _BATCH.validate_python(json.loads(body))
        found = [_event(one) for one in batch if one.event in _KINDS]
    except (ValidationError, ValueError, RecursionError):
        raise Unreadable("no batch of SendGrid") from None
    return found


def _verify(body: bytes, signature: str, timestamp: str) -> None:
    if not timestamp.isascii() or not timestamp.isdecimal() or len(timestamp) > 12:
        raise Unproven("unreadable")
    # SendGrid signs with the time of the world, which does not move with ours.
    now = datetime.now(UTC)
    if not now - OLDEST < datetime.fromtimestamp(int(timestamp), UTC) < now + NEWEST:
        raise Unproven("stale")
    try:
        given = base64.b64decode(signature, validate=True)
        _key(settings.SENDGRID_WEBHOOK_KEY).verify(given, timestamp.encode() + body, ec.ECDSA(SHA256()))
    except (binascii.Error, ValueError, InvalidSignature):
        raise Unproven("signature_invalid") from None


@lru_cache(maxsize=4)
def _key(encoded: str) -> ec.EllipticCurvePublicKey:
    key: Any = load_der_public_key(base64.b64decode(encoded))
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise TypeError("SENDGRID_WEBHOOK_KEY is no key of an elliptic curve")
    return key


def _event(told: _Told) -> RawEvent:
    reason = told.reason.lower()
    lasting = {
        # "blocked" is a refusal of this mail or of us, not a dead address.
        "bounce": told.type != "blocked",
        "dropped": reason.startswith(_DEAD),
        "spamreport": True,
    }.get(told.event, False)
    return RawEvent(
        event_id=told.sg_event_id,
        kind=_KINDS[told.event],
        at=datetime.fromtimestamp(told.timestamp, UTC),
        delivery_id=delivery_named(told.delivery_id),
        # "<what we got as X-Message-Id>.<the server that carried it>"
        provider_ref=told.sg_message_id.partition(".")[0][:200],
        email=told.email,
        lasting=lasting,
        code=" ".join(filter(None, [told.status, told.type]))[:64],
    )
