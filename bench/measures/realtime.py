"""Evidence is posted, and a public score moves: how long until `GET /trust/campaign/{id}` gives another answer.

The API and the worker with its beats run as `make up` starts them, and nothing is skipped: the second that a burst waits
for the rest of it, the beat, the calculation, and the copy that the API's process keeps.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any

from bench import ground
from bench.figures import Figure, percentile
from bh_sdk.tokens import sign_jwt
from deploy.local import keys
from deploy.local.stack import Stack
from tests.trust.evidence import a_gift, a_good_campaign, fact

# So many campaigns at a time, each so often in turn.
AT_ONCE, TIMES = 4, 15
DISPUTED = 5
LONGEST, PAUSE = 45.0, 0.01


def measure(stack: Stack) -> Iterator[Figure]:
    """Raises RuntimeError when an answer never moves."""
    api, worker = ground.program(stack, "trust-api"), ground.program(stack, "trust-worker")
    token = _monolith(stack, api.env["BH_SERVICE_URL"])
    with ground.running(stack, api), ground.running(stack, worker):
        yield from _told("a gift → new answer", _all(stack, token, TIMES, lambda about: a_gift(about=about, days=0)))
        yield from _told("a dispute → new answer", _all(stack, token, DISPUTED, _dispute))


def _told(what: str, took: list[float]) -> Iterator[Figure]:
    note = f"{len(took)} of them, {AT_ONCE} campaigns at once"
    yield Figure(f"{what}, p50", percentile(took, 0.5), "s", note=note)
    yield Figure(f"{what}, p95", percentile(took, 0.95), "s", "< 2", note=f"the longest {max(took):.2f} s")


def _dispute(campaign: uuid.UUID) -> dict[str, Any]:
    return fact("payment.disputed", campaign, 0, payment_id=str(uuid.uuid4()), stage="opened")


def _all(stack: Stack, token: str, times: int, next_fact: Callable[[uuid.UUID], dict[str, Any]]) -> list[float]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        rounds = pool.map(lambda _: _one(stack, token, times, next_fact), range(AT_ONCE))
        return [took for each in rounds for took in each]


def _one(stack: Stack, token: str, times: int, next_fact: Callable[[uuid.UUID], dict[str, Any]]) -> list[float]:
    """Seconds from before each fact was posted until another answer was there, for a campaign of its own."""
    caller, campaign = Caller(stack.ports.of("trust"), token), uuid.uuid4()
    caller.post({"facts": a_good_campaign(campaign, uuid.uuid4())})
    seen, took = caller.moved(campaign, ""), []
    for _ in range(times):
        began = time.perf_counter()
        caller.post(next_fact(campaign))
        seen = caller.moved(campaign, seen)
        took.append(time.perf_counter() - began)
    return took


class Caller:
    """One open connection: it posts as the platform, and asks as the public."""

    def __init__(self, port: int, token: str) -> None:
        self._connection, self._token = HTTPConnection("127.0.0.1", port, timeout=LONGEST), token

    def post(self, facts: dict[str, Any]) -> None:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        status, said = self._ask("POST", "/api/v1/trust/evidence", json.dumps(facts), headers)
        if status != 200:
            raise RuntimeError(f"evidence was refused: {status} {said!r}")

    def moved(self, campaign: uuid.UUID, seen: str) -> str:
        """Ask until there is a score, and another one than was `seen`; returns its parts as one text.

        Before the first one is stored every answer is calculated for itself and says so by its time: that is not meant.
        """
        deadline, before = time.monotonic() + LONGEST, ""
        while time.monotonic() < deadline:
            status, said = self._ask("GET", f"/api/v1/trust/campaign/{campaign}", None, {})
            at = json.loads(said)["calculated_at"] if status == 200 else ""
            if at and at == before and (shown := _numbers(said)) != seen:
                return shown
            before = at
            time.sleep(PAUSE)
        raise RuntimeError(f"the score of {campaign} did not move within {LONGEST:g} s")

    def _ask(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> tuple[int, bytes]:
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()


def _numbers(said: bytes) -> str:
    """The score and its parts, without the time it was calculated at: a repetition is no news."""
    told = json.loads(said)
    return json.dumps([told["score"], told["factors"], told["cap_adjustment"]])


def _monolith(stack: Stack, issuer: str) -> str:
    """The platform's own token for trust, as the token endpoint gives it."""
    now = int(time.time())
    claims = {
        "iss": issuer,
        "aud": "trust",
        "sub": "monolith",
        "client_id": "monolith",
        "iat": now,
        "exp": now + 300,
        "jti": str(uuid.uuid4()),
        "scope": "",
    }
    return sign_jwt(claims, keys.read(stack.keys, "trust.pem"), typ="at+jwt")
