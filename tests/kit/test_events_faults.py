"""Programs of the road are killed at any moment, the stream is wiped: nothing is lost, doubled or out of order."""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from uuid import UUID

import psutil
import psycopg
import pytest
import redis
from django.db import connection

from bh_sdk.server.events.chain import verify
from bh_sdk.server.events.models import Checkpoint, DeadLetter, FeedEntry, FeedHead, Outbox, RecordedEvent
from tests.kit.events_road import LISTENER, SOURCE, eventually

pytest_plugins = ("tests.kit.events_fixtures",)
pytestmark = pytest.mark.django_db(transaction=True)

SECONDS = float(os.environ.get("BH_FAULT_SECONDS", "8"))


class Nursery:
    """Starts programs by forking them from one process that has imported everything, and keeps what writers say."""

    def __init__(self) -> None:
        self.pids: dict[str, int] = {}
        self.acknowledged: set[UUID] = set()
        self._born = threading.Condition()
        self._newest: list[int] = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.kit.events_road"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | {"DJANGO_SETTINGS_MODULE": "tests.kit.project.settings", "BH_PROGRAM": "road"},
        )
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self._listening.start()

    def start(self, name: str, words: str) -> None:
        assert self._process.stdin is not None
        with self._born:
            self._process.stdin.write(f"{words}\n")
            self._process.stdin.flush()
            assert self._born.wait_for(lambda: self._newest, timeout=60), "the nursery does not answer"
            self.pids[name] = self._newest.pop()

    def kill(self, name: str, how: signal.Signals = signal.SIGKILL) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pids.pop(name), how)

    def end(self, name: str) -> None:
        """Ask it to stop, and wait until it has: what it was committing is committed or not."""
        pid = self.pids[name]
        self.kill(name, signal.SIGTERM)
        eventually(lambda: _is_over(pid), 30)

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("pid "):
                with self._born:
                    self._newest.append(int(line[4:]))
                    self._born.notify()
            else:
                # A line that a killed writer did not finish was not acknowledged to anybody.
                with contextlib.suppress(ValueError):
                    self.acknowledged.add(UUID(line.strip()))

    def close(self) -> None:
        for name in list(self.pids):
            self.kill(name)
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._listening.join(10)


def _is_over(pid: int) -> bool:
    try:
        # Its parent may not have heard of its end yet.
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def nursery(effects: None, owner_url: str) -> Iterator[Nursery]:
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("DROP TABLE IF EXISTS counter")
        owner.execute("CREATE TABLE counter (subject uuid PRIMARY KEY, n bigint)")
        owner.execute("GRANT ALL ON counter TO PUBLIC")
    found = Nursery()
    yield found
    found.close()


def test_kill_9_and_wiped_streams_lose_nothing_and_double_nothing(
    nursery: Nursery, clean_redis: redis.Redis, owner_url: str
) -> None:
    seed = int(os.environ.get("BH_FAULT_SEED", secrets.randbelow(10**6)))
    dice = random.Random(seed)
    programs = {"relay 1": "relay", "relay 2": "relay", "consumer 1": "consumer", "consumer 2": "consumer"}
    programs |= {f"writer {n}": f"writer {seed + n}" for n in range(3)}
    for name, words in programs.items():
        nursery.start(name, words)
    harms = {"kill": 0, "wipe": 0, "trim": 0, "cut": 0}
    until = time.monotonic() + SECONDS
    pause = threading.Event()
    with psycopg.connect(owner_url, autocommit=True) as owner:
        while time.monotonic() < until:
            pause.wait(dice.uniform(0.02, 0.3))
            harm = dice.choices(list(harms), weights=[10, 2, 2, 2])[0]
            harms[harm] += 1
            if harm == "kill":
                name = dice.choice(list(programs))
                nursery.kill(name)
                nursery.start(name, programs[name])
            elif harm == "wipe":
                clean_redis.flushdb()
            elif harm == "trim":
                for key in clean_redis.keys("bh:events:*"):
                    clean_redis.xtrim(key, maxlen=dice.randrange(4), approximate=False)
            else:
                owner.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 "
                    "AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
                    "ORDER BY random() LIMIT 1"
                )
    for name in programs:
        if name.startswith("writer"):
            nursery.end(name)
    report = f"seed {seed}: {harms}"

    def drained() -> bool:
        head = FeedHead.objects.first()
        return (
            head is not None
            and not Outbox.objects.exists()
            and head.number == RecordedEvent.objects.count()
            and Checkpoint.objects.filter(consumer=LISTENER, epoch=head.epoch, number=head.number).exists()
        )

    eventually(drained, 60)
    nursery.close()
    with connection.cursor() as cursor:
        cursor.execute("SELECT event_id, subject, n, number FROM effect ORDER BY seq")
        effects = cursor.fetchall()
        cursor.execute("SELECT subject, n FROM counter")
        counters = dict(cursor.fetchall())
    recorded = set(RecordedEvent.objects.values_list("id", flat=True))
    print(f"{report}, {len(recorded)} events, {len(nursery.acknowledged)} acknowledged")
    assert len(recorded) > 50, report
    assert nursery.acknowledged <= recorded, f"acknowledged, but gone: {report}"
    assert sorted(effect[0] for effect in effects) == sorted(recorded), f"lost or doubled: {report}"
    assert [effect[3] for effect in effects] == list(range(1, len(recorded) + 1)), f"out of order: {report}"
    for subject, last in counters.items():
        assert [n for _, of, n, _ in effects if of == subject] == list(range(1, last + 1)), f"{subject}: {report}"
    assert list(FeedEntry.objects.values_list("number", flat=True)) == list(range(1, len(recorded) + 1)), report
    assert verify(SOURCE).finding is None, report
    assert DeadLetter.objects.count() == 0, report
