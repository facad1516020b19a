"""The stream's program on the tests' database, and a browser that listens to it."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn
from django.db import connection

from deploy.local.ports import free_port
from notify_svc.stream.__main__ import Server
from notify_svc.stream.app import Application
from notify_svc.stream.hub import Hub
from notify_svc.stream.store import Store
from tests.notify.conftest import Caller

SITE = "https://give.example"


def database_url() -> str:
    known = connection.settings_dict
    where = f"host={known['HOST']} port={known['PORT']} dbname={known['NAME']} user={known['USER']}"
    return f"{where} password='{known['PASSWORD']}'" if known["PASSWORD"] else where


@dataclass
class Program:
    """The stream's own server in a thread of the test: it can be told to end, cut off, and started again on its port."""

    port: int = field(default_factory=free_port)
    _server: Server | None = None
    _task: asyncio.Task[None] | None = None
    _thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)), daemon=True)
        self._thread.start()
        assert ready.wait(30)
        until = time.monotonic() + 30
        while not (self._server and self._server.started):
            assert time.monotonic() < until
            time.sleep(0.005)

    async def _serve(self, ready: threading.Event) -> None:
        hub = Hub(Store(database_url()), database_url())
        config = uvicorn.Config(
            Application(hub, frozenset({SITE})),
            host="127.0.0.1",
            port=self.port,
            lifespan="off",
            access_log=False,
            log_config=None,
            ws="none",
            timeout_graceful_shutdown=5,
        )
        self._server = Server(config, hub)
        hub.start()
        self._task = asyncio.create_task(self._server.serve())
        ready.set()
        try:
            await self._task
        except asyncio.CancelledError:
            # Cut off: nobody on the other side is told.
            for server in self._server.servers:
                server.close()
            for browser in list(self._server.server_state.connections):
                browser.transport.abort()
        finally:
            await hub.stop()

    def end(self) -> None:
        """As SIGTERM does: the streams are told, and go on elsewhere."""
        assert self._task
        assert self._server
        self._task.get_loop().call_soon_threadsafe(self._server.handle_exit, signal.SIGTERM, None)
        self._join()

    def cut(self) -> None:
        """Gone without a word."""
        assert self._task
        self._task.get_loop().call_soon_threadsafe(self._task.cancel)
        self._join()

    def _join(self) -> None:
        assert self._thread
        self._thread.join(30)
        assert not self._thread.is_alive()
        self._thread = None

    def close(self) -> None:
        if self._thread is not None:
            self.cut()


@contextmanager
def running() -> Iterator[Program]:
    program = Program()
    program.start()
    try:
        yield program
    finally:
        program.close()


@dataclass(frozen=True)
class Told:
    kind: str
    data: Any
    id: str | None


class Browser:
    """Reads one stream, event by event."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.last = ""
        self._lines = response.iter_lines()

    def next(self) -> Told:
        """The next event. Raises StopIteration, or httpx.TransportError, when there is none any more."""
        kind, data, ident = "message", "", None
        for line in self._lines:
            name, _, value = line.partition(": ")
            if name == "event":
                kind = value
            elif name == "data":
                data = value
            elif name == "id":
                ident = self.last = value
            elif not line and data:
                return Told(kind, json.loads(data), ident)
        raise StopIteration

    def until(self, kind: str) -> Told:
        while True:
            event = self.next()
            if event.kind == kind:
                return event

    def entries(self, count: int) -> list[str]:
        """The ids of the next so many entries."""
        return [self.until("entry").data["id"] for _ in range(count)]


@contextmanager
def listening(program: Program, reader: Caller, last: str = "", **headers: str) -> Iterator[Browser]:
    """Open a stream with a fresh ticket; the first event has been read."""
    ticket = reader("POST", "/stream-ticket").json()["ticket"]
    if last:
        headers["Last-Event-ID"] = last
    address = f"{program.url}/api/v1/notifications/stream?ticket={ticket}"
    with httpx.stream("GET", address, headers=headers, timeout=30) as response:
        assert response.status_code == 200, response.read()
        yield Browser(response)
