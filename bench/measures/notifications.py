"""Mails handed to a mail server: claimed and sent in batches, and one delivery for each claim as one task each would.

Both go the same road (claim, words, SMTP, result, fact) to the same server on loopback. What a broker costs for each
task is not even in it.
"""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from bench.figures import Figure, percentile
from bh_sdk.server.ops import clock
from deploy.local.stack import Stack
from notify_svc.audience.models import Contact
from notify_svc.delivery import commands
from notify_svc.delivery.models import Delivery
from notify_svc.delivery.orders import Order
from notify_svc.delivery.sending import send_batch

BATCHED, SINGLE = 1_000, 150
UPDATE = {
    "campaign_title": "Clean water for Kisumu",
    "campaign_id": "6f1d7f0e-3d8a-4a63-9f57-2f3f2f5f9a01",
    "update_title": "The pump is in",
    "update_id": "c0a8012e-8f6b-4f5e-9a55-5b1c7f0d2b77",
    "update_content": "It came on Tuesday, and on Wednesday there was water.",
}


def measure(stack: Stack) -> Iterator[Figure]:
    with _mail_server() as url:
        settings.SMTP_URL = url
        # The first letter pays for what is read once.
        _accept(1)
        _send(1, limit=1)

        _accept(SINGLE)
        single = _send(SINGLE, limit=1)
        took = _accept(BATCHED)
        batched = _send(BATCHED, limit=None)
    sent = Delivery.objects.filter(status="sent").values_list("created_at", "handed_over_at")
    newest = list(sent.order_by("-created_at")[:BATCHED])
    waits = [(handed - created).total_seconds() for created, handed in newest if handed is not None]
    if len(waits) != BATCHED:
        raise RuntimeError(f"{len(waits)} of {BATCHED} were sent")

    yield Figure("accepted", BATCHED / took, "per s", note=f"{BATCHED:,} people in one command, mail only")
    for what, run, which in (
        ("sent, one delivery a claim", single, f"{SINGLE} of them"),
        ("sent in batches", batched, f"{BATCHED:,} of them, {settings.NOTIFY_BATCH} a claim"),
    ):
        note = f"{which}, one thread; CPU {run.cpu * 1e3:.1f} ms a mail without PostgreSQL"
        yield Figure(what, 1 / run.wall, "mails/s", note=note)
    yield Figure("batches ÷ one each", single.wall / batched.wall, "×", "≥ 10", "without a broker")
    yield Figure("CPU of one each ÷ batches", single.cpu / batched.cpu, "×")
    within = 100 * sum(wait <= 10 for wait in waits) / BATCHED
    note = f"of {BATCHED:,} at once, one thread; 95 % after {percentile(waits, 0.95):.1f} s"
    yield Figure("with the provider within 10 s", within, "%", "≥ 95", note)


def _accept(count: int) -> float:
    """Accept one update for so many people who can be reached; returns the seconds that took."""
    people = [uuid.uuid4() for _ in range(count)]
    _introduce(people)
    orders = [
        Order(recipient_id=person, type="campaign_update", data=UPDATE, dedupe=f"bench:{person}", channels=("email",))
        for person in people
    ]
    began = time.perf_counter()
    commands.accept(orders, by="bench")
    return time.perf_counter() - began


def _introduce(people: list[UUID]) -> None:
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


@dataclass(frozen=True)
class Run:
    """Seconds for one mail: of the clock, and of this process."""

    wall: float
    cpu: float


def _send(count: int, *, limit: int | None) -> Run:
    """Send the `count` mails that are due, `limit` a claim."""
    began, used = time.perf_counter(), time.process_time()
    while send_batch("email", limit=limit):
        pass
    return Run((time.perf_counter() - began) / count, (time.process_time() - used) / count)


@contextmanager
def _mail_server() -> Iterator[str]:
    server = subprocess.Popen(
        [sys.executable, "-m", "bench.programs.smtp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    try:
        yield f"smtp://127.0.0.1:{int(server.stdout.readline())}"
    finally:
        # Its standard input ends with this, and so does it.
        server.communicate()
