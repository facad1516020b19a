"""The compact form of a signed token, read so strictly that every token has exactly one spelling.

PyJWT checks signatures; it also takes padded and non-canonical base64, lets the last of two equal JSON keys win and
has no limit of size. Those are refused here, before any cryptography.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

from bh_sdk.tokens.refusal import TokenRefused

MAX_TOKEN_BYTES = 8 * 1024

# Each of these lets the sender choose the key or change what is signed (RFC 8725, sections 3.10 and 3.12; RFC 7797).
FORBIDDEN_HEADERS = frozenset({"jku", "jwk", "x5u", "x5c", "crit", "b64", "zip", "enc", "cty"})


@dataclass(frozen=True, slots=True)
class Compact:
    """An unverified token, taken apart: nothing in it may be believed yet."""

    text: str
    header: dict[str, Any]
    claims: dict[str, Any]

    @property
    def algorithm(self) -> str:
        return str(self.header["alg"])

    @property
    def key_id(self) -> str | None:
        return self.header.get("kid")


def take_apart(token: str) -> Compact:
    """Split and decode a compact JWS. Raises TokenRefused for anything but its one canonical spelling."""
    if not isinstance(token, str) or not token.isascii():
        raise TokenRefused("not_ascii_text")
    if len(token) > MAX_TOKEN_BYTES:
        raise TokenRefused("too_large")
    parts = token.split(".")
    if len(parts) != 3:
        raise TokenRefused("not_compact")
    header, claims = _object(_bytes(parts[0])), _object(_bytes(parts[1]))
    _bytes(parts[2])
    if not FORBIDDEN_HEADERS.isdisjoint(header):
        raise TokenRefused("forbidden_header")
    kid = header.get("kid")
    if not isinstance(header.get("alg"), str) or not (kid is None or (isinstance(kid, str) and 0 < len(kid) <= 200)):
        raise TokenRefused("malformed_header")
    return Compact(token, header, claims)


def encode_part(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _bytes(part: str) -> bytes:
    try:
        raw = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise TokenRefused("not_base64url") from None
    # Padding, the other alphabet and spare bits that are not zero all come out differently when written again.
    if encode_part(raw) != part:
        raise TokenRefused("not_canonical")
    return raw


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise TokenRefused("not_json") from None
    if not isinstance(value, dict):
        raise TokenRefused("not_an_object")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise TokenRefused("duplicate_key")
    return found


def _no_constant(_: str) -> Any:
    raise TokenRefused("not_json")
