"""The ASGI application: `/v1` (Stripe), `/_standin` (the control door) and two pages."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import traceback
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route as HttpRoute

from . import attempts, charges, refunds
from .api import AnswerLostError, Api
from .control import Control, register_once
from .courier import Courier
from .desk import Desk
from .levers import Levers
from .pages import Pages
from .settings import Tuning
from .store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from starlette.types import ASGIApp, Receive, Scope, Send

TIMERS = {
    "settle_refund": refunds.settle_later,
    "book_charge": charges.book_later,
    "settle_debit": attempts.settle_debit,
}


class _V1:
    """Hands `/v1` to the API and cuts the connection when an answer is to be lost."""

    def __init__(self, api: Api, cut: Callable[[tuple[str, int]], None]) -> None:
        self._api = api
        self._cut = cut

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await self._api.serve(Request(scope, receive))
        except AnswerLostError:
            self._cut(tuple(scope["client"]))
            while (await receive())["type"] != "http.disconnect":
                continue
            return
        await response(scope, receive, send)


def _stop_when_it_fails(task: asyncio.Task[None]) -> None:
    """Without its courier the stand-in would look well and deliver nothing: end, loudly, and be started again."""
    if not task.cancelled() and task.exception() is not None:
        traceback.print_exception(task.exception())
        os.kill(os.getpid(), signal.SIGTERM)


def make_app(
    folder: Path,
    base_url: str,
    *,
    secret_keys: frozenset[str] = frozenset(),
    webhooks: tuple[tuple[str, str | None], ...] = (),
    cut: Callable[[tuple[str, int]], None],
) -> ASGIApp:
    """The stand-in over the state in `folder`.

    `webhooks`: (url, secret) of endpoints that exist from the start. `cut` closes the connection of a client address.
    """
    store = Store(folder)
    tuning = Tuning(store)
    levers = Levers()
    courier = Courier(store, tuning, base_url, dict(TIMERS))
    with store.writing():
        for url, secret in webhooks:
            register_once(Desk(store, tuning.now, base_url), url, secret, ["*"])

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(courier.run())
        task.add_done_callback(_stop_when_it_fails)
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        store.close()

    v1 = _V1(Api(store, tuning, levers, courier, secret_keys), cut)
    return Starlette(
        routes=[
            HttpRoute("/v1/{rest:path}", v1),
            *Control(store, tuning, levers, courier).routes(),
            *Pages(store, tuning, courier).routes(),
            HttpRoute("/{rest:path}", v1),
        ],
        lifespan=lifespan,
    )
