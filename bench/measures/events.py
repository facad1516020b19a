"""What recording a fact adds to a command; how fast the relay numbers and publishes; how soon a fact is heard.

The database keeps the times of commits, so the last two are times at which others could see the rows.
"""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import LiteralString

import psutil
import psycopg
from django.db import connection, transaction

from bench import ground
from bench.figures import Figure, percentile
from bh_sdk.events import DonationSucceeded
from bh_sdk.server.events import record
from bh_sdk.server.events.leadership import direct_connection
from bh_sdk.server.events.relay import Reign, Relay
from bh_sdk.server.ops import clock
from deploy.local.stack import Stack
from payments_svc.donations.models import Campaign, Payment

COMMANDS = 500
BACKLOG = 20_000
A_TRANSACTION = 100
RATE, SECONDS = 100, 3
ARRIVED_WITHIN = 30.0

# Milliseconds since the fact was recorded (the command's own clock) until its number, or its effect, was committed.
_NUMBERED = """
SELECT extract(epoch FROM pg_xact_commit_timestamp(feed.xmin) - event.created_at) * 1000
  FROM event JOIN feed USING (position) WHERE event.position >= %s
"""
_EFFECTS = """
SELECT extract(epoch FROM pg_xact_commit_timestamp(effect.xmin) - event.created_at) * 1000
  FROM bench_effect AS effect JOIN event ON event.id = effect.event_id WHERE event.position >= %s
"""


def measure(stack: Stack) -> Iterator[Figure]:
    campaign = _campaign()
    yield from _recording(campaign)
    yield from _relaying(campaign)
    yield from _hearing(stack, campaign)


def _campaign() -> Campaign:
    now = clock.now()
    return Campaign.objects.create(
        id=uuid.uuid4(),
        title="Clean water",
        owner_id=uuid.uuid4(),
        currency="GBP",
        goal=1_000_000,
        status="FUNDING",
        created_at=now,
        updated_at=now,
    )


def _fact(campaign: Campaign) -> DonationSucceeded:
    return DonationSucceeded(
        payment_id=uuid.uuid4(),
        campaign_id=campaign.id,
        donor_id=uuid.uuid4(),
        guest=False,
        amount="25.00",
        charged="25.00",
        currency="GBP",
        anonymous=False,
        net="23.57",
        cluster=None,
        processing_fee="0.93",
        platform_fee="0.50",
        method="card",
        recurring_id=None,
    )


@dataclass(frozen=True)
class Cost:
    """Microseconds for one time round."""

    wall: float
    client: float
    backend: float


@contextmanager
def _counting(backend: int, rounds: int, costs: list[Cost]) -> Iterator[None]:
    """Put down what the block costs: this process, and the PostgreSQL process `backend` that works for it."""
    server = psutil.Process(backend)
    wall, client, served = time.perf_counter(), time.process_time(), ground.cpu_seconds(server)
    yield
    per = 1e6 / rounds
    costs.append(
        Cost(
            (time.perf_counter() - wall) * per,
            (time.process_time() - client) * per,
            (ground.cpu_seconds(server) - served) * per,
        )
    )


def _recording(campaign: Campaign) -> Iterator[Figure]:
    """A command that writes a payment, without and with its fact, in turns."""

    def command(with_fact: bool) -> None:
        with transaction.atomic():
            fact = _fact(campaign)
            Payment.objects.create(
                id=fact.payment_id,
                campaign=campaign,
                donor_id=fact.donor_id,
                user_id=fact.donor_id,
                request_digest=uuid.uuid4().hex * 2,
                currency="GBP",
                amount=2500,
                charged=2500,
                processing_fee=93,
                platform_fee=50,
                created_at=clock.now(),
            )
            if with_fact:
                record(fact, subject=fact.payment_id)

    costs: dict[bool, list[Cost]] = {False: [], True: []}
    backend = connection.connection.info.backend_pid
    for with_fact in (False, True):
        _repeat(lambda: command(with_fact), 50)  # noqa: B023 - called at once
    for with_fact in (False, True, False, True):
        with _counting(backend, COMMANDS, costs[with_fact]):
            _repeat(lambda: command(with_fact), COMMANDS)  # noqa: B023 - called at once
    bare, told = (min(costs[kind], key=lambda cost: cost.wall) for kind in (False, True))
    for what, cost in (("command without a fact", bare), ("the same with record()", told)):
        note = f"CPU: {cost.client:.0f} client, {cost.backend:.0f} backend"
        yield Figure(what, cost.wall, "µs", note=f"{note}; the commit reaches the disk")
    more = told.client + told.backend - bare.client - bare.backend
    yield Figure("record() adds", more, "µs CPU", note="client and backend")


def _repeat(work: Callable[[], None], times: int) -> None:
    for _ in range(times):
        work()


def _relaying(campaign: Campaign) -> Iterator[Figure]:
    """Fill the outbox, then let one relay lead until it is empty."""
    began = time.perf_counter()
    for _ in range(BACKLOG // A_TRANSACTION):
        # Pipelined: not to wait for each answer is what makes so many quick to write.
        with transaction.atomic(), connection.connection.pipeline():
            for _ in range(A_TRANSACTION):
                fact = _fact(campaign)
                record(fact, subject=fact.payment_id)
    filled = time.perf_counter() - began
    yield Figure("recorded", BACKLOG / filled, "events/s", note=f"one writer, {A_TRANSACTION} a transaction, pipelined")

    relay = Relay("payments")
    with direct_connection() as own:
        reign = Reign(relay, own)
        own.execute("SET enable_seqscan = off")
        waiting, costs = _one("SELECT count(*) FROM outbox"), list[Cost]()
        with _counting(own.info.backend_pid, waiting, costs):
            batch = reign.number()
            while reign.publish(batch) or batch is not None:
                batch = reign.number()
    relay.stream.close()
    (cost,) = costs
    note = f"{waiting:,} recorded events: numbered, sealed, committed, published"
    yield Figure("relayed", 1e6 / cost.wall, "events/s", "≥ 10,000", note)
    yield Figure("the relay's CPU", cost.client, "µs/event", "≤ 25", f"and {cost.backend:.1f} of its backend")


def _hearing(stack: Stack, campaign: Campaign) -> Iterator[Figure]:
    """Record at a steady pace while a road is open: first the relay alone, then with the consumer in its process."""
    with ground.owner(stack, "payments") as owner:
        owner.execute("CREATE TABLE bench_effect (event_id uuid PRIMARY KEY)")
        owner.execute("GRANT ALL ON bench_effect TO bh_app")
        # The consumer begins at the head: the backlog is not its work here.
        owner.execute(
            "INSERT INTO checkpoint (consumer, source, epoch, number, moved_at) "
            "SELECT 'bench', 'payments', epoch, number, now() FROM feed_head"
        )
        with _road("relay"):
            first, late = _paced(campaign, _numbered)
            alone = _column(owner, _NUMBERED, first)
        pace = f"{RATE}/s for {SECONDS} s" + (f", {late} of them late" if late else "")
        yield Figure("recorded → numbered, p50", percentile(alone, 0.5), "ms", "≤ 3", pace)
        yield Figure(
            "recorded → numbered, p99", percentile(alone, 0.99), "ms", note=f"95 % in {percentile(alone, 0.95):.1f}"
        )
        with _road("relay", "consumer") as road:
            _until(_heard, RATE * SECONDS)
            used = ground.cpu_seconds(road)
            first, late = _paced(campaign, _heard)
            used = (ground.cpu_seconds(road) - used) / (RATE * SECONDS)
            beside, heard = _column(owner, _NUMBERED, first), _column(owner, _EFFECTS, first)
    note = f"with the consumer in the same process; 99 % in {percentile(beside, 0.99):.1f}"
    yield Figure("recorded → numbered, whole road, p50", percentile(beside, 0.5), "ms", note=note)
    yield Figure("recorded → effect, p50", percentile(heard, 0.5), "ms", note="one campaign's totals, committed")
    late_ones = f", {late} of them late" if late else ""
    yield Figure(
        "recorded → effect, p99", percentile(heard, 0.99), "ms", "≤ 100", f"{RATE}/s for {SECONDS} s{late_ones}"
    )
    yield Figure("the road's CPU for one event heard", used * 1e6, "µs")


@contextmanager
def _road(*workers: str) -> Iterator[psutil.Process]:
    command = [sys.executable, "-m", "bench.programs.road", *workers]
    program = subprocess.Popen(command, stdin=subprocess.PIPE)
    try:
        yield psutil.Process(program.pid)
    finally:
        # Its standard input ends with this, and so does it.
        program.communicate()


def _column(owner: psycopg.Connection[tuple[object, ...]], query: LiteralString, first: int) -> list[float]:
    return [float(str(row[0])) for row in owner.execute(query, [first])]


def _paced(campaign: Campaign, arrived: Callable[[], int]) -> tuple[int, int]:
    """Record at RATE and wait until all have arrived; returns the first position and how many were 5 ms late."""
    # The road may have to open first.
    _until(arrived, arrived() + 1, after=lambda: _tell(campaign))
    first, began, late, before = _one("SELECT max(position) FROM event") + 1, time.perf_counter(), 0, arrived()
    for turn in range(RATE * SECONDS):
        ahead = began + turn / RATE - time.perf_counter()
        if ahead > 0:
            time.sleep(ahead)
        late += ahead < -0.005
        _tell(campaign)
    _until(arrived, before + RATE * SECONDS)
    return first, late


def _tell(campaign: Campaign) -> None:
    with transaction.atomic():
        record(_fact(campaign), subject=uuid.uuid4())


def _numbered() -> int:
    return _one("SELECT number FROM feed_head")


def _heard() -> int:
    return _one("SELECT count(*) FROM bench_effect")


def _one(query: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return int(cursor.fetchone()[0])


def _until(look: Callable[[], int], wanted: int, after: Callable[[], None] | None = None) -> None:
    """Wait until `look` gives at least `wanted`; `after` is done first. Raises RuntimeError when it takes too long."""
    if after is not None:
        after()
    deadline = time.monotonic() + ARRIVED_WITHIN
    while (there := look()) < wanted:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{there} of {wanted} arrived within {ARRIVED_WITHIN} s")
        time.sleep(0.02)
