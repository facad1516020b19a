"""A service's own token: asked for with an assertion, shared, and renewed once."""

from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from bh_sdk.errors import ConnectFailed, Forbidden, TimedOut, Unauthenticated, Unavailable, UnexpectedAnswer
from bh_sdk.testing import TestIssuer
from bh_sdk.tokens import ServiceAuth, jwk_of, new_signing_key, verify_assertion
from tests.sdk.clock import Clock

URL = "https://payments.test/oauth2/token"
PEM = new_signing_key()
MINT = TestIssuer("https://payments.test")


class Endpoint:
    """A token endpoint that checks assertions as the kit does and hands out numbered tokens."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.asked, self.seen = clock, 0, set[str]()
        self.answers: list[httpx.Response | Exception] = []
        self.gate: threading.Event | None = None
        self.entered = threading.Event()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        self.entered.set()
        if self.gate is not None:
            assert self.gate.wait(10)
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        assert str(request.url) == URL
        assert form["grant_type"] == "client_credentials"
        assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        claims = verify_assertion(
            form["client_assertion"], client_id="notify", jwks={"keys": [jwk_of(PEM)]}, audience=URL, clock=self.clock
        )
        assert claims.jti not in self.seen, "an assertion was used twice"
        self.seen.add(claims.jti)
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        token = MINT.service("notify", "payments", jti=str(self.asked))
        return httpx.Response(200, json={"access_token": token, "token_type": "Bearer", "expires_in": 300})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def endpoint(clock: Clock) -> Endpoint:
    return Endpoint(clock)


@pytest.fixture
def auth(endpoint: Endpoint, clock: Clock) -> ServiceAuth:
    return make(endpoint, clock)


def make(endpoint: Endpoint, clock: Clock, **more: Any) -> ServiceAuth:
    return ServiceAuth(
        URL,
        "notify",
        PEM,
        "payments",
        transport=httpx.MockTransport(endpoint),
        clock=clock,
        wall_clock=clock,
        sleep=clock.sleep,
        draw=lambda: 0.5,
        **more,
    )


def test_a_token_is_asked_for_once_and_renewed_before_it_ends(
    auth: ServiceAuth, endpoint: Endpoint, clock: Clock
) -> None:
    first = auth.token()
    clock.now += 269
    assert auth.token() == first
    assert endpoint.asked == 1
    clock.now += 1
    second = auth.token()
    assert second != first
    assert endpoint.asked == 2


def test_fifty_threads_and_a_hundred_coroutines_ask_once(auth: ServiceAuth, endpoint: Endpoint) -> None:
    endpoint.gate = threading.Event()

    async def hundred() -> list[str]:
        waiting = [asyncio.ensure_future(auth.atoken()) for _ in range(100)]
        await asyncio.to_thread(endpoint.entered.wait, 10)
        assert endpoint.gate is not None
        endpoint.gate.set()
        return await asyncio.gather(*waiting)

    with ThreadPoolExecutor(50) as threads:
        waiting = [threads.submit(auth.token) for _ in range(50)]
        tokens = asyncio.run(hundred()) + [thread.result(10) for thread in waiting]
    assert len(set(tokens)) == 1
    assert endpoint.asked == 1


def test_while_it_is_renewed_the_old_token_serves(auth: ServiceAuth, endpoint: Endpoint, clock: Clock) -> None:
    old = auth.token()
    clock.now += 275
    endpoint.gate, endpoint.entered = threading.Event(), threading.Event()
    with ThreadPoolExecutor(1) as threads:
        renewing = threads.submit(auth.token)
        assert endpoint.entered.wait(10)
        assert auth.token() == old
        assert asyncio.run(auth.atoken()) == old
        endpoint.gate.set()
        assert renewing.result(10) != old
    assert endpoint.asked == 2


def test_a_failed_renewal_leaves_the_old_token_until_it_ends(
    auth: ServiceAuth, endpoint: Endpoint, clock: Clock
) -> None:
    old = auth.token()
    clock.now += 280
    endpoint.answers = [httpx.Response(400, json={"error": "invalid_client"})] * 2
    assert auth.token() == old
    assert auth.token() == old
    assert endpoint.asked == 2, "one failed renewal a second, not one a call"
    clock.now += 16
    with pytest.raises(Unauthenticated):
        auth.token()


def test_a_failure_is_shared_for_a_second_by_all_who_need_a_token(
    auth: ServiceAuth, endpoint: Endpoint, clock: Clock
) -> None:
    endpoint.answers = [httpx.Response(400, json={"error": "invalid_client"})]
    for _ in range(10):
        with pytest.raises(Unauthenticated):
            auth.token()
    assert endpoint.asked == 1
    clock.now += 1
    assert auth.token()
    assert endpoint.asked == 2


def test_a_token_that_was_refused_is_replaced(auth: ServiceAuth, endpoint: Endpoint) -> None:
    old = auth.token()
    assert auth.renew("another one")
    assert auth.token() == old
    assert auth.renew(old)
    assert auth.token() != old
    assert endpoint.asked == 2


def test_an_endpoint_in_trouble_is_asked_again_with_a_fresh_assertion(
    auth: ServiceAuth, endpoint: Endpoint, clock: Clock
) -> None:
    endpoint.answers = [httpx.ConnectError("refused"), httpx.Response(503, headers={"Retry-After": "2"})]
    auth.token()
    assert len(endpoint.seen) == 3
    assert clock.slept == [0.025, 2.05]


def test_nobody_waits_longer_than_for_an_answer(auth: ServiceAuth, endpoint: Endpoint, clock: Clock) -> None:
    endpoint.answers = [httpx.Response(503, headers={"Retry-After": "3600"})]
    with pytest.raises(Unavailable):
        auth.token()
    assert clock.slept == []


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(400, json={"error": "invalid_client"}), Unauthenticated),
        (httpx.Response(401, json={"error": "invalid_client"}), Unauthenticated),
        (httpx.Response(403, json={"code": "forbidden"}), Forbidden),
        (httpx.Response(404, text="nothing here"), UnexpectedAnswer),
        (httpx.Response(302, headers={"Location": "https://attacker.test"}), UnexpectedAnswer),
        (httpx.Response(200, text="<html>"), UnexpectedAnswer),
        (httpx.Response(200, json=["token"]), UnexpectedAnswer),
        (httpx.Response(200, json={"access_token": "a", "token_type": "mac", "expires_in": 300}), UnexpectedAnswer),
        (httpx.Response(200, json={"access_token": "a\nb", "token_type": "bearer", "expires_in": 9}), UnexpectedAnswer),
        (httpx.Response(200, json={"access_token": "a", "token_type": "bearer", "expires_in": True}), UnexpectedAnswer),
        (httpx.Response(200, json={"access_token": "a", "token_type": "bearer", "expires_in": -1}), UnexpectedAnswer),
        (
            httpx.Response(
                200,
                json={"access_token": MINT.service("notify", "trust"), "token_type": "Bearer", "expires_in": 300},
            ),
            UnexpectedAnswer,
        ),
    ],
)
def test_what_is_no_token_for_us_is_an_error(
    auth: ServiceAuth, endpoint: Endpoint, answer: httpx.Response, error: type[Exception]
) -> None:
    endpoint.answers = [answer]
    with pytest.raises(error):
        auth.token()
    assert endpoint.asked == 1


@pytest.mark.parametrize(
    ("failure", "error"), [(httpx.ConnectError("x"), ConnectFailed), (httpx.ReadTimeout("x"), TimedOut)]
)
def test_an_endpoint_out_of_reach_is_tried_three_times(
    auth: ServiceAuth, endpoint: Endpoint, failure: Exception, error: type[Exception]
) -> None:
    endpoint.answers = [failure] * 3
    with pytest.raises(error):
        auth.token()
    assert endpoint.asked == 3


def test_neither_the_key_nor_the_token_is_shown(auth: ServiceAuth) -> None:
    token = auth.token()
    assert token not in repr(auth)
    assert repr(auth) == "ServiceAuth('notify', 'https://payments.test/oauth2/token')"
    assert json.dumps(repr(auth)).find("PRIVATE") == -1


def test_a_key_that_cannot_sign_is_noticed_at_once() -> None:
    with pytest.raises(ValueError, match=r"."):
        ServiceAuth(URL, "notify", "no key", "payments")
