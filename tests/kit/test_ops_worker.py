"""A real Celery worker: rung, robbed of its database connection, and sent home."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import redis

from bh_sdk.server.ops import doorbell, trace
from tests.kit.project.demo.models import Gift

ROOT = Path(__file__).resolve().parents[2]


def until(ready: Callable[[], bool], process: subprocess.Popen[bytes], out: Path) -> None:
    turn = threading.Event()
    for _ in range(1_500):
        if ready():
            return
        assert process.poll() is None, out.read_text()
        turn.wait(0.02)
    raise AssertionError(f"it never happened\n{out.read_text()}")


@contextmanager
def working(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    out = folder / "worker.log"
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "tests.kit.project.celery",
        "worker",
        "--pool",
        "threads",
        "-c",
        "2",
    ]
    given = {name: value for name, value in os.environ.items() if not name.startswith(("BH_SUITE", "PYTEST"))}
    with out.open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=given, stdout=log, stderr=log, start_new_session=True)
    try:
        yield process, out
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


@pytest.mark.django_db(transaction=True)
def test_a_worker_does_what_was_rung_for_in_the_name_of_the_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis.Redis.from_url(os.environ["BROKER_URL"]).flushdb()
    monkeypatch.setattr(doorbell, "_bell", doorbell.Bell())
    with working(tmp_path) as (process, out), psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as other:
        trace.begin("first-request")
        doorbell.ring("kit.note", title="one")
        trace.end()
        until(lambda: Gift.objects.filter(title="one first-request").exists(), process, out)
        # Whoever restarts PostgreSQL need not restart the workers.
        other.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'kit worker'"
        )
        doorbell.ring("kit.note", title="two")
        until(lambda: Gift.objects.filter(title__startswith="two ").exists(), process, out)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, out.read_text()
        told = [json.loads(line) for line in out.read_text().splitlines() if line.startswith("{")]
        assert {line["program"] for line in told} == {"worker"}
        assert not [line for line in told if line["level"] in ("error", "critical")], out.read_text()
