"""The doors of the stream, by ASGI: the stream itself and the probes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from bh_sdk.errors import BHError, MethodNotAllowed, NotFound, RateLimited, Unauthenticated, Unavailable
from bh_sdk.server.ops import trace
from bh_sdk.server.ops.logs import log
from notify_svc.stream import settings
from notify_svc.stream.hub import Hub, Stream, counted
from notify_svc.stream.store import Away

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

PATH = "/api/v1/notifications/stream"
_LONGEST_TICKET = 100
_NO_TICKET = "A ticket that is fresh and not used yet is needed: POST /notifications/stream-ticket"
_SSE: Headers = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    # Proxies of the nginx kind would keep events back until there are enough of them.
    (b"x-accel-buffering", b"no"),
]


class Application:
    """ASGI's view of a hub."""

    def __init__(self, hub: Hub, origins: frozenset[str]) -> None:
        self._hub, self._origins = hub, origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"nothing here speaks {scope['type']}")
        request_id = trace.sane(_header(scope, b"x-request-id"))
        around = [*self._cors(scope), (b"x-request-id", request_id.encode())]
        try:
            await self._answer(scope, receive, send, around)
        except BHError as refusal:
            await _problem(send, refusal, request_id, around)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, around: Headers) -> None:
        path, method = scope["path"], scope["method"]
        if path == PATH and method == "OPTIONS":
            await _respond(send, 204, b"", around)
        elif path == PATH and method == "GET":
            stream = await self._open(scope)
            try:
                await self._tell(stream, receive, send, around)
            finally:
                self._hub.remove(stream)
        elif method not in ("GET", "HEAD"):
            raise MethodNotAllowed
        elif path == "/livez":
            await _respond(send, 200, b"ok\n", around)
        elif path == "/readyz":
            draining = self._hub.draining
            await _respond(send, 503 if draining else 200, b"draining\n" if draining else b"ready\n", around)
        elif path == "/metrics":
            await _respond(send, 200, generate_latest(), around, CONTENT_TYPE_LATEST)
        else:
            raise NotFound

    async def _open(self, scope: Scope) -> Stream:
        """A stream for whoever has a ticket. Raises Unauthenticated, RateLimited, Unavailable."""
        if self._hub.draining or self._hub.size >= settings.MOST:
            raise Unavailable("No more streams are opened here at the moment")
        query = parse_qs(scope["query_string"].decode("latin-1"))
        ticket = query.get("ticket", [""])[0]
        if not 0 < len(ticket) <= _LONGEST_TICKET:
            raise Unauthenticated(_NO_TICKET)
        last = _header(scope, b"last-event-id") or query.get("last_event_id", [""])[0]
        try:
            person = await self._hub.store.redeem(ticket)
            if person is None:
                raise Unauthenticated(_NO_TICKET)
            if self._hub.of(person) >= settings.EACH:
                raise RateLimited(f"{settings.EACH} streams of one person are enough")
            return await self._begin(person, last)
        except Away:
            raise Unavailable("The feed cannot be read at the moment") from None

    async def _begin(self, person: UUID, last: str) -> Stream:
        now = await self._hub.store.position(person)
        counts = await self._hub.store.counts([person], door=True)
        # A number that was never given out is of a feed before a restore, or made up.
        known = last.isascii() and last.isdigit() and len(last) < 16 and now - settings.TOO_MANY <= int(last) <= now
        stream = Stream(person, int(last) if known else now)
        stream.put(f"retry: {settings.RETRY * 1000:.0f}\n\n".encode())
        if last and not known:
            stream.put(b"event: reload\ndata: {}\n\n")
        # The id is here too: who hears nothing more goes on from it.
        stream.put(f"id: {stream.after}\n".encode() + counted(*counts[person]))
        self._hub.add(stream)
        return stream

    async def _tell(self, stream: Stream, receive: Receive, send: Send, around: Headers) -> None:
        """Send what there is until one of the two sides ends it."""
        leaving = asyncio.create_task(_until_gone(receive, stream))
        ending = asyncio.get_running_loop().call_later(settings.LONGEST, stream.end, "renew")
        try:
            await send({"type": "http.response.start", "status": 200, "headers": _SSE + around})
            while not stream.over:
                chunk = stream.take() or b": still here\n\n"
                await asyncio.wait_for(_body(send, chunk), settings.PATIENCE)
                if stream.behind:
                    self._hub.wake([stream.person])
                try:
                    await asyncio.wait_for(stream.ready.wait(), settings.HEARTBEAT)
                except TimeoutError:
                    continue
            if stream.over != "gone":
                last = stream.take() + f'event: end\ndata: {{"reason":"{stream.over}"}}\n\n'.encode()
                await asyncio.wait_for(_body(send, last), settings.PATIENCE)
                await send({"type": "http.response.body", "body": b""})
        except TimeoutError:
            log("stream").info("stream_too_slow")
        finally:
            ending.cancel()
            leaving.cancel()

    def _cors(self, scope: Scope) -> Headers:
        origin = _header(scope, b"origin")
        if not origin:
            return []
        vary = (b"vary", b"Origin")
        if origin not in self._origins:
            return [vary]
        return [
            vary,
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-allow-methods", b"GET"),
            (b"access-control-allow-headers", b"Last-Event-ID, Cache-Control, X-Request-ID"),
            (b"access-control-expose-headers", b"Retry-After, X-Request-ID"),
            (b"access-control-max-age", b"600"),
        ]


async def _until_gone(receive: Receive, stream: Stream) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.end("gone")


async def _body(send: Send, chunk: bytes) -> None:
    await send({"type": "http.response.body", "body": chunk, "more_body": True})


async def _respond(send: Send, status: int, body: bytes, around: Headers, kind: str = "text/plain") -> None:
    headers = [*around, (b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _problem(send: Send, refusal: BHError, request_id: str, around: Headers) -> None:
    if refusal.retry_after is not None:
        around = [*around, (b"retry-after", str(refusal.retry_after).encode())]
    body = json.dumps(refusal.problem(request_id)).encode()
    await _respond(send, refusal.status, body, around, "application/problem+json")


def _header(scope: Scope, wanted: bytes) -> str:
    for name, value in scope["headers"]:
        if name == wanted:
            return bytes(value).decode("latin-1")
    return ""
