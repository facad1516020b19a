"""The key that says who we are to push services (RFC 8292). A browser subscribes for its public half alone."""

from __future__ import annotations

import base64
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


def private_key() -> ec.EllipticCurvePrivateKey:
    """The key pair. Raises ImproperlyConfigured when VAPID_PRIVATE_KEY is no key of P-256."""
    return _read(settings.VAPID_PRIVATE_KEY)


def public_key() -> str:
    """The public half, as browsers take it: an uncompressed point in base64url."""
    point = private_key().public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return base64.urlsafe_b64encode(point).rstrip(b"=").decode()


@lru_cache(maxsize=4)
def _read(text: str) -> ec.EllipticCurvePrivateKey:
    """A PEM file's text, or the 32 bytes in base64url that Web Push tools write."""
    try:
        if "-----BEGIN" in text:
            key = load_pem_private_key(text.encode(), None)
        else:
            number = int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")
            key = ec.derive_private_key(number, ec.SECP256R1())
    except (ValueError, TypeError):
        raise ImproperlyConfigured("VAPID_PRIVATE_KEY must be a private key of P-256") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ImproperlyConfigured("VAPID_PRIVATE_KEY must be a private key of P-256")
    return key
