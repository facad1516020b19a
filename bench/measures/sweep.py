"""The nightly sweep: every score is calculated again from the evidence in the database, and what moved is written.

Twice: the first time everything is new, is told and gets a line of history; a night later everything has aged by a day. Two
threads of one process do it, as many as a worker lets sweep at once. The peer does the same row by row: one score in one
transaction, through the same rules.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from django.db import connection

from bench import ground, population
from bench.figures import Figure
from deploy.local.stack import Stack
from trust_svc.scoring import commands, dues, queries
from trust_svc.scoring.models import Due, Score

# So many entities by default; SWEEP=100000 is the whole goal. The peer takes a sample of them.
ENTITIES = int(os.environ.get("SWEEP", "20000"))
GOAL = 100_000
SAMPLE = 200
PATIENCE = 0.02


def measure(stack: Stack) -> Iterator[Figure]:
    with ground.owner(stack, "trust") as owner:
        facts = population.fill(owner, ENTITIES)
    count = Score.objects.count()
    first = _sweep(stack)
    yield from _told("first night", first, count, f"{facts:,} facts")
    _a_day_later(stack)
    second = _sweep(stack)
    yield from _told("a night later", second, count)
    yield Figure("memory of the sweep", _peak(), "MiB", "≤ 1024", "at most, of the process that calculates")
    one = _row_by_row()
    yield Figure(
        "row by row ÷ sweep, a score", one / (second.wall / count), "×", note=f"{SAMPLE} of them one at a time"
    )


def _a_day_later(stack: Stack) -> None:
    file = stack.state / "bench-clock"
    file.write_text(str(timedelta(days=1).total_seconds()))
    os.environ["BH_CLOCK_FILE"] = str(file)


class _Took:
    """Seconds on the wall, and of both processors by who used them, since it was made."""

    def __init__(self, stack: Stack) -> None:
        self._servers = ground.postmaster(stack)
        self._before = self._now()
        self.wall = self.python = self.postgres = 0.0

    def _now(self) -> tuple[float, float, float]:
        return time.perf_counter(), time.process_time(), ground.cpu_seconds(self._servers)

    def stop(self) -> None:
        now = self._now()
        self.wall, self.python, self.postgres = (
            after - before for after, before in zip(now, self._before, strict=True)
        )


def _sweep(stack: Stack) -> _Took:
    took = _Took(stack)
    before = queries.next_turn()
    commands.begin_epoch()
    with ThreadPoolExecutor(dues.SWEEPERS) as pool:
        for done in [pool.submit(_work) for _ in range(dues.SWEEPERS)]:
            done.result()
    took.stop()
    if Score.objects.filter(turn__lte=before).exists():
        raise RuntimeError("not everything was calculated")
    return took


def _work() -> None:
    try:
        while commands.rescore_due() or Due.objects.exists():
            time.sleep(PATIENCE)
    finally:
        connection.close()


def _told(what: str, took: _Took, count: int, note: str = "") -> Iterator[Figure]:
    share = GOAL / count
    of = f"{count:,} entities" + ("" if share == 1 else f" × {share:.3g}") + (f", {note}" if note else "")
    used = f"Python {took.python * share:.0f} s, PostgreSQL {took.postgres * share:.0f} s"
    yield Figure(f"{what}: {GOAL:,} scores", took.wall * share, "s", "< 60", of)
    yield Figure(f"{what}: CPU of that", (took.python + took.postgres) * share, "s", note=used)


def _row_by_row() -> float:
    """Seconds for a score that is calculated alone."""
    some = list(Score.objects.order_by("id").values_list("kind", "entity_id")[:SAMPLE])
    began = time.perf_counter()
    for kind, entity_id in some:
        commands.rescore(kind=kind, entity_id=entity_id)
    return (time.perf_counter() - began) / len(some)


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
