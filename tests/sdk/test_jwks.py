"""An issuer's keys are fetched seldom, once, and kept while the issuer is away."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from bh_sdk.errors import Unavailable
from bh_sdk.testing import TestIssuer
from bh_sdk.tokens import JWKSCache, KeySet, TokenRefused, UserTokenVerifier, jwk_of, new_signing_key
from bh_sdk.tokens.jwks import fetch_jwks
from tests.sdk.clock import Clock

ALGORITHMS = {"ES256"}
OLD, NEW = jwk_of(new_signing_key()), jwk_of(new_signing_key())


class Issuer:
    """An address that answers a key set, counts, and can be away or slow."""

    def __init__(self, *keys: dict[str, str]) -> None:
        self.keys, self.fetches, self.away = list(keys), 0, False
        self.gate: threading.Event | None = None
        self.entered = threading.Event()

    def __call__(self, url: str) -> Mapping[str, Any]:
        self.fetches += 1
        self.entered.set()
        if self.gate is not None:
            assert self.gate.wait(10)
        if self.away:
            raise OSError("no route to host")
        return {"keys": self.keys}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def issuer() -> Issuer:
    return Issuer(OLD)


@pytest.fixture
def cache(issuer: Issuer, clock: Clock) -> JWKSCache:
    return JWKSCache("https://issuer.test/jwks", issuer, clock=clock)


def has(cache: JWKSCache, key: dict[str, str]) -> bool:
    try:
        return cache.key(key["kid"], algorithms=ALGORITHMS).kid == key["kid"]
    except TokenRefused as refusal:
        if refusal.reason != "unknown_key":
            raise
        return False


def test_keys_are_fetched_once_in_ten_minutes(cache: JWKSCache, issuer: Issuer, clock: Clock) -> None:
    assert all(has(cache, OLD) for _ in range(100))
    clock.now += 599
    assert has(cache, OLD)
    assert issuer.fetches == 1
    clock.now += 1
    assert has(cache, OLD)
    assert issuer.fetches == 2


def test_a_new_key_is_found_as_soon_as_the_pause_is_over(cache: JWKSCache, issuer: Issuer, clock: Clock) -> None:
    assert has(cache, OLD)
    issuer.keys = [OLD, NEW]
    clock.now += 29
    assert not has(cache, NEW)
    clock.now += 1
    assert has(cache, NEW)
    assert has(cache, OLD)
    assert issuer.fetches == 2


def test_a_key_that_was_taken_back_is_refused_after_the_next_fetch(
    cache: JWKSCache, issuer: Issuer, clock: Clock
) -> None:
    assert has(cache, OLD)
    issuer.keys = [NEW]
    clock.now += 600
    assert not has(cache, OLD)
    assert has(cache, NEW)


def test_a_flood_of_unknown_keys_causes_one_fetch_in_thirty_seconds(
    cache: JWKSCache, issuer: Issuer, clock: Clock
) -> None:
    assert has(cache, OLD)
    for second in range(300):
        clock.now += 1
        for number in range(20):
            assert not has(cache, {"kid": f"made-up-{second}-{number}"})
        assert has(cache, OLD)
    assert issuer.fetches == 1 + 300 // 30


def test_a_flood_while_the_issuer_is_away_is_no_more(cache: JWKSCache, issuer: Issuer, clock: Clock) -> None:
    issuer.away = True
    for _ in range(90):
        with pytest.raises(Unavailable):
            cache.key("made-up", algorithms=ALGORITHMS)
        clock.now += 1
    assert issuer.fetches == 3


def test_known_keys_serve_for_a_day_while_the_issuer_is_away(cache: JWKSCache, issuer: Issuer, clock: Clock) -> None:
    assert has(cache, OLD)
    issuer.away = True
    start = clock.now
    while clock.now < start + 24 * 3600 - 60:
        clock.now += 60
        assert has(cache, OLD)
    clock.now = start + 24 * 3600
    with pytest.raises(Unavailable) as refusal:
        cache.key(OLD["kid"], algorithms=ALGORITHMS)
    assert refusal.value.retry_after is not None
    issuer.away = False
    clock.now += 30
    assert has(cache, OLD)


def test_without_any_keys_nobody_is_called_a_forger(cache: JWKSCache, issuer: Issuer) -> None:
    issuer.away = True
    with pytest.raises(Unavailable) as refusal:
        cache.key(OLD["kid"], algorithms=ALGORITHMS)
    assert refusal.value.retry_after == 31


@pytest.mark.parametrize("answer", [{"keys": []}, {"keys": "none"}, {}, {"keys": [{"kty": "oct", "k": "AAAA"}]}])
def test_a_useless_answer_does_not_replace_good_keys(
    cache: JWKSCache, issuer: Issuer, clock: Clock, answer: dict[str, Any]
) -> None:
    assert has(cache, OLD)
    broken = JWKSCache("https://issuer.test/jwks", lambda url: answer, clock=clock)
    with pytest.raises(Unavailable):
        broken.key(OLD["kid"], algorithms=ALGORITHMS)
    issuer.keys = answer.get("keys", [])
    clock.now += 600
    assert has(cache, OLD)
    assert issuer.fetches == 2


def test_fifty_threads_make_one_fetch(issuer: Issuer, clock: Clock) -> None:
    cache = JWKSCache("https://issuer.test/jwks", issuer, clock=clock)
    issuer.gate = threading.Event()
    with ThreadPoolExecutor(50) as threads:
        first = threads.submit(has, cache, OLD)
        assert issuer.entered.wait(10)
        others = [threads.submit(has, cache, OLD if n % 2 else NEW) for n in range(49)]
        issuer.gate.set()
        assert first.result(10)
        assert [other.result(10) for other in others] == [bool(n % 2) for n in range(49)]
    assert issuer.fetches == 1


def test_known_keys_serve_at_once_while_somebody_else_fetches(cache: JWKSCache, issuer: Issuer, clock: Clock) -> None:
    assert has(cache, OLD)
    clock.now += 700
    issuer.gate, issuer.entered = threading.Event(), threading.Event()
    with ThreadPoolExecutor(1) as threads:
        renewing = threads.submit(has, cache, OLD)
        assert issuer.entered.wait(10)
        assert has(cache, OLD)
        assert not renewing.done()
        issuer.gate.set()
        assert renewing.result(10)
    assert issuer.fetches == 2


def test_a_key_of_another_algorithm_is_refused(cache: JWKSCache) -> None:
    with pytest.raises(TokenRefused) as refusal:
        cache.key(OLD["kid"], algorithms={"RS256"})
    assert refusal.value.reason == "algorithm_not_allowed"


def test_failures_are_told_to_whoever_asked(issuer: Issuer, clock: Clock) -> None:
    told: list[Exception] = []
    cache = JWKSCache("https://issuer.test/jwks", issuer, clock=clock, on_failure=told.append)
    issuer.away = True
    with pytest.raises(Unavailable):
        cache.key("k", algorithms=ALGORITHMS)
    assert [str(error) for error in told] == ["no route to host"]


def test_a_token_of_another_issuer_or_algorithm_causes_no_fetch(issuer: Issuer, clock: Clock) -> None:
    mint = TestIssuer("https://attacker.test", clock=clock)
    verifier = UserTokenVerifier("https://issuer.test", jwks=JWKSCache("https://issuer.test/jwks", issuer), clock=clock)
    for token in (
        mint.user(),
        mint.user(iss="https://issuer.test", aud="payments"),
        mint.service("notify", "payments"),
    ):
        with pytest.raises(TokenRefused):
            verifier.verify(token)
    assert issuer.fetches == 0


def test_the_pause_cannot_be_made_shorter() -> None:
    with pytest.raises(ValueError, match="30 seconds"):
        JWKSCache("https://issuer.test/jwks", pause=29)


# --- over a real network ----------------------------------------------------------------------------------------------


@pytest.fixture
def address() -> Iterator[Callable[..., str]]:
    """Serve one answer on loopback and say where."""
    servers: list[ThreadingHTTPServer] = []

    def serve(status: int, body: bytes, **headers: str) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/jwks.json"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_key_set_is_read_from_its_address(address: Callable[..., str]) -> None:
    cache = JWKSCache(address(200, json.dumps({"keys": [OLD]}).encode()))
    assert has(cache, OLD)


@pytest.mark.parametrize(
    ("status", "body"),
    [(404, b"{}"), (500, b"{}"), (200, b"[]"), (200, b"<html>"), (200, b'{"keys": []}' + b" " * 300_000)],
)
def test_an_address_that_answers_something_else_is_not_believed(
    address: Callable[..., str], status: int, body: bytes
) -> None:
    with pytest.raises(ValueError, match=r"."):
        fetch_jwks(address(status, body))


def test_a_redirect_is_not_followed(address: Callable[..., str]) -> None:
    target = address(200, json.dumps({"keys": [OLD]}).encode())
    with pytest.raises(ValueError, match="302"):
        fetch_jwks(address(302, b"", Location=target))


def test_too_many_keys_are_no_key_set() -> None:
    with pytest.raises(ValueError, match="at most 50"):
        KeySet({"keys": [OLD] * 51})
