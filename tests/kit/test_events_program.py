"""`manage.py road` as a program: it starts, stops when told, and dies when a part of it dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
import redis
from django.test import Client

from bh_sdk.server.events.models import DeadLetter, FeedEntry
from bh_sdk.server.ops import clock
from tests.kit.events_road import eventually, relay_all, tell

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def program(code: str, seals: Path) -> Iterator[subprocess.Popen[str]]:
    told = {
        "DJANGO_SETTINGS_MODULE": "tests.kit.project.settings",
        "BH_PROGRAM": "road",
        "BH_SEAL_SINK": str(seals),
    }
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, env=os.environ | told)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


ROAD = "import sys; from django.core.management import execute_from_command_line as run; run(['manage.py', 'road'])"

BROKEN = """
import django; django.setup()
from bh_sdk.server.events.road import drive
def ends(stop): raise LookupError("a bug")
raise SystemExit(drive({"waits": lambda stop: stop.wait(), "ends": ends}))
"""


def test_the_road_works_until_it_is_told_to_stop(clean_redis: redis.Redis, tmp_path: Path) -> None:
    with program(ROAD, tmp_path) as road:
        tell(uuid4(), 1)
        eventually(FeedEntry.objects.filter(number=1).exists, 90)
        road.send_signal(signal.SIGTERM)
        assert road.wait(30) == 0
    (seal,) = tmp_path.iterdir()
    assert seal.name.startswith("kit-")


def test_a_part_that_dies_ends_the_program(tmp_path: Path) -> None:
    with program(BROKEN, tmp_path) as road:
        _, errors = road.communicate(timeout=90)
    assert road.returncode == 1
    assert '"worker_died"' in errors


def test_the_numbers_of_the_road_are_measured(client: Client, clean_redis: redis.Redis) -> None:
    def numbers() -> dict[str, float]:
        lines = client.get("/metrics").content.decode().splitlines()
        return {line.split()[0]: float(line.split()[1]) for line in lines if line.startswith("bh_events_")}

    tell(uuid4(), 1)
    tell(uuid4(), 2)
    before = numbers()
    assert (before["bh_events_outbox_rows"], before["bh_events_head"]) == (2, 0)
    assert 0 < before["bh_events_outbox_age_seconds"] < 60
    relay_all()
    DeadLetter.objects.create(
        consumer="kit", source="trust", subject="s", event_id=uuid4(), type="t", number=1, event={}, reason="r",
        attempts=5, parked_at=clock.now(),
    )  # fmt: skip
    after = numbers()
    assert (after["bh_events_outbox_rows"], after["bh_events_outbox_age_seconds"]) == (0, 0)
    assert (after["bh_events_head"], after['bh_events_dead_letters{source="trust"}']) == (2, 1)


def test_a_program_that_was_never_started_is_no_hindrance() -> None:
    # A stop that came before the lock was had: nobody leads, nothing is written.
    from bh_sdk.server.events.relay import Relay

    stop = threading.Event()
    stop.set()
    Relay("kit").run(stop)
    assert FeedEntry.objects.count() == 0
