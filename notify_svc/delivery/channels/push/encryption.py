"""Messages that the push service in between cannot read: RFC 8291 over the aes128gcm coding of RFC 8188."""

from __future__ import annotations

import os

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

# One record; a push service takes 4,096 bytes of body.
RECORD = 4096
_HEAD, _TAG = 16 + 4 + 1 + 65, 16
LARGEST = RECORD - _HEAD - _TAG - 1
_LAST = b"\x02"


def encrypt(
    plain: bytes,
    *,
    p256dh: bytes,
    auth: bytes,
    key: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
    padding: int = 0,
) -> bytes:
    """The body of a push for the browser with these keys. `key` and `salt` are fresh each time, but for the example of
    the RFC. `padding` zeros hide how long the message is. Raises ValueError for what is too long or no key."""
    if len(plain) + padding > LARGEST:
        raise ValueError("longer than a push service takes")
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), p256dh)
    ours, salt = key or ec.generate_private_key(ec.SECP256R1()), salt or os.urandom(16)
    point = ours.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    shared = _derived(ours.exchange(ec.ECDH(), theirs), auth, b"WebPush: info\x00" + p256dh + point, 32)
    secret = _derived(shared, salt, b"Content-Encoding: aes128gcm\x00", 16)
    nonce = _derived(shared, salt, b"Content-Encoding: nonce\x00", 12)
    head = salt + RECORD.to_bytes(4, "big") + bytes([len(point)]) + point
    return head + AESGCM(secret).encrypt(nonce, plain + _LAST + bytes(padding), None)


def _derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, info).derive(secret)
