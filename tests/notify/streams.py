"""The stream as its own process on the tests' database, and a browser that listens to it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from django.db import connection

from deploy.local.ports import free_port
from tests.notify.conftest import Caller

SITE = "https://give.example"


def database_url() -> str:
    known = connection.settings_dict
    where = f"host={known['HOST']} port={known['PORT']} dbname={known['NAME']} user={known['USER']}"
    return f"{where} password='{known['PASSWORD']}'" if known["PASSWORD"] else where


@dataclass
class Process:
    """A stream program that can be ended and started again on the same port."""

    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        env = dict(os.environ) | {"DATABASE_URL": database_url(), "BH_ALLOWED_ORIGINS": SITE, "BH_PROGRAM": "stream"}
        command = [sys.executable, "-m", "notify_svc.stream", "--port", str(self.port)]
        self.process = subprocess.Popen(command, env=env)
        until = time.monotonic() + 60
        while True:
            try:
                if httpx.get(f"{self.url}/readyz", timeout=2).status_code == 200:
                    return
            except httpx.TransportError:
                assert self.process.poll() is None
                assert time.monotonic() < until
                time.sleep(0.05)

    def end(self, how: signal.Signals) -> int:
        assert self.process
        self.process.send_signal(how)
        return self.process.wait(timeout=30)


@contextmanager
def running() -> Iterator[Process]:
    program = Process()
    program.start()
    try:
        yield program
    finally:
        if program.process and program.process.poll() is None:
            program.end(signal.SIGKILL)


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
def listening(program: Process, reader: Caller, last: str = "", **headers: str) -> Iterator[Browser]:
    """Open a stream with a fresh ticket; the first event has been read."""
    ticket = reader("POST", "/stream-ticket").json()["ticket"]
    if last:
        headers["Last-Event-ID"] = last
    address = f"{program.url}/api/v1/notifications/stream?ticket={ticket}"
    with httpx.stream("GET", address, headers=headers, timeout=30) as response:
        assert response.status_code == 200, response.read()
        yield Browser(response)
