"""The two token families and the client assertion: three verifiers that never take each other's tokens.

    family      typ      signed by                audience            who
    user        JWT      the user issuer          authenticated       a person (Supabase Auth)
    service     at+jwt   each service for itself  that service        payments, trust, notify, monolith
    assertion   JWT      the client itself        the token endpoint  the client, once

Every refusal is a TokenRefused: one plain 401 outside, a `reason` for the log.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from bh_sdk.tokens.compact import Compact, take_apart
from bh_sdk.tokens.jwks import JWKSCache
from bh_sdk.tokens.keys import KeySet, KeySource, SharedSecret
from bh_sdk.tokens.refusal import TokenRefused

MAX_LEEWAY = 30
MAX_ASSERTION_SECONDS = 60
MAX_SERVICE_TOKEN_SECONDS = 300
ASYMMETRIC = frozenset({"ES256", "RS256"})
# A user token can never name a service (`service:payments`) or smuggle odd text into a policy look-up.
_ROLE = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)
_REFUSED_DATABASE_ROLES = frozenset({"anon", "service_role"})


@dataclass(frozen=True, slots=True)
class UserClaims:
    """A signed-in person. `roles` come from `app_metadata` alone; `exp` is in seconds since 1970."""

    sub: str
    roles: frozenset[str]
    exp: int
    session_id: str | None = None
    jti: str | None = None
    aal: str | None = None


@dataclass(frozen=True, slots=True)
class ServiceClaims:
    """A calling service. `sub` and `client_id` are the same name."""

    sub: str
    client_id: str
    scope: frozenset[str]
    exp: int
    jti: str


@dataclass(frozen=True, slots=True)
class AssertionClaims:
    """A client that proved who it is. The server accepts each `jti` once and remembers it until `exp`."""

    client_id: str
    jti: str
    exp: int


@dataclass(frozen=True, slots=True)
class _Rules:
    """What one family demands. Times are seconds; `leeway` is for clocks that differ."""

    typ: frozenset[str]
    issuer: str
    audiences: frozenset[str]
    required: frozenset[str]
    keys: KeySource
    algorithms: frozenset[str]
    leeway: int
    longest: int | None
    clock: Callable[[], float] = field(repr=False)

    def __post_init__(self) -> None:
        if not 0 <= self.leeway <= MAX_LEEWAY:
            raise ValueError(f"leeway is at most {MAX_LEEWAY} seconds")
        if not self.issuer or not self.audiences or not all(self.audiences):
            raise ValueError("issuer and audience are needed")

    def read(self, token: str) -> dict[str, Any]:
        """The claims of a token that keeps every rule of the family."""
        parts = take_apart(token)
        self._header(parts)
        # A token of the wrong issuer or audience is refused before it can cause a fetch of keys.
        claims = parts.claims
        if self.required - {name for name, value in claims.items() if value not in (None, "")}:
            raise TokenRefused("claim_missing")
        if claims["iss"] != self.issuer:
            raise TokenRefused("wrong_issuer")
        # Exactly one audience: a token for several doors can be carried from one to the other.
        if not isinstance(claims["aud"], str) or claims["aud"] not in self.audiences:
            raise TokenRefused("wrong_audience")
        self._times(claims)
        self.keys.key(parts.key_id, algorithms=self.algorithms).check(parts)
        return claims

    def _header(self, parts: Compact) -> None:
        if parts.algorithm not in self.algorithms:
            raise TokenRefused("algorithm_not_allowed")
        typ = parts.header.get("typ")
        if not isinstance(typ, str) or typ.lower() not in self.typ:
            raise TokenRefused("wrong_type")

    def _times(self, claims: Mapping[str, Any]) -> None:
        now = self.clock()
        exp, iat = _time(claims["exp"]), _time(claims["iat"])
        if exp <= now - self.leeway:
            raise TokenRefused("expired")
        if iat > now + self.leeway or _time(claims.get("nbf", 0)) > now + self.leeway:
            raise TokenRefused("not_yet_valid")
        if exp <= iat or (self.longest is not None and exp - iat > self.longest):
            raise TokenRefused("lives_too_long")


def _time(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**53:
        raise TokenRefused("malformed_time")
    return value


def _text(claims: Mapping[str, Any], name: str, *, longest: int = 200) -> str:
    value = claims[name]
    if not isinstance(value, str) or not 0 < len(value) <= longest or not value.isprintable():
        raise TokenRefused(f"malformed_{name}")
    return value


def _optional(claims: Mapping[str, Any], name: str) -> str | None:
    return _text(claims, name) if claims.get(name) not in (None, "") else None


class UserTokenVerifier:
    """Checks tokens of people, as Supabase Auth issues them.

    Give exactly one of `jwks_url`, `jwks` (a document, or a JWKSCache) and `hs256_secret` (the legacy shared secret).
    """

    def __init__(
        self,
        issuer: str,
        jwks_url: str | None = None,
        jwks: Mapping[str, Any] | KeySource | None = None,
        audience: str = "authenticated",
        *,
        hs256_secret: str | bytes | None = None,
        leeway: int = MAX_LEEWAY,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if sum(given is not None for given in (jwks_url, jwks, hs256_secret)) != 1:
            raise ValueError("give one of jwks_url, jwks and hs256_secret")
        keys: KeySource
        if hs256_secret is not None:
            keys = SharedSecret(hs256_secret)
        elif jwks_url is not None:
            keys = JWKSCache(jwks_url)
        else:
            keys = _key_source(jwks)
        self._rules = _Rules(
            typ=frozenset({"jwt"}),
            issuer=issuer,
            audiences=frozenset({audience}),
            required=frozenset({"iss", "aud", "exp", "iat", "sub", "role"}),
            keys=keys,
            algorithms=frozenset({"HS256"}) if hs256_secret is not None else ASYMMETRIC,
            leeway=leeway,
            longest=None,
            clock=clock,
        )

    def verify(self, token: str) -> UserClaims:
        """The person behind a token. Raises TokenRefused; Unavailable when no key was ever reached."""
        claims = self._rules.read(token)
        # RFC 9068's claim: a service token that somehow came this far is still none of ours.
        if "client_id" in claims:
            raise TokenRefused("wrong_family")
        if not isinstance(claims["role"], str) or claims["role"] in _REFUSED_DATABASE_ROLES:
            raise TokenRefused("role_refused")
        if claims.get("is_anonymous", False) is not False:
            raise TokenRefused("anonymous")
        return UserClaims(
            sub=_person(claims),
            roles=_roles(claims.get("app_metadata")),
            exp=int(claims["exp"]),
            session_id=_optional(claims, "session_id"),
            jti=_optional(claims, "jti"),
            aal=_optional(claims, "aal"),
        )


def _person(claims: Mapping[str, Any]) -> str:
    sub = _text(claims, "sub")
    try:
        # A person is one principal, so the id has one spelling as well.
        if str(UUID(sub)) == sub:
            return sub
    except ValueError:
        pass
    raise TokenRefused("malformed_sub")


def _roles(metadata: Any) -> frozenset[str]:
    if not isinstance(metadata, Mapping):
        return frozenset()
    found: set[str] = set()
    for name in ("roles", "role"):
        value = metadata.get(name)
        listed = value if isinstance(value, list) else [value]
        found |= {role for role in listed if isinstance(role, str) and _ROLE.fullmatch(role)}
    return frozenset(found - _REFUSED_DATABASE_ROLES)


class ServiceTokenVerifier:
    """Checks RFC 9068 access tokens that `issuer` gave to services for `audience` alone. ES256 only."""

    def __init__(
        self,
        issuer: str,
        audience: str,
        jwks: Mapping[str, Any] | KeySource,
        *,
        leeway: int = MAX_LEEWAY,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._rules = _Rules(
            typ=frozenset({"at+jwt", "application/at+jwt"}),
            issuer=issuer,
            audiences=frozenset({audience}),
            required=frozenset({"iss", "exp", "aud", "sub", "client_id", "iat", "jti"}),
            keys=_key_source(jwks),
            algorithms=frozenset({"ES256"}),
            leeway=leeway,
            longest=MAX_SERVICE_TOKEN_SECONDS,
            clock=clock,
        )

    def verify(self, token: str) -> ServiceClaims:
        """The service behind a token. Raises TokenRefused."""
        claims = self._rules.read(token)
        client_id = _text(claims, "client_id")
        # Client credentials stand for the client itself, never for somebody else (RFC 9068, section 2.2).
        if claims["sub"] != client_id or "role" in claims:
            raise TokenRefused("wrong_family")
        scope = claims.get("scope", "")
        if not isinstance(scope, str):
            raise TokenRefused("malformed_scope")
        return ServiceClaims(
            sub=client_id,
            client_id=client_id,
            scope=frozenset(scope.split()),
            exp=int(claims["exp"]),
            jti=_text(claims, "jti"),
        )


def claimed_client(assertion: str) -> str:
    """The client that an assertion *says* it is from: to look up its keys, and for nothing else."""
    claims = take_apart(assertion).claims
    if "iss" not in claims:
        raise TokenRefused("claim_missing")
    return _text(claims, "iss")


def verify_assertion(
    assertion: str,
    *,
    client_id: str,
    jwks: Mapping[str, Any] | KeySource,
    audience: str | Collection[str],
    leeway: int = MAX_LEEWAY,
    clock: Callable[[], float] = time.time,
) -> AssertionClaims:
    """Check an RFC 7523 client assertion: iss = sub = client_id, aud = the token endpoint, at most 60 seconds of life.

    The caller must refuse a `jti` it has seen: this function keeps no state. Raises TokenRefused.
    """
    claims = _Rules(
        typ=frozenset({"jwt", "client-authentication+jwt"}),
        issuer=client_id,
        audiences=frozenset({audience}) if isinstance(audience, str) else frozenset(audience),
        required=frozenset({"iss", "sub", "aud", "jti", "exp", "iat"}),
        keys=_key_source(jwks),
        algorithms=ASYMMETRIC,
        leeway=leeway,
        longest=MAX_ASSERTION_SECONDS,
        clock=clock,
    ).read(assertion)
    if claims["sub"] != client_id:
        raise TokenRefused("wrong_subject")
    return AssertionClaims(client_id=client_id, jti=_text(claims, "jti"), exp=int(claims["exp"]))


def _key_source(jwks: Mapping[str, Any] | KeySource | None) -> KeySource:
    if isinstance(jwks, Mapping):
        return KeySet(jwks)
    if jwks is None:
        raise ValueError("a verifier needs keys")
    return jwks
