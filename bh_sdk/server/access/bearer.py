"""From a bearer token to a principal: two token families, two verifiers, chosen by `typ` and never mixed."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from bh_sdk.server.access import roles, watch, wiring
from bh_sdk.server.access.principals import Principal
from bh_sdk.tokens import MAX_TOKEN_BYTES, ServiceClaims, TokenRefused, UserClaims
from bh_sdk.tokens.compact import take_apart

if TYPE_CHECKING:
    from collections.abc import Callable

# A verified token is not verified again for this long (seconds), nor longer than it lives.
REMEMBERED_FOR = 300.0
REMEMBERED = 20_000


class UserTokens(Protocol):
    def verify(self, token: str) -> UserClaims: ...


class ServiceTokens(Protocol):
    def verify(self, token: str) -> ServiceClaims: ...


@dataclass(frozen=True, slots=True)
class Known:
    """A verified token: whose it is, what revocations may call it, until when it need not be verified again."""

    principal: Principal
    token_ids: tuple[str, ...]
    until: float


class Tokens:
    """Verifies tokens and remembers those it verified by their digest. Safe to share between threads."""

    def __init__(self, users: UserTokens, services: ServiceTokens, *, clock: Callable[[], float] = time.time) -> None:
        self._users = users
        self._services = services
        self._clock = clock
        self._known: OrderedDict[bytes, Known] = OrderedDict()
        self._lock = Lock()

    def principal(self, token: str, refusals: watch.Refusals) -> Principal:
        """Whose token this is. Raises TokenRefused when it is not right, or when it or its subject is refused."""
        if len(token) > MAX_TOKEN_BYTES:
            raise TokenRefused("too_large")
        digest = hashlib.sha256(token.encode()).digest()
        now = self._clock()
        known = self._known.get(digest)
        if known is None or known.until <= now:
            known = self._verify(token, now)
            self._remember(digest, known)
        if refusals.refuse(subject=known.principal.id, token_ids=known.token_ids, now=now):
            raise TokenRefused("revoked")
        return known.principal

    def at_hand(self, token: str, refusals: watch.Refusals) -> Principal | None:
        """Whose token this is, if it was verified before and is still good; never verifies and never raises."""
        if len(token) > MAX_TOKEN_BYTES:
            return None
        known, now = self._known.get(hashlib.sha256(token.encode()).digest()), self._clock()
        if known is None or known.until <= now:
            return None
        refused = refusals.refuse(subject=known.principal.id, token_ids=known.token_ids, now=now)
        return None if refused else known.principal

    def _verify(self, token: str, now: float) -> Known:
        kind = take_apart(token).header.get("typ")
        # RFC 9068: the type may be written with or without `application/`. Each verifier checks it again, strictly.
        if isinstance(kind, str) and kind.lower().removeprefix("application/") == "at+jwt":
            return self._service(self._services.verify(token), now)
        return self._user(self._users.verify(token), now)

    def _service(self, claims: ServiceClaims, now: float) -> Known:
        principal = Principal(
            id=claims.client_id, kind="service", roles=frozenset({roles.service_role(claims.client_id)})
        )
        return Known(principal, (claims.jti,), min(claims.exp, now + REMEMBERED_FOR))

    def _user(self, claims: UserClaims, now: float) -> Known:
        # Everybody who has signed in may give; a service's role is nothing that a person can have.
        held = frozenset(claims.roles & set(roles.PEOPLE)) | {"donor"}
        token_ids = tuple(one for one in (claims.jti, claims.session_id) if one)
        principal = Principal(id=claims.sub, kind="user", roles=held)
        return Known(principal, token_ids, min(claims.exp, now + REMEMBERED_FOR))

    def _remember(self, digest: bytes, known: Known) -> None:
        with self._lock:
            self._known[digest] = known
            self._known.move_to_end(digest)
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)


@cache
def tokens() -> Tokens:
    """The process's verifiers. User keys come from `BH_USER_JWKS` (the document itself) or else `BH_USER_JWKS_URL`."""
    return Tokens(wiring.user_verifier(), wiring.service_verifier())


def principal_of(header: str) -> Principal:
    """The principal of an `Authorization` header. Raises TokenRefused (a 401), or Unavailable without any keys."""
    token = _token_of(header)
    if token is None:
        raise TokenRefused("no_bearer_token")
    return tokens().principal(token, watch.current().refusals())


def at_hand(header: str) -> Principal | None:
    """The same, if this process knows it without asking anybody; None when it would have to look."""
    token, refusals = _token_of(header), watch.current().refusals_at_hand()
    return None if token is None or refusals is None else tokens().at_hand(token, refusals)


def _token_of(header: str) -> str | None:
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token or not token.isascii():
        return None
    return token.strip()
