"""Keys: which ones we sign with, and which ones we let anybody sign with.

A key decides its algorithm, never the token. Keys that are meant for something else (`use: enc`), too short (RSA below
2048 bits, HMAC below 32 bytes), published with their private half, or symmetric inside a key set, do not count.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, get_default_algorithms

from bh_sdk.tokens.compact import Compact, encode_part
from bh_sdk.tokens.refusal import TokenRefused

MIN_RSA_BITS = 2048
MIN_HMAC_BYTES = 32
MAX_KEYS = 50
_CURVES = {"P-256": "ES256"}


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A key with the one algorithm it may be used with."""

    algorithm: str
    kid: str | None
    material: Any = field(repr=False)

    def check(self, token: Compact) -> None:
        """Raise TokenRefused unless this key, by its own algorithm, signed the token."""
        if token.algorithm != self.algorithm:
            raise TokenRefused("wrong_algorithm")
        try:
            jwt.PyJWS(algorithms=[self.algorithm]).decode_complete(
                token.text, key=self.material, algorithms=[self.algorithm]
            )
        except jwt.PyJWTError:
            raise TokenRefused("bad_signature") from None


class KeySource(Protocol):
    """Where a verifier finds the key that a token names."""

    def key(self, kid: str | None, *, algorithms: Collection[str]) -> VerifyingKey:
        """The key of that id. Without an id, the only key there is. Raises TokenRefused when there is none."""


class KeySet:
    """The usable keys of one JWKS document. Keys that break a rule are left out; equal ids make both unusable."""

    def __init__(self, jwks: Mapping[str, Any]) -> None:
        listed = jwks.get("keys")
        if not isinstance(listed, list):
            raise ValueError("a JWKS is an object with a list of keys")  # noqa: TRY004 - bad data, not a wrong type
        if len(listed) > MAX_KEYS:
            raise ValueError(f"a JWKS holds at most {MAX_KEYS} keys")
        named: dict[str | None, list[VerifyingKey | None]] = {}
        for jwk in listed:
            usable = _usable(jwk)
            named.setdefault(jwk.get("kid") if isinstance(jwk, Mapping) else None, []).append(usable)
        # Equal ids: nobody can say which key was meant, so neither counts, even if the other one is unusable.
        self._keys = {kid: same[0] for kid, same in named.items() if len(same) == 1 and same[0] is not None}
        self._only = len(listed) == 1

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, kid: str | None) -> VerifyingKey | None:
        if kid is None:
            return next(iter(self._keys.values()), None) if self._only else None
        return self._keys.get(kid)

    def key(self, kid: str | None, *, algorithms: Collection[str]) -> VerifyingKey:
        found = self.find(kid)
        if found is None:
            raise TokenRefused("unknown_key")
        if found.algorithm not in algorithms:
            raise TokenRefused("algorithm_not_allowed")
        return found


class SharedSecret:
    """The legacy HS256 secret of an issuer that publishes no keys. Never together with a key set."""

    def __init__(self, secret: str | bytes) -> None:
        material = secret.encode() if isinstance(secret, str) else secret
        if len(material) < MIN_HMAC_BYTES:
            raise ValueError(f"an HMAC secret has at least {MIN_HMAC_BYTES} bytes")
        if b"-----BEGIN" in material:
            raise ValueError("this is a PEM key, not a shared secret")
        self._key = VerifyingKey("HS256", None, material)

    def key(self, kid: str | None, *, algorithms: Collection[str]) -> VerifyingKey:
        return self._key


def _usable(jwk: Any) -> VerifyingKey | None:
    """The key of a JWK if it keeps every rule, else None: one odd key must not take the others down."""
    if not isinstance(jwk, Mapping) or "d" in jwk or "k" in jwk:
        return None
    kid, operations = jwk.get("kid"), jwk.get("key_ops")
    if not (kid is None or (isinstance(kid, str) and kid)) or jwk.get("use", "sig") != "sig":
        return None
    if operations is not None and not (isinstance(operations, list) and "verify" in operations):
        return None
    kty = jwk.get("kty")
    algorithm = {"EC": _CURVES.get(str(jwk.get("crv"))), "RSA": "RS256"}.get(str(kty))
    if algorithm is None or jwk.get("alg", algorithm) != algorithm:
        return None
    try:
        with warnings.catch_warnings():
            # Short keys are refused below, in our own words.
            warnings.simplefilter("ignore")
            material = get_default_algorithms()[algorithm].from_jwk(dict(jwk))
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError):
        return None
    if isinstance(material, rsa.RSAPublicKey):
        strong = material.key_size >= MIN_RSA_BITS and material.public_numbers().e >= 65537
        return VerifyingKey(algorithm, kid, material) if strong else None
    return VerifyingKey(algorithm, kid, material) if isinstance(material, ec.EllipticCurvePublicKey) else None


def new_signing_key() -> str:
    """A fresh ES256 key as an unencrypted PKCS #8 PEM. Keep it in a file that only its owner reads."""
    return (
        ec.generate_private_key(ec.SECP256R1())
        .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        .decode()
    )


def private_key(pem: str | bytes) -> ec.EllipticCurvePrivateKey:
    """Read an ES256 signing key. Raises ValueError for any other kind."""
    key = serialization.load_pem_private_key(pem.encode() if isinstance(pem, str) else pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("the signing key is not an elliptic curve key on P-256")  # noqa: TRY004 - a wrong value, not a wrong type
    return key


def jwk_of(pem: str | bytes) -> dict[str, str]:
    """The public JWK of an ES256 key (private or public PEM). Its `kid` is the RFC 7638 thumbprint."""
    raw = pem.encode() if isinstance(pem, str) else pem
    public = (
        serialization.load_pem_public_key(raw) if b"-----BEGIN PUBLIC KEY" in raw else private_key(raw).public_key()
    )
    if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
        raise ValueError("the key is not an elliptic curve key on P-256")  # noqa: TRY004 - a wrong value, not a wrong type
    full = ECAlgorithm.to_jwk(public, as_dict=True)
    members = {name: str(full[name]) for name in ("crv", "kty", "x", "y")}
    thumbprint = hashlib.sha256(json.dumps(members, separators=(",", ":"), sort_keys=True).encode()).digest()
    return members | {"alg": "ES256", "use": "sig", "kid": encode_part(thumbprint)}


def sign_jwt(claims: Mapping[str, Any], pem: str | bytes, *, typ: str = "JWT", kid: str | None = None) -> str:
    """Sign claims with ES256. `typ` keeps the token families apart; `kid` defaults to the key's thumbprint."""
    key = private_key(pem)
    return jwt.encode(
        dict(claims),
        key,
        algorithm="ES256",
        headers={"typ": typ, "kid": kid if kid is not None else jwk_of(pem)["kid"]},
    )
