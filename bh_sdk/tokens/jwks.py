"""An issuer's public keys, fetched seldom and kept long.

Ten minutes fresh, a day stale while the issuer is down, one fetch at a time, and never two within 30 seconds, whatever
key ids strangers make up. An issuer therefore publishes a new key 20 minutes before it signs with it.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

import httpx

from bh_sdk.errors import Unavailable
from bh_sdk.tokens.keys import KeySet, VerifyingKey

MAX_DOCUMENT_BYTES = 256 * 1024

Fetch = Callable[[str], Mapping[str, Any]]


def fetch_jwks(url: str) -> Mapping[str, Any]:
    """GET a JWKS document: five seconds, no redirects, 256 KiB. Raises on anything but a JSON object."""
    with httpx.Client(timeout=5.0, trust_env=False) as client, client.stream("GET", url) as response:
        if response.status_code != 200:
            raise ValueError(f"the key set answered {response.status_code}")
        body = b""
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > MAX_DOCUMENT_BYTES:
                raise ValueError("the key set is too large")
    document = json.loads(body)
    if not isinstance(document, dict):
        raise ValueError("the key set is no JSON object")  # noqa: TRY004 - bad data, not a wrong type in our code
    return document


class JWKSCache:
    """The keys behind a JWKS address. Safe to share between threads.

    `fetch(url)` answers the document or raises; `clock` counts seconds. `on_failure` is told why a fetch failed.
    """

    def __init__(
        self,
        url: str,
        fetch: Fetch = fetch_jwks,
        *,
        fresh: float = 600,
        stale: float = 24 * 3600,
        pause: float = 30,
        clock: Callable[[], float] = time.monotonic,
        on_failure: Callable[[Exception], None] | None = None,
    ) -> None:
        if pause < 30:
            raise ValueError("at most one fetch in 30 seconds")
        self.url = url
        self._fetch, self._clock, self._on_failure = fetch, clock, on_failure
        self._fresh, self._stale, self._pause = fresh, stale, pause
        self._state = threading.Lock()
        self._flight: threading.Event | None = None
        self._keys: KeySet | None = None
        self._loaded_at = self._tried_at = float("-inf")

    def __repr__(self) -> str:
        return f"JWKSCache({self.url!r})"

    def key(self, kid: str | None, *, algorithms: Collection[str]) -> VerifyingKey:
        """The issuer's key of that id. Raises TokenRefused, or Unavailable when no key set was ever reached."""
        while True:
            with self._state:
                now = self._clock()
                keys = self._keys if now - self._loaded_at < self._stale else None
                found = keys.find(kid) if keys else None
                expired = now - self._loaded_at >= self._fresh
                if keys and found and (not expired or self._flight):
                    # While somebody else renews, the known key serves.
                    return keys.key(kid, algorithms=algorithms)
                flight, mine = self._flight, False
                if flight is None and now - self._tried_at >= self._pause:
                    flight = self._flight = threading.Event()
                    self._tried_at, mine = now, True
                elif flight is None:
                    if keys:
                        # Fetched or tried a moment ago: a stale key still serves, an unknown one is refused unasked.
                        return keys.key(kid, algorithms=algorithms)
                    raise _unreachable(self._pause - (now - self._tried_at))
            if mine:
                self._load(flight)
            else:
                flight.wait()
            # Whatever came of it, the pause has begun: the next round ends.

    def _load(self, flight: threading.Event) -> None:
        loaded: KeySet | None = None
        try:
            loaded = KeySet(self._fetch(self.url))
        except Exception as failure:
            if self._on_failure:
                self._on_failure(failure)
        finally:
            with self._state:
                # An empty set is an accident of the issuer, not an order to refuse everybody.
                if loaded:
                    self._keys, self._loaded_at = loaded, self._clock()
                self._flight = None
            flight.set()


def _unreachable(seconds: float) -> Unavailable:
    error = Unavailable("Tokens cannot be checked now; try again soon")
    error.retry_after = max(1, int(seconds) + 1)
    return error
