"""A whole stack of our own, on free ports and in a folder that goes away: what the suites e2e, faults and contracts share.

    from tests.stack import House, until

    def test_x(house: House) -> None: ...

The supervisor is our child and ends with us, however we end; whatever it leaves is ended by its process number. Who works
on these tests spares the start with a stack that is up already: `BH_HOUSE=.local@8000` (its `BH_STATE` and `BH_PORT_BASE`).
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

import httpx
import psycopg
import pytest
import redis

from deploy.local import environment
from deploy.local.demo.doors import Doors
from deploy.local.ports import Ports, free_base
from deploy.local.processes import pids_of
from deploy.local.stack import ROOT, Stack
from deploy.local.up import end_leftovers, ready_file

T = TypeVar("T")
# Copying is cheap; migrating is not, and is needed once after a change of the schema.
START_SECONDS = 400.0
STOP_SECONDS = 60.0
_OURS = ("BH_", "DATABASE_URL", "REDIS_URL", "BROKER_URL", "STRIPE_", "SMTP_URL", "DJANGO_")
_PR_SET_PDEATHSIG = 1


class StillNot(AssertionError):
    """What a test waited for did not come."""


def until(look: Callable[[], T | None], what: str, *, seconds: float = 30.0, pause: float = 0.05) -> T:
    """The first thing that `look` finds (an empty one is none); raises StillNot after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > end:
            raise StillNot(f"waited {seconds:.0f} s for {what}")
        time.sleep(pause)


@dataclass(frozen=True)
class House:
    """A running stack, and what a test may look at from outside."""

    stack: Stack
    beginnings: dict[str, int] = field(default_factory=dict)

    @cached_property
    def doors(self) -> Doors:
        return Doors(self.stack)

    def url(self, name: str) -> str:
        """The base URL of `payments`, `trust`, `notify`, `stripe`, `issuer` or `mail`."""
        return self.stack.ports.url(name)

    def pids(self) -> dict[str, int]:
        """`program → process` of everything that runs now, the supervisor included."""
        return pids_of(self.stack).all()

    def rows(self, service: str, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What a service's database holds. As a superuser, so that no grant hides a row."""
        with psycopg.connect(self.stack.postgres.url(f"bh_{service}"), connect_timeout=10) as connection:
            return connection.execute(query.encode(), values or None).fetchall()

    def value(self, service: str, query: str, *values: Any) -> Any:
        """The one value that a query answers with."""
        ((value,),) = self.rows(service, query, *values)
        return value

    def mails(self, to: str | None = None) -> list[dict[str, Any]]:
        """The mails in the sink, oldest first; those to one address when it is given."""
        answer = httpx.get(f"{self.url('mail')}/messages", timeout=30, trust_env=False).raise_for_status().json()
        return [mail for mail in answer if to is None or to in mail["to"]]

    def redis(self) -> Iterator[tuple[bytes, bytes]]:
        """Everything that Redis holds, in every database: (key, all that is under it)."""
        for number in range(16):
            with redis.Redis(port=self.stack.ports.of("redis"), db=number) as client:
                for key in client.scan_iter():
                    yield key, repr(_held(client, key)).encode()

    def standin(self, method: str, path: str, body: Any = None) -> Any:
        """The control door of Stripe's stand-in."""
        with httpx.Client(base_url=self.url("stripe"), timeout=30, trust_env=False) as client:
            answer = client.request(method, f"/_standin/{path}", json=body).raise_for_status()
            return answer.json() if answer.content else None

    def log_files(self) -> list[Path]:
        return sorted(self.stack.logs.glob("*.log"))

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A command about this stack, as a person types it."""
        return subprocess.run(
            [sys.executable, *command], cwd=ROOT, env=_told(self.stack), capture_output=True, text=True, timeout=300
        )

    def manage(self, service: str, *words: str) -> subprocess.CompletedProcess[str]:
        """`manage.py` of a service, with the environment its programs have."""
        command = [sys.executable, "-m", f"{service}_svc.manage", *words]
        env = environment.program(service, self.stack)
        return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)

    def mark_logs(self) -> None:
        """From here on `new_lines` counts."""
        self.beginnings.update({log.name: log.stat().st_size for log in self.log_files()})

    def new_lines(self, most: int = 20) -> str:
        """The last lines that each program wrote since `mark_logs`, for people who look into a failure."""
        found = []
        for log in self.log_files():
            with log.open("rb") as source:
                source.seek(self.beginnings.get(log.name, 0))
                text = source.read().decode(errors="replace").splitlines()
            # The beat of the workers says nothing.
            lines = [line for line in text if '"logger": "celery.' not in line or '"level": "info"' not in line]
            if lines:
                found.append(f"--- {log.name} ({len(lines)} lines)\n" + "\n".join(line[:400] for line in lines[-most:]))
        return "\n".join(found) or "no program wrote anything"


def _held(client: redis.Redis, key: bytes) -> Any:
    read: dict[bytes, Callable[[], Any]] = {
        b"string": lambda: client.get(key),
        b"list": lambda: client.lrange(key, 0, -1),
        b"set": lambda: client.smembers(key),
        b"zset": lambda: client.zrange(key, 0, -1),
        b"hash": lambda: client.hgetall(key),
        b"stream": lambda: client.xrange(key),
        b"none": lambda: None,
    }
    kind: Any = client.type(key)
    return read[kind]()


@contextmanager
def a_house(**told: str) -> Iterator[House]:
    """Bring up a stack and take it down again. `told` are more variables for its programs.

    While it is up this process's own environment names no other servers: what a suite was told is about the suites.
    """
    # PostgreSQL may have to run as somebody else, who must be able to reach its folder.
    room = Path(tempfile.mkdtemp(prefix="bh-house-"))
    room.chmod(0o755)
    # Concurrent runs of this machine start looking at different places.
    stack = Stack(state=room / "state", ports=Ports(free_base(21000 + os.getpid() % 70 * 100)))
    env = _clean(os.environ) | told
    try:
        with mock.patch.dict(os.environ, env, clear=True), _supervised(stack):
            yield House(stack)
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _clean(given: Mapping[str, str]) -> dict[str, str]:
    kept = ("BH_FAULTS_", "BH_CONTRACT_", "BH_SUITE")
    return {name: value for name, value in given.items() if name.startswith(kept) or not name.startswith(_OURS)}


def _told(stack: Stack) -> dict[str, str]:
    return dict(os.environ) | {
        "BH_STATE": str(stack.state),
        "BH_PORT_BASE": str(stack.ports.base),
        "BH_DEMO": "off",
    }


@contextmanager
def _supervised(stack: Stack) -> Iterator[None]:
    stack.logs.mkdir(parents=True)
    said = stack.logs / "supervisor.log"
    command = [sys.executable, "-u", "-m", "deploy.local", "up"]
    with said.open("wb") as sink:
        supervisor = subprocess.Popen(
            command,
            cwd=ROOT,
            env=_told(stack),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            preexec_fn=_end_with_parent,  # noqa: PLW1509 - calls one function of the C library and nothing else
        )
    try:
        _wait(stack, supervisor, said)
        yield
    finally:
        supervisor.send_signal(signal.SIGTERM)
        try:
            supervisor.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            supervisor.kill()
            supervisor.wait()
        end_leftovers(pids_of(stack))


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _wait(stack: Stack, supervisor: subprocess.Popen[bytes], said: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while not ready_file(stack).exists():
        if supervisor.poll() is not None or time.monotonic() > end:
            logs = House(stack).new_lines(60)
            pytest.fail(f"the stack did not come up\n{said.read_text(errors='replace')}\n{logs}", pytrace=False)
        time.sleep(0.05)


@pytest.fixture(scope="session")
def house() -> Iterator[House]:
    """The stack that all tests of a session share."""
    began = time.monotonic()
    if given := os.environ.get("BH_HOUSE"):
        state, _, base = given.rpartition("@")
        with mock.patch.dict(os.environ, _clean(os.environ), clear=True):
            yield House(Stack(state=(ROOT / state).resolve(), ports=Ports(int(base))))
        return
    with a_house() as running:
        print(f"\nthe stack is up after {time.monotonic() - began:.1f} s on {running.stack.ports.base}")
        yield running


@pytest.fixture(autouse=True)
def _remember_where_logs_were(request: pytest.FixtureRequest) -> None:
    if "house" in request.fixturenames:
        request.getfixturevalue("house").mark_logs()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows what the programs said meanwhile."""
    report = yield
    arguments = getattr(item, "funcargs", {})
    if report.failed and "house" in arguments:
        report.sections.append(("what the programs said meanwhile", arguments["house"].new_lines()))
        # Said once; a fixture that failed fails all who asked for it.
        arguments["house"].mark_logs()
    return report
