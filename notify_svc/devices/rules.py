"""Pure rules of devices: which addresses a push may go to, what their keys must be, and how long one is kept."""

from __future__ import annotations

import base64
import binascii
import ipaddress
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec

# By which way a device is reached; each is the name of the provider that can.
FCM, WEB = "fcm", "webpush"
KINDS = (FCM, WEB)
# Why a device gets nothing more.
REASONS = ("gone", "expired", "unseen", "too_many", "by_staff")
# A person with more than these has lost some of them.
MOST = 20
# Google drops tokens of which nobody heard for so long; a browser that lives asks again long before.
UNSEEN = timedelta(days=270)
# How long staff can still see that somebody had a device.
KEPT = timedelta(days=90)
PORTS = frozenset({None, 443})
_POINT, _SECRET = 65, 16


@dataclass(frozen=True, slots=True)
class Opened:
    """Where one push goes. Never stored, never logged."""

    id: UUID
    user_id: UUID
    kind: str
    address: str
    p256dh: str
    auth: str
    seen_at: datetime

    def __repr__(self) -> str:
        return f"<Device {self.id}>"


def service(endpoint: str) -> str:
    """The push service behind an endpoint: `https://host`, and its port when it has one."""
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.netloc}".lower()


def endpoint_refused(endpoint: str, *, known: Collection[str] = ()) -> str | None:
    """Why nothing may be sent to this endpoint; None when it may.

    Where its host leads is asked again at each connection. With `known` services no other is spoken to, and these may be
    on this machine.
    """
    try:
        parts = urlsplit(endpoint)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        return "is no address"
    if "@" in parts.netloc or parts.fragment or "\\" in endpoint:
        return "must hold no user, no fragment and no backslash"
    if known:
        return None if service(endpoint) in known else "is no push service that is known here"
    if parts.scheme != "https":
        return "must begin with https://"
    if port not in PORTS:
        return "must be at port 443"
    return None if _named(host) else "must name a host in the public net"


def _named(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        # A number in another notation is an address too: the last label of a name is never one.
        last = host.rstrip(".").rpartition(".")[2]
        return "." in host.rstrip(".") and not last[:1].isdigit()
    return False


def public_key(text: str) -> str | None:
    """A browser's key as base64url without padding, however it was written; None when it is no point of P-256."""
    point = _bytes(text)
    if point is None or len(point) != _POINT:
        return None
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError:
        return None
    return _text(point)


def secret(text: str) -> str | None:
    """A browser's secret as base64url without padding; None when it is none."""
    found = _bytes(text)
    return _text(found) if found is not None and len(found) == _SECRET else None


def _bytes(text: str) -> bytes | None:
    plain = text.rstrip("=").replace("+", "-").replace("/", "_")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None


def _text(found: bytes) -> str:
    return base64.urlsafe_b64encode(found).rstrip(b"=").decode()
