"""Tokens for ourselves: a service proves who it is with its key and gets a short-lived token (RFC 7523)."""

from __future__ import annotations

import asyncio
import logging
import random
import threading
import time
import uuid
import weakref
from collections.abc import Callable
from typing import Any

import httpx

from bh_sdk.deadlines import remaining
from bh_sdk.errors import BHError, ConnectFailed, Forbidden, TimedOut, Unauthenticated, UnexpectedAnswer, from_problem
from bh_sdk.retries import RetryPolicy, asks_for_repeat, read_retry_after
from bh_sdk.tokens.compact import take_apart
from bh_sdk.tokens.keys import private_key, sign_jwt
from bh_sdk.tokens.refusal import TokenRefused

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_SECONDS = 60
# After a failure the endpoint is left alone for a moment, by all callers together.
FAILURE_SECONDS = 1.0

log = logging.getLogger(__name__)


def client_assertion(client_id: str, pem: str, *, audience: str, clock: Callable[[], float] = time.time) -> str:
    """An assertion for one use: iss = sub = client_id, aud = the token endpoint, 60 seconds."""
    now = int(clock())
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "jti": str(uuid.uuid4()),
        "iat": now,
        "exp": now + ASSERTION_SECONDS,
    }
    return sign_jwt(claims, pem)


class ServiceAuth:
    """A service's own token for one audience: fetched when first needed, cached, renewed once before it ends.

    While it is renewed the old token serves; when the renewal fails it serves until it ends. Safe to share between
    threads and event loops. `token()` raises Unauthenticated when the service does not know this client, and the
    errors of any call when it cannot be reached.
    """

    def __init__(
        self,
        token_url: str,
        client_id: str,
        signing_key_pem: str,
        audience: str | None = None,
        *,
        scope: str | None = None,
        assertion_audience: str | None = None,
        timeout: float = 5.0,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        draw: Callable[[], float] = random.random,
    ) -> None:
        private_key(signing_key_pem)
        self.token_url, self.client_id, self.audience, self.scope = token_url, client_id, audience, scope
        # Behind a gateway the address that is called and the one that the service knows itself by may differ.
        self._assertion_audience = assertion_audience or token_url
        self._pem, self._timeout, self._transport = signing_key_pem, timeout, transport
        self._clock, self._wall_clock, self._sleep, self._draw = clock, wall_clock, sleep, draw
        self._policy = RetryPolicy()
        self._renewing = threading.Lock()
        self._loops: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = weakref.WeakKeyDictionary()
        self._token: str | None = None
        self._failure: BHError | None = None
        self._renew_at = self._ends_at = self._failed_until = float("-inf")

    def __repr__(self) -> str:
        return f"ServiceAuth({self.client_id!r}, {self.token_url!r})"

    def token(self) -> str:
        """A token with at least a few seconds of life."""
        known = self._known()
        if known and self._clock() < self._renew_at:
            return known
        # Whoever comes first renews; the others go on with the old token while it lasts, else they wait.
        if not self._renewing.acquire(blocking=known is None):
            return known or self.token()
        try:
            known = self._known()
            if known and self._clock() < self._renew_at:
                return known
            if self._failure is not None and self._clock() < self._failed_until and known is None:
                # Whoever waited for the renewal that failed does not begin the same wait again.
                raise self._failure
            try:
                return self._renew()
            except BHError as failure:
                self._failure, self._failed_until = failure, self._clock() + FAILURE_SECONDS
                if known is None:
                    raise
                self._renew_at = self._failed_until
                log.warning("token_renewal_failed", extra={"client_id": self.client_id, "code": failure.code})
                return known
        finally:
            self._renewing.release()

    async def atoken(self) -> str:
        """The same for coroutines; they share the token, and one renewal, with the threads."""
        known = self._known()
        if known and self._clock() < self._renew_at:
            return known
        lock = self._loops.setdefault(asyncio.get_running_loop(), asyncio.Lock())
        if known and lock.locked():
            return known
        async with lock:
            return await asyncio.to_thread(self.token)

    def renew(self, refused: str) -> bool:
        """Forget a token that a service refused (its key may be a new one). True: ask for another and try once more."""
        with self._renewing:
            if self._token == refused:
                self._token, self._renew_at = None, float("-inf")
        return True

    def _known(self) -> str | None:
        return self._token if self._clock() < self._ends_at else None

    def _renew(self) -> str:
        failed = 0
        while True:
            asked_at = self._clock()
            try:
                answer = self._ask()
                break
            except BHError as error:
                failed += 1
                pause = self._policy.pause(failed, retry_after=error.retry_after, draw=self._draw)
                left = remaining(clock=self._clock)
                # Others wait for this token: nobody is made to wait longer than for one answer.
                if failed >= self._policy.attempts or not asks_for_repeat(error) or pause > self._timeout:
                    raise
                if left is not None and pause >= left:
                    raise
                self._sleep(pause)
        token, seconds = self._read(answer)
        # A fifth of its life, at most half a minute, is the time to renew in.
        margin = min(30.0, seconds / 5)
        self._ends_at, self._renew_at = asked_at + seconds - min(5.0, margin / 2), asked_at + seconds - margin
        self._token = token
        return token

    def _ask(self) -> dict[str, Any]:
        # A fresh assertion for every attempt: the server takes each jti once.
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": client_assertion(
                self.client_id, self._pem, audience=self._assertion_audience, clock=self._wall_clock
            ),
        }
        if self.scope:
            form["scope"] = self.scope
        try:
            left = remaining(clock=self._clock)
            seconds = self._timeout if left is None else max(0.001, min(self._timeout, left))
            with httpx.Client(transport=self._transport, timeout=seconds, trust_env=False) as client:
                response = client.post(self.token_url, data=form, headers={"Accept": "application/json"})
        except httpx.TimeoutException:
            raise TimedOut("The token endpoint did not answer in time") from None
        except httpx.TransportError as failure:
            raise ConnectFailed("No connection to the token endpoint") from failure
        try:
            body = response.json()
        except ValueError:
            body = None
        if response.status_code == 200 and isinstance(body, dict):
            return body
        if response.status_code in (400, 401, 403) and isinstance(body, dict):
            code = str(body.get("error", body.get("code", "")))[:64]
            kind = Forbidden if response.status_code == 403 else Unauthenticated
            raise kind(f"The service gave {self.client_id} no token: {code or response.status_code}", error=code)
        if response.status_code == 429 or response.status_code >= 500:
            raise from_problem(
                body if isinstance(body, dict) else {},
                status=response.status_code,
                retry_after=read_retry_after(response.headers.get("Retry-After")),
            )
        raise UnexpectedAnswer(f"The token endpoint answered {response.status_code}")

    def _read(self, answer: dict[str, Any]) -> tuple[str, float]:
        token, seconds = answer.get("access_token"), answer.get("expires_in")
        if (
            not isinstance(token, str)
            or not token.isascii()
            or not token.isprintable()
            or not 0 < len(token) <= 8192
            or str(answer.get("token_type", "")).lower() != "bearer"
            or isinstance(seconds, bool)
            or not isinstance(seconds, int | float)
            or not 0 < seconds <= 86400
        ):
            raise UnexpectedAnswer("The token endpoint's answer is no bearer token")
        if self.audience is not None:
            # Only to notice a wrong address early: whether the token is good is for its audience to say.
            try:
                claimed = take_apart(token).claims.get("aud")
            except TokenRefused:
                claimed = self.audience
            if claimed != self.audience:
                raise UnexpectedAnswer(f"The token endpoint gave a token for {claimed!r}, not for {self.audience!r}")
        return token, float(seconds)
