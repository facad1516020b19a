"""Who we are to Google: a service account's key signs for a token that stands for an hour (RFC 7523).

Source: https://developers.google.com/identity/protocols/oauth2/service-account.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from functools import lru_cache

import httpx
import jwt
from django.core.exceptions import ImproperlyConfigured

from notify_svc.delivery.channels.base import Outcome
from notify_svc.delivery.channels.sparing import AWAY

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TIMEOUT = httpx.Timeout(10, connect=5)
# Renewed so long before it ends: a batch takes a while.
EARLY = 300


class NoToken(Exception):
    """There is none to be had; `outcome` says what that means for letters."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__(outcome.reason)


@dataclass(frozen=True, slots=True)
class Account:
    """A service account as Google's console writes it, as far as we need it."""

    project_id: str
    client_email: str
    token_uri: str
    private_key: str = field(repr=False)
    private_key_id: str = ""


@lru_cache(maxsize=4)
def account(text: str) -> Account:
    """Reads the JSON of a service account. Raises ImproperlyConfigured."""
    try:
        told = json.loads(text)
        return Account(
            told["project_id"],
            told["client_email"],
            told["token_uri"],
            told["private_key"],
            told.get("private_key_id", ""),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ImproperlyConfigured("FCM_SERVICE_ACCOUNT must be the JSON of a service account") from None


class _Tokens:
    """One token for all threads, renewed by one of them while the others wait for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[Account, tuple[str, float]] = {}

    def of(self, who: Account, *, instead_of: str = "") -> str:
        """A token that is still good for a while; not the one that was refused. Raises NoToken."""
        with self._lock:
            token, until = self._known.get(who, ("", 0.0))
            if not token or token == instead_of or until - time.monotonic() < EARLY:
                token, until = _asked(who)
                self._known[who] = token, until
            return token


tokens = _Tokens()


def _asked(who: Account) -> tuple[str, float]:
    now = int(time.time())
    claims = {"iss": who.client_email, "scope": SCOPE, "aud": who.token_uri, "iat": now, "exp": now + 3_600}
    headers = {"kid": who.private_key_id} if who.private_key_id else None
    try:
        signed = jwt.encode(claims, who.private_key, algorithm="RS256", headers=headers)
    except (ValueError, TypeError, jwt.PyJWTError):
        raise NoToken(Outcome("auth", "key_unusable")) from None
    try:
        answer = httpx.post(who.token_uri, data={"grant_type": GRANT, "assertion": signed}, timeout=TIMEOUT)
    except httpx.HTTPError:
        raise NoToken(Outcome("transient", AWAY)) from None
    if answer.status_code == 429 or answer.status_code >= 500:
        raise NoToken(Outcome("transient", AWAY, answer.status_code))
    try:
        told = answer.json()
        return str(told["access_token"]), time.monotonic() + int(told["expires_in"])
    except (ValueError, KeyError, TypeError):
        raise NoToken(Outcome("auth", "credentials_refused", answer.status_code)) from None
