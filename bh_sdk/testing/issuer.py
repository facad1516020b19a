"""A mint for tests: tokens that the real verifiers accept, and every way to spoil one."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from bh_sdk.tokens import ServiceTokenVerifier, UserTokenVerifier, jwk_of, new_signing_key, sign_jwt


class TestIssuer:
    """Issues user tokens as Supabase Auth does and service tokens as our services do, with one ES256 key.

    Keyword arguments of `user()` and `service()` replace claims; a claim set to None is left out.
    """

    # The name is for readers; pytest shall not collect it.
    __test__ = False

    def __init__(
        self,
        issuer: str = "https://issuer.test/auth/v1",
        *,
        pem: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.issuer, self.pem, self._clock = issuer, pem or new_signing_key(), clock

    @property
    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public key, as the issuer's JWKS address would answer it."""
        return {"keys": [jwk_of(self.pem)]}

    def user(
        self, sub: UUID | str | None = None, *, roles: Iterable[str] = (), lifetime: int = 3600, **claims: Any
    ) -> str:
        """A signed-in person's token."""
        now = int(self._clock())
        usual: dict[str, Any] = {
            "iss": self.issuer,
            "aud": "authenticated",
            "sub": str(sub or uuid.uuid4()),
            "role": "authenticated",
            "aal": "aal1",
            "session_id": str(uuid.uuid4()),
            "is_anonymous": False,
            "app_metadata": {"roles": sorted(roles)},
            "iat": now,
            "exp": now + lifetime,
        }
        return self.sign(usual | claims, typ="JWT")

    def service(self, client_id: str, audience: str, /, *, lifetime: int = 300, **claims: Any) -> str:
        """A calling service's token for one audience (RFC 9068)."""
        now = int(self._clock())
        usual: dict[str, Any] = {
            "iss": self.issuer,
            "aud": audience,
            "sub": client_id,
            "client_id": client_id,
            "jti": str(uuid.uuid4()),
            "iat": now,
            "exp": now + lifetime,
        }
        return self.sign(usual | claims, typ="at+jwt")

    def sign(self, claims: dict[str, Any], *, typ: str) -> str:
        """Sign any claims at all."""
        return sign_jwt({name: value for name, value in claims.items() if value is not None}, self.pem, typ=typ)

    def user_verifier(self) -> UserTokenVerifier:
        return UserTokenVerifier(self.issuer, jwks=self.jwks, clock=self._clock)

    def service_verifier(self, audience: str) -> ServiceTokenVerifier:
        return ServiceTokenVerifier(self.issuer, audience, self.jwks, clock=self._clock)
