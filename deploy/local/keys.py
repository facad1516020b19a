"""The keys and secrets of a local stack: made once, kept in `$BH_STATE/keys`, readable by their owner alone."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path

import jwt.algorithms
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec


# Everybody who asks a service for a token, and the issuer of user tokens.
SIGNERS = ("payments", "trust", "notify", "kit", "monolith", "issuer")
CALLERS = ("payments", "trust", "notify", "monolith")


def make(folder: Path) -> None:
    """Create whatever is missing. Running it again changes nothing."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in SIGNERS:
        _once(folder / f"{name}.pem", _signing_key)
    _once(folder / "seal", lambda: f"s1:{_random_key()}")
    _once(folder / "hash", lambda: f"h1:{_random_key()}")
    _once(folder / "link", _random_key)
    for name in ("payments", "trust", "notify", "kit"):
        _once(folder / f"{name}.django", lambda: secrets.token_urlsafe(50))
    # dj-stripe refuses keys that do not look like Stripe's.
    _once(folder / "stripe", lambda: f"sk_test_{secrets.token_hex(24)}")
    _once(folder / "stripe-webhook", lambda: f"whsec_{secrets.token_hex(24)}")
    clients = {name: {"jwks": {"keys": [public_jwk(folder / f"{name}.pem")]}} for name in CALLERS}
    _replace(folder / "clients.json", json.dumps(clients, indent=2))


def read(folder: Path, name: str) -> str:
    return (folder / name).read_text().strip()


def write(folder: Path, name: str, value: str) -> None:
    """Keep a secret that somebody else made."""
    _replace(folder / name, value)


def public_jwk(pem: Path) -> dict[str, str]:
    """The public half of an ES256 key as a JWK, its `kid` the RFC 7638 thumbprint."""
    private = serialization.load_pem_private_key(pem.read_bytes(), password=None)
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{pem.name} is not an elliptic curve key")
    full = jwt.algorithms.ECAlgorithm.to_jwk(private.public_key(), as_dict=True)
    members = {name: str(full[name]) for name in ("crv", "kty", "x", "y")}
    digest = hashlib.sha256(json.dumps(members, separators=(",", ":"), sort_keys=True).encode()).digest()
    kid = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return members | {"alg": "ES256", "use": "sig", "kid": kid}


def _once(path: Path, content: Callable[[], str]) -> None:
    if not path.exists():
        _replace(path, content())


def _replace(path: Path, text: str) -> None:
    part = path.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as sink:
        sink.write(text + "\n")
    part.replace(path)


def _random_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _signing_key() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
