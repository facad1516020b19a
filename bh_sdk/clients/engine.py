"""The one path of every call, without any input or output of its own.

`Engine.conversation(call)` is a generator: it yields what is to be done next (get a token, send, pause) and is told the
outcome. `Client` and `AsyncClient` only do those three things, blocking or awaiting; headers, deadline, circuit
breaker, retries, errors and answers are decided here, once.
"""

from __future__ import annotations

import json
import platform
import random
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import httpx

from bh_sdk import correlation, deadlines
from bh_sdk.breaker import Breakers, Outcome
from bh_sdk.clients.auth import Auth
from bh_sdk.clients.call import Answered, Call
from bh_sdk.errors import (
    BHError,
    CircuitOpen,
    ConnectFailed,
    ConnectionLost,
    DeadlineExceeded,
    RetryBudgetSpent,
    TimedOut,
    UnexpectedAnswer,
    Unreachable,
    from_problem,
)
from bh_sdk.retries import RetryBudget, RetryPolicy, asks_for_repeat, read_retry_after
from bh_sdk.version import __version__

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

MAX_ANSWER_BYTES = 32 * 1024 * 1024
CONNECT_SECONDS = 3.0
USER_AGENT = f"bh-sdk/{__version__} python/{platform.python_version()}"


class Paged(Protocol[T_co]):
    """A page of a list: its items and the path of the next page."""

    @property
    def results(self) -> Sequence[T_co]: ...

    @property
    def next(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Token:
    """To be done: get the caller's token, by `ends_at`."""

    ends_at: float


@dataclass(frozen=True, slots=True)
class Pause:
    """To be done: wait."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Send:
    """To be done: send this and read the whole answer, by `ends_at` of `clock`."""

    method: str
    url: str
    query: dict[str, str]
    headers: dict[str, str] = field(repr=False)
    body: bytes | None = field(repr=False)
    ends_at: float
    clock: Callable[[], float] = field(repr=False)

    def timeout(self) -> httpx.Timeout:
        left = max(0.001, self.ends_at - self.clock())
        return httpx.Timeout(left, connect=min(left, CONNECT_SECONDS))

    def grew_to(self, size: int) -> None:
        """Called for every piece of the answer, because httpx limits only the wait for each piece."""
        if size > MAX_ANSWER_BYTES:
            raise UnexpectedAnswer("The answer is too large")
        if self.clock() >= self.ends_at:
            raise TimedOut


Step = Token | Pause | Send


class Engine:
    """What a client knows: where, as whom, how long, and how often. `clock` and `draw` are there for tests."""

    def __init__(
        self,
        base_url: str,
        *,
        auth: Auth | None,
        timeout: float,
        policy: RetryPolicy | None,
        budget: RetryBudget | None,
        breakers: Breakers | None,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        parts = urlsplit(base_url)
        if (
            parts.scheme not in ("http", "https")
            or not parts.hostname
            or parts.username
            or parts.query
            or parts.fragment
        ):
            raise ValueError("base_url is http(s)://host[:port][/prefix]")
        if not timeout > 0:
            raise ValueError("timeout is a number of seconds above 0")
        self.base_url, self.host, self._prefix = base_url.rstrip("/"), parts.netloc, parts.path.rstrip("/")
        self.auth, self.timeout = auth, timeout
        self.policy = policy or RetryPolicy()
        self.budget = budget or RetryBudget(clock=clock)
        self.breakers = breakers or Breakers(clock=clock)
        self.clock, self.draw = clock, draw

    def conversation(self, call: Call[T]) -> Generator[Step, Any, T]:
        """Run a call to its answer. Raises the errors of `bh_sdk.errors` and nothing else."""
        limit = self.timeout if call.timeout is None else call.timeout
        ends_at = deadlines.ends_at(limit, clock=self.clock) or 0.0
        headers = self._headers(call)
        failed, renewed, last = 0, False, None
        self.budget.first_attempt()
        while True:
            if self.clock() >= ends_at:
                raise last or DeadlineExceeded()
            token = None
            if self.auth is not None and not call.anonymous:
                token = yield from self._token(ends_at)
            answered: Answered | None = None
            error: BHError | None = None
            try:
                answered = yield from self._attempt(call, headers, token, ends_at)
            except CircuitOpen as open_now:
                # What really went wrong says more than that we stopped asking.
                if last is not None:
                    raise last from open_now
                raise
            except Unreachable as lost:
                error = lost
            if answered is not None:
                if answered.status in call.expects:
                    return call.read(answered)
                error = _refusal(answered)
                if answered.status == 401 and token and self.auth and not renewed and self.auth.renew(token):
                    # Refused at the door, so nothing has been done: once more with a fresh token.
                    renewed, last = True, error
                    continue
            assert error is not None  # noqa: S101 - for the type checker: no answer means an error
            failed += 1
            yield Pause(self._pause_before_repeating(call, error, failed, ends_at))
            last = error

    def following(self, call: Call[T], path: str | None, seen: set[str]) -> Call[T] | None:
        """The call for the next page, or None at the end. A path that leads anywhere else is not followed."""
        if path is None:
            return None
        # Behind a gateway a service may or may not know the prefix it is called by.
        path = path.removeprefix(self._prefix)
        place, _, cursor = path.partition("?")
        if place != call.path or not cursor or path in seen or any(char <= " " or char in "\\#" for char in path):
            raise UnexpectedAnswer("The next page is not a page of this list")
        seen.add(path)
        return replace(call, path=path, query={})

    def _headers(self, call: Call[Any]) -> dict[str, str]:
        headers = {"Accept": "application/json", "User-Agent": USER_AGENT} | correlation.outgoing()
        if call.body is not None:
            headers["Content-Type"] = "application/json"
        if call.key is not None:
            headers["Idempotency-Key"] = str(call.key)
        return headers

    def _token(self, ends_at: float) -> Generator[Step, Any, str]:
        token = yield Token(ends_at)
        return str(token)

    def _attempt(
        self, call: Call[Any], headers: dict[str, str], token: str | None, ends_at: float
    ) -> Generator[Step, Any, Answered]:
        breaker = self.breakers.of(self.host, call.operation)
        era, outcome = breaker.enter(), Outcome.UNTOLD
        try:
            left = ends_at - self.clock()
            sent = headers | {deadlines.HEADER: deadlines.to_header(left)}
            if token is not None:
                sent["Authorization"] = f"Bearer {token}"
            url = self.base_url + call.path
            answered: Answered = yield Send(call.method, url, dict(call.query), sent, call.body, ends_at, self.clock)
            if answered.status in call.expects or answered.status < 300:
                outcome = Outcome.SUCCEEDED
            else:
                outcome = Outcome.FAILED if answered.status >= 500 else Outcome.NOT_COUNTED
            return answered
        except Unreachable:
            outcome = Outcome.FAILED
            raise
        finally:
            breaker.leave(era, outcome)

    def _pause_before_repeating(self, call: Call[Any], error: BHError, failed: int, ends_at: float) -> float:
        """Seconds to wait before the next attempt; raises `error` when there is to be none."""
        if not call.repeatable or not asks_for_repeat(error) or failed >= self.policy.attempts:
            raise error
        pause = self.policy.pause(failed, retry_after=error.retry_after, draw=self.draw)
        if self.clock() + pause >= ends_at:
            raise error from DeadlineExceeded()
        if not self.budget.spend():
            raise error from RetryBudgetSpent()
        return pause


def _refusal(answered: Answered) -> BHError:
    if answered.status < 400:
        return UnexpectedAnswer(f"The service answered {answered.status}", request_id=answered.request_id)
    retry_after = read_retry_after(answered.headers.get("retry-after"))
    try:
        problem = json.loads(answered.body)
    except (ValueError, RecursionError):
        problem = None
    # Anything but a problem (a proxy's page, say) still is what its status says, in our words.
    error = from_problem(problem if isinstance(problem, dict) else {}, status=answered.status, retry_after=retry_after)
    error.request_id = error.request_id or answered.request_id
    return error


@contextmanager
def translating() -> Iterator[None]:
    """Turn httpx's failures into ours."""
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as failure:
        raise ConnectFailed from failure
    except httpx.TimeoutException as failure:
        raise TimedOut from failure
    except httpx.DecodingError as failure:
        raise UnexpectedAnswer from failure
    except httpx.UnsupportedProtocol as failure:
        raise ConnectFailed from failure
    except httpx.TransportError as failure:
        raise ConnectionLost from failure
