"""Notifications into the feed and to a mail server: by a worker in batches, and with one Celery task each.

Both by one thread of one worker on the same database, broker and mail server, one after the other; both write the same
states, attempts and facts. The work waits in PostgreSQL before the clock starts; what publishing the tasks costs is in.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from uuid import UUID

import psutil

from bench import ground
from bench.figures import Figure
from bench.programs import one_each
from bh_sdk.server.ops import clock
from bh_sdk.server.ops.celery import celery_of_settings
from deploy.local.programs import Program
from deploy.local.stack import Stack
from notify_svc.audience.models import Contact
from notify_svc.delivery import commands
from notify_svc.delivery.models import Delivery
from notify_svc.delivery.orders import Order
from notify_svc.delivery.rules import DUE

BATCHED, SINGLE = int(os.environ.get("NOTIFICATIONS", "20000")), 400
CHANNELS = ("email", "in_app")
LONGEST = 240.0
# Of our worker alone: nobody hears the doorbell that rings as soon as something is accepted.
QUEUE = "bench"
UPDATE = {
    "campaign_title": "Clean water for Kisumu",
    "campaign_id": "6f1d7f0e-3d8a-4a63-9f57-2f3f2f5f9a01",
    "update_title": "The pump is in",
    "update_id": "c0a8012e-8f6b-4f5e-9a55-5b1c7f0d2b77",
    "update_content": "It came on Tuesday, and on Wednesday there was water.",
}


def measure(stack: Stack) -> Iterator[Figure]:
    """Raises RuntimeError when something was not sent."""
    with mail_server() as url, ground.running(stack, _worker(stack, url)) as worker:
        # The first letters pay for what is read once, and show that the worker is there.
        accept(5)
        _batched(worker)
        accept(SINGLE)
        single = _one_each(worker)
        took = sum(accept(1_000) for _ in range(BATCHED // 1_000))
        before = worker.memory_info().rss
        batched = _batched(worker)
        grown = worker.memory_info().rss - before
    if left := Delivery.objects.exclude(status="sent").count():
        raise RuntimeError(f"{left} deliveries were not sent")

    yield Figure("accepted", BATCHED / took, "per s", note="1,000 people in one command, mail and feed")
    yield Figure("one Celery task each", single.rate, "per s", note=f"{single.count} notifications; {single.note}")
    yield Figure("in batches", batched.rate, "per s", note=f"{batched.count:,} notifications; {batched.note}")
    yield Figure("batches ÷ one task each", batched.rate / single.rate, "×", "≥ 10")
    yield Figure("the worker's CPU for one each ÷ in batches", single.cpu / batched.cpu, "×")
    yield Figure("the worker grew by", grown / 2**20, "MiB", note=f"over {batched.count:,} notifications")


@dataclass(frozen=True)
class Run:
    """How many notifications a worker sent in how many seconds, and its own seconds for one."""

    count: int
    wall: float
    cpu: float

    @property
    def rate(self) -> float:
        return self.count / self.wall

    @property
    def note(self) -> str:
        return f"a mail and a feed entry of each; worker's CPU {self.cpu * 1e3:.2f} ms each"


def _one_each(worker: psutil.Process) -> Run:
    app = celery_of_settings()
    with _timed(worker) as timed:
        for _ in range(timed.count):
            app.send_task(one_each.TASK, args=[list(CHANNELS)], queue=QUEUE, ignore_result=True)
    return timed.run


def _batched(worker: psutil.Process) -> Run:
    app = celery_of_settings()
    with _timed(worker) as timed:
        # Each task ends after a number of batches and leaves its thread to others; the beat would ring for the next.
        for _ in range(1 + timed.count // 1_000):
            app.send_task("notify.delivery.send", queue=QUEUE, ignore_result=True)
    return timed.run


@dataclass
class _Timed:
    count: int
    run: Run


@contextmanager
def _timed(worker: psutil.Process) -> Iterator[_Timed]:
    """From what is due to nothing due. Raises RuntimeError when that takes too long."""
    count = _left() // len(CHANNELS)
    timed = _Timed(count, Run(count, 0.0, 0.0))
    used, began = ground.cpu_seconds(worker), time.perf_counter()
    yield timed
    while _left():
        if time.perf_counter() - began > LONGEST or worker.status() == psutil.STATUS_ZOMBIE:
            raise RuntimeError(f"{_left()} deliveries still wait")
        time.sleep(0.02)
    wall = time.perf_counter() - began
    timed.run = replace(timed.run, wall=wall, cpu=(ground.cpu_seconds(worker) - used) / count)


def _left() -> int:
    return Delivery.objects.filter(status__in=(*DUE, "sending")).count()


def _worker(stack: Stack, mail: str) -> Program:
    """A worker with one thread and no beat, so that it does what it is asked to and nothing else."""
    usual = ground.program(stack, "notify-worker")
    celery = usual.command[0]
    command = [celery, "-A", "notify_svc.celery", "worker", "-I", one_each.__name__, "--pool", "threads", "-c", "1"]
    command += ["-Q", QUEUE, "-l", "warning", "--without-gossip", "--without-mingle"]
    return replace(usual, command=command, env=dict(usual.env) | {"SMTP_URL": mail})


def accept(count: int) -> float:
    """Accept one update for so many people who can be reached; returns the seconds that took."""
    people = [uuid.uuid4() for _ in range(count)]
    introduce(people)
    orders = [
        Order(recipient_id=person, type="campaign_update", data=UPDATE, dedupe=f"bench:{person}") for person in people
    ]
    began = time.perf_counter()
    commands.accept(orders, by="bench")
    return time.perf_counter() - began


def introduce(people: list[UUID]) -> None:
    """Let these people have an address."""
    now = clock.now()
    Contact.objects.bulk_create(
        Contact(
            user_id=person,
            email=f"{person}@demo.test",
            name="Ruth Adler",
            has_email=True,
            locale="en",
            timezone="Europe/London",
            updated_at=now,
        )
        for person in people
    )


@contextmanager
def mail_server() -> Iterator[str]:
    """A mail server that takes everything; its address."""
    server = subprocess.Popen(
        [sys.executable, "-m", "bench.programs.smtp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    try:
        yield f"smtp://127.0.0.1:{int(server.stdout.readline())}"
    finally:
        # Its standard input ends with this, and so does it.
        server.communicate()
