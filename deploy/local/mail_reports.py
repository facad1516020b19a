"""What becomes of the local stack's mails, told to notify the way SendGrid tells it: signed, with a key of the stack's own.

tell(stack, [said(mail, "bounce")])       # `mail` is one of the mail sink's messages
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import httpx
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from deploy.local import keys
from deploy.local.stack import Stack

KEY = "mail-reports.pem"
Word = Literal["delivered", "deferred", "bounce", "spamreport"]
_ABOUT: dict[Word, dict[str, str]] = {"bounce": {"type": "bounce", "status": "5.1.1", "reason": "550 No such mailbox"}}


def public_key(folder: Path) -> str:
    """What proves the reports, in the form of SENDGRID_WEBHOOK_KEY."""
    shown = _key(folder).public_key()
    der = shown.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def said(mail: Mapping[str, Any], word: Word) -> dict[str, Any]:
    """One event about a mail of the sink. Told again it is the same event."""
    delivery = mail["headers"]["X-BH-Delivery"]
    return {
        "email": mail["to"][0],
        # As the world counts: signatures do not follow the stack's clock.
        "timestamp": int(datetime.now(UTC).timestamp()),
        "event": word,
        "sg_event_id": f"{word}-{delivery}",
        "sg_message_id": f"local-{delivery}.filter0001",
        "delivery_id": delivery,
        **_ABOUT.get(word, {}),
    }


def signed(folder: Path, events: Sequence[Mapping[str, Any]]) -> tuple[dict[str, str], bytes]:
    """Headers and body of a call that tells of events."""
    body, stamp = json.dumps(events).encode(), str(int(datetime.now(UTC).timestamp()))
    signature = _key(folder).sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    return {
        "Content-Type": "application/json",
        "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
        "X-Twilio-Email-Event-Webhook-Timestamp": stamp,
    }, body


def tell(stack: Stack, events: Sequence[Mapping[str, Any]]) -> int:
    """Send events to notify's webhook; returns how many of them were new there."""
    headers, body = signed(stack.keys, events)
    address = f"{stack.ports.url('notify')}/api/v1/notifications/webhooks/sendgrid"
    answer = httpx.post(address, content=body, headers=headers, timeout=30, trust_env=False)
    return int(answer.raise_for_status().json()["new"])


def _key(folder: Path) -> ec.EllipticCurvePrivateKey:
    read = serialization.load_pem_private_key(keys.read(folder, KEY).encode(), None)
    if not isinstance(read, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{KEY} is no key of an elliptic curve")
    return read
