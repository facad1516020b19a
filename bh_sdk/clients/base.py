"""Clients, blocking and awaiting: they do what the engine says. No operation is written here.

A method of a client is an operation (a function that answers a `Call`) bound by one of four descriptors, so its
parameters, docstring and answer type are written once, and are exact for type checkers in both worlds.
"""

from __future__ import annotations

import asyncio
import functools
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Any, Generic, ParamSpec, Protocol, Self, TypeVar, cast, overload

import httpx

from bh_sdk import deadlines
from bh_sdk.breaker import Breakers
from bh_sdk.clients.auth import Auth
from bh_sdk.clients.call import Answered, Call
from bh_sdk.clients.engine import Engine, Paged, Pause, Send, Step, Token, translating
from bh_sdk.errors import BHError
from bh_sdk.retries import RetryBudget, RetryPolicy

P = ParamSpec("P")
T = TypeVar("T")


class Runs(Protocol):
    """Whatever can run a call and wait for it."""

    def _run(self, call: Call[T]) -> T: ...

    def _each(self, call: Call[Any]) -> Iterator[Any]: ...


class ARuns(Protocol):
    """Whatever can run a call and be awaited."""

    async def _run(self, call: Call[T]) -> T: ...

    def _each(self, call: Call[Any]) -> AsyncIterator[Any]: ...


class does(Generic[P, T]):  # noqa: N801 - reads like a decorator
    """Binds an operation to a blocking client."""

    def __init__(self, operation: Callable[P, Call[T]]) -> None:
        self.operation, self.__doc__ = operation, operation.__doc__

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: Runs, owner: type) -> Callable[P, T]: ...
    def __get__(self, client: Runs | None, owner: type) -> Self | Callable[P, T]:
        if client is None:
            return self
        here = client

        @functools.wraps(self.operation)
        def method(*args: P.args, **kwargs: P.kwargs) -> T:
            return here._run(self.operation(*args, **kwargs))

        return method


class adoes(Generic[P, T]):  # noqa: N801
    """Binds an operation to an awaiting client."""

    def __init__(self, operation: Callable[P, Call[T]]) -> None:
        self.operation, self.__doc__ = operation, operation.__doc__

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: ARuns, owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, client: ARuns | None, owner: type) -> Self | Callable[P, Coroutine[Any, Any, T]]:
        if client is None:
            return self
        here = client

        @functools.wraps(self.operation)
        async def method(*args: P.args, **kwargs: P.kwargs) -> T:
            return await here._run(self.operation(*args, **kwargs))

        return method


class each(Generic[P, T]):  # noqa: N801
    """Binds an operation that answers pages to a blocking client: an iterator over the items of all pages."""

    def __init__(self, operation: Callable[P, Call[Paged[T]]]) -> None:
        self.operation, self.__doc__ = operation, operation.__doc__

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: Runs, owner: type) -> Callable[P, Iterator[T]]: ...
    def __get__(self, client: Runs | None, owner: type) -> Self | Callable[P, Iterator[T]]:
        if client is None:
            return self
        here = client

        @functools.wraps(self.operation)
        def method(*args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
            return here._each(self.operation(*args, **kwargs))

        return method


class aeach(Generic[P, T]):  # noqa: N801
    """Binds an operation that answers pages to an awaiting client: an asynchronous iterator over all items."""

    def __init__(self, operation: Callable[P, Call[Paged[T]]]) -> None:
        self.operation, self.__doc__ = operation, operation.__doc__

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: ARuns, owner: type) -> Callable[P, AsyncIterator[T]]: ...
    def __get__(self, client: ARuns | None, owner: type) -> Self | Callable[P, AsyncIterator[T]]:
        if client is None:
            return self
        here = client

        @functools.wraps(self.operation)
        def method(*args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
            return here._each(self.operation(*args, **kwargs))

        return method


def _no_cookies() -> CookieJar:
    """A jar that takes none: clients are shared, and a token is the only thing that says who calls."""
    return CookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))


class _Connected:
    """What both kinds of client share."""

    _engine: Engine

    @property
    def base_url(self) -> str:
        return self._engine.base_url

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._engine.base_url!r}, auth={self._engine.auth!r})"


class Client(_Connected):
    """A blocking client of one service; use it as a context manager or `close()` it. Threads may share it.

    `timeout` (seconds) is for a whole call with its repeats. `transport` replaces the network. `budget` and `breakers`
    may be shared between clients of the same service.
    """

    def __init__(
        self,
        base_url: str,
        *,
        auth: Auth | None = None,
        timeout: float = 10.0,
        transport: httpx.BaseTransport | None = None,
        retries: RetryPolicy | None = None,
        budget: RetryBudget | None = None,
        breakers: Breakers | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._engine = Engine(
            base_url,
            auth=auth,
            timeout=timeout,
            policy=retries,
            budget=budget,
            breakers=breakers,
            clock=clock,
            draw=draw,
        )
        self._sleep = sleep
        # The environment's proxies are for the outside world; a service next door is called directly.
        self._http = httpx.Client(transport=transport, trust_env=False, follow_redirects=False, cookies=_no_cookies())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _run(self, call: Call[T]) -> T:
        steps = self._engine.conversation(call)
        try:
            step = next(steps)
            while True:
                try:
                    outcome = self._do(step)
                except BHError as failure:
                    step = steps.throw(failure)
                else:
                    step = steps.send(outcome)
        except StopIteration as done:
            return cast("T", done.value)
        finally:
            steps.close()

    def _each(self, call: Call[Any]) -> Iterator[Any]:
        seen: set[str] = set()
        following: Call[Any] | None = call
        while following is not None:
            page = self._run(following)
            yield from page.results
            following = self._engine.following(call, page.next, seen)

    def _do(self, step: Step) -> Answered | str | None:
        if isinstance(step, Send):
            return self._send(step)
        if isinstance(step, Pause):
            self._sleep(step.seconds)
            return None
        assert isinstance(step, Token) and self._engine.auth is not None  # noqa: S101, PT018 - only asked for with auth
        with deadlines.until(step.ends_at):
            return self._engine.auth.token()

    def _send(self, step: Send) -> Answered:
        with (
            translating(),
            self._http.stream(
                step.method,
                step.url,
                params=step.query or None,
                headers=step.headers,
                content=step.body,
                timeout=step.timeout(),
            ) as response,
        ):
            body = bytearray()
            for piece in response.iter_bytes():
                body += piece
                step.grew_to(len(body))
            return Answered(response.status_code, response.headers, bytes(body))


class AsyncClient(_Connected):
    """The same for asyncio: an asynchronous context manager, or `await aclose()`. One event loop per client."""

    def __init__(
        self,
        base_url: str,
        *,
        auth: Auth | None = None,
        timeout: float = 10.0,
        transport: httpx.AsyncBaseTransport | None = None,
        retries: RetryPolicy | None = None,
        budget: RetryBudget | None = None,
        breakers: Breakers | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._engine = Engine(
            base_url,
            auth=auth,
            timeout=timeout,
            policy=retries,
            budget=budget,
            breakers=breakers,
            clock=clock,
            draw=draw,
        )
        self._sleep = sleep
        self._http = httpx.AsyncClient(
            transport=transport, trust_env=False, follow_redirects=False, cookies=_no_cookies()
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _run(self, call: Call[T]) -> T:
        steps = self._engine.conversation(call)
        try:
            step = next(steps)
            while True:
                try:
                    outcome = await self._do(step)
                except BHError as failure:
                    step = steps.throw(failure)
                else:
                    step = steps.send(outcome)
        except StopIteration as done:
            return cast("T", done.value)
        finally:
            steps.close()

    async def _each(self, call: Call[Any]) -> AsyncIterator[Any]:
        seen: set[str] = set()
        following: Call[Any] | None = call
        while following is not None:
            page = await self._run(following)
            for item in page.results:
                yield item
            following = self._engine.following(call, page.next, seen)

    async def _do(self, step: Step) -> Answered | str | None:
        if isinstance(step, Send):
            return await self._send(step)
        if isinstance(step, Pause):
            await self._sleep(step.seconds)
            return None
        assert isinstance(step, Token) and self._engine.auth is not None  # noqa: S101, PT018 - only asked for with auth
        with deadlines.until(step.ends_at):
            return await self._engine.auth.atoken()

    async def _send(self, step: Send) -> Answered:
        with translating():
            async with self._http.stream(
                step.method,
                step.url,
                params=step.query or None,
                headers=step.headers,
                content=step.body,
                timeout=step.timeout(),
            ) as response:
                body = bytearray()
                async for piece in response.aiter_bytes():
                    body += piece
                    step.grew_to(len(body))
                return Answered(response.status_code, response.headers, bytes(body))
