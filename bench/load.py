"""Load for an HTTP server on loopback: every connection sends its next request when the last answer is whole.

Written close to the socket, because the load shares two cores with what it measures.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

_LENGTH = b"content-length:"


class Refused(RuntimeError):
    """An answer that was no success: nothing that follows could be compared."""


@dataclass
class Load:
    """What came back within the time."""

    seconds: float = 0.0
    # Of each answer, in seconds.
    took: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Answers per second."""
        return len(self.took) / self.seconds


def request(
    method: str, path: str, *, token: str = "", body: bytes = b"", headers: dict[str, str] | None = None
) -> bytes:
    """A request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def press(port: int, next_request: Callable[[], bytes], *, connections: int, seconds: float) -> Load:
    """Keep so many connections busy for so long. Raises Refused for the first answer that is no success."""
    return asyncio.run(_press(port, next_request, connections, seconds))


async def _press(port: int, next_request: Callable[[], bytes], connections: int, seconds: float) -> Load:
    loop, load = asyncio.get_running_loop(), Load()
    over: asyncio.Future[None] = loop.create_future()
    callers = [
        (await loop.create_connection(lambda: _Caller(next_request, load, over), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    began = time.perf_counter()
    for caller in callers:
        caller.ask()
    loop.call_later(seconds, lambda: None if over.done() else over.set_result(None))
    try:
        await over
    finally:
        for caller in callers:
            caller.transport.abort()
    load.seconds = time.perf_counter() - began
    return load


class _Caller(asyncio.Protocol):
    def __init__(self, next_request: Callable[[], bytes], load: Load, over: asyncio.Future[None]) -> None:
        self._next, self._load, self._over = next_request, load, over
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def ask(self) -> None:
        self._asked = time.perf_counter()
        self.transport.write(self._next())

    def data_received(self, data: bytes) -> None:
        self._held += data
        head, end, body = self._held.partition(b"\r\n\r\n")
        if not end or not _whole(head.lower(), body) or self._over.done():
            return
        if not head.startswith(b"HTTP/1.1 2"):
            self._over.set_exception(Refused(self._held[:2000].decode(errors="replace")))
            return
        self._load.took.append(time.perf_counter() - self._asked)
        self._held = b""
        self.ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._over.done():
            self._over.set_exception(Refused(f"the server hung up: {exc}"))


def _whole(head: bytes, body: bytes) -> bool:
    start = head.find(_LENGTH)
    if start < 0:
        return b"transfer-encoding: chunked" in head and body.endswith(b"0\r\n\r\n")
    return len(body) >= int(head[start + len(_LENGTH) :].split(b"\r\n", 1)[0])
