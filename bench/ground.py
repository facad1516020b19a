"""What measures stand on: a PostgreSQL with migrated databases, a Redis, and programs as the local stack starts them.

PostgreSQL runs with the settings of `make up`: commits reach the disk, autovacuum runs.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import psycopg

from bh_sdk.tokens import jwk_of
from deploy.local import environment, keys, migrated, postgres, programs, redis
from deploy.local.ports import Ports, free_base
from deploy.local.programs import Program
from deploy.local.stack import Stack

START_SECONDS = 60.0
# What would lead our programs to servers other than ours.
_MISLEADING = ("BH_", "DATABASE_URL", "REDIS_URL", "BROKER_URL", "STRIPE_", "SMTP_URL", "DJANGO_")


@contextmanager
def servers() -> Iterator[Stack]:
    """PostgreSQL and Redis for the length of the block, on free ports and in a folder that goes away."""
    for name in [name for name in os.environ if name.startswith(_MISLEADING)]:
        del os.environ[name]
    source = migrated.data_directory()
    with tempfile.TemporaryDirectory(prefix="bh-bench-") as folder:
        room = Path(folder)
        # PostgreSQL may have to run as somebody else, who must be able to reach its folder.
        room.chmod(0o755)
        stack = Stack(state=room, ports=Ports(free_base(25000 + os.getpid() % 40 * 100)))
        keys.make(stack.keys)
        stack.logs.mkdir()
        stack.run.mkdir()
        # The issuer's published keys, so that it need not run.
        issuer = jwk_of(keys.read(stack.keys, "issuer.pem"))
        os.environ |= {
            "BH_STATE": str(room),
            "BH_PORT_BASE": str(stack.ports.base),
            "BH_USER_JWKS": json.dumps({"keys": [issuer]}),
        }
        postgres.copy(source, stack.postgres.data)
        with (
            # From the times of commits one reads when something could first be seen by others.
            stack.postgres.running(stack.logs / "postgres.log", "track_commit_timestamp=on"),
            redis.running(stack.ports.of("redis"), stack.data / "redis", stack.logs / "redis.log"),
        ):
            yield stack


def told(stack: Stack, service: str | None) -> dict[str, str]:
    """The environment of a measure: that of a program of `service`, or just this one."""
    if service is None:
        return dict(os.environ)
    return environment.program(service, stack) | {"DJANGO_SETTINGS_MODULE": f"{service}_svc.settings"}


def owner(stack: Stack, service: str) -> psycopg.Connection[tuple[object, ...]]:
    """A superuser's connection, to fill tables with. Skips triggers and foreign keys: rows come by the hundred thousand."""
    connection = psycopg.connect(stack.postgres.url(f"bh_{service}"), autocommit=True)
    connection.execute("SET session_replication_role = replica")
    return connection


def program(stack: Stack, name: str) -> Program:
    """A program exactly as `make up` starts it, such as `payments-api` or `stripe`."""
    known = {each.name: each for each in (*programs.of_services(stack), *programs.outside(stack))}
    return known[name]


@contextmanager
def running(stack: Stack, wanted: Program) -> Iterator[psutil.Process]:
    """Run a program for the length of the block; gives it once it is ready. Raises RuntimeError when it never is."""
    log = stack.logs / f"{wanted.name}.log"
    with log.open("ab") as sink:
        started = subprocess.Popen(
            wanted.command,
            env=dict(wanted.env),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
    try:
        _wait(wanted, started, log)
        yield psutil.Process(started.pid)
    finally:
        _end(started)


def _wait(wanted: Program, started: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while wanted.ready and not _answers(wanted.ready):
        if started.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{wanted.name} did not become ready\n{log.read_text(errors='replace')[-3000:]}")
        time.sleep(0.05)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _end(started: subprocess.Popen[bytes]) -> None:
    """End the whole group: servers have workers of their own."""
    if started.poll() is None:
        os.killpg(started.pid, signal.SIGTERM)
        try:
            started.wait(timeout=15)
        except subprocess.TimeoutExpired:
            os.killpg(started.pid, signal.SIGKILL)
            started.wait()


def cpu_seconds(process: psutil.Process) -> float:
    """What this process and its children have used so far, those that ended included."""
    used = 0.0
    for each in (process, *process.children(recursive=True)):
        # One that ended meanwhile is in its parent's count from the next time on.
        with suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            used += times.user + times.system + times.children_user + times.children_system
    return used


def postmaster(stack: Stack) -> psutil.Process:
    """The server's first process; its children are the backends."""
    return psutil.Process(int((stack.postgres.data / "postmaster.pid").read_text().split()[0]))
