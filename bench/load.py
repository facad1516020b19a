"""Load for an HTTP server on loopback: every connection sends its next request when the last answer is whole.

Written close to the socket, because the load shares two cores with what it measures.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

LONGEST = 30.0
_LENGTH = b"content-length:"


class Refused(RuntimeError):
    """An answer that was no success: nothing that follows could be compared."""


@dataclass
class Load:
    """What came back within the time. Times are those of `perf_counter`."""

    began: float = 0.0
    until: float = 0.0
    wanted: int = 0
    seconds: float = 0.0
    # Of each answer, in seconds.
    took: list[float] = field(default_factory=list)

    def goes_on(self, asked: float) -> bool:
        """Count the answer to what was `asked` then; says whether the next request is wanted."""
        now = time.perf_counter()
        if now >= self.until and len(self.took) >= self.wanted:
            return False
        self.took.append(now - asked)
        self.seconds = max(self.until, now) - self.began
        return True

    @property
    def rate(self) -> float:
        """Answers per second."""
        return len(self.took) / self.seconds if self.took else 0.0


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


def press(port: int, next_request: Callable[[], bytes], *, connections: int, seconds: float, at_least: int = 0) -> Load:
    """Keep so many connections busy for so long, and until there are `at_least` answers.

    What is under way at the end is waited for and not counted, so that the next load meets an idle server. Raises Refused
    for the first answer that is no success, and TimeoutError after half a minute.
    """
    return asyncio.run(asyncio.wait_for(_press(port, next_request, connections, seconds, at_least), LONGEST))


async def _press(port: int, next_request: Callable[[], bytes], connections: int, seconds: float, at_least: int) -> Load:
    loop, load = asyncio.get_running_loop(), Load()
    callers = [
        (await loop.create_connection(lambda: _Caller(next_request, load, loop.create_future()), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    load.wanted, load.began = at_least, time.perf_counter()
    load.until = load.began + seconds
    for caller in callers:
        caller.ask()
    try:
        await asyncio.gather(*(caller.done for caller in callers))
    finally:
        for caller in callers:
            caller.transport.abort()
    return load


class _Caller(asyncio.Protocol):
    """One connection; `done` when the time is over and its last answer is there."""

    def __init__(self, next_request: Callable[[], bytes], load: Load, done: asyncio.Future[None]) -> None:
        self._next, self._load, self.done = next_request, load, done
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
        if not end or not _whole(head.lower(), body) or self.done.done():
            return
        if not head.startswith(b"HTTP/1.1 2"):
            self.done.set_exception(Refused(self._held[:2000].decode(errors="replace")))
            return
        self._held = b""
        if self._load.goes_on(self._asked):
            self.ask()
        else:
            self.done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(Refused(f"the server hung up: {exc}"))


def _whole(head: bytes, body: bytes) -> bool:
    start = head.find(_LENGTH)
    if start < 0:
        return b"transfer-encoding: chunked" in head and body.endswith(b"0\r\n\r\n")
    return len(body) >= int(head[start + len(_LENGTH) :].split(b"\r\n", 1)[0])
