"""The engine over a million rows, the same arithmetic as a plain loop over the same rows, and one pass over the inputs.

The loop is the one that the tests hold against the engine. One pass (a sum over the matrix) is the least that any
calculation must do: it says how far the engine is from the speed of memory. Memory is what a process of its own needed at
most for a million rows, inputs and answers included.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np

from bench.figures import Figure
from deploy.local.stack import Stack
from tests.trust.oracle import expected
from trust_svc.scoring.engine import ITEMS, SHIPPED, Column, points, score
from trust_svc.scoring.engine.columns import Floats

ROWS = 1_000_000
LOOPED = 5_000
ROUNDS = 3
# What a worker scores at once.
BATCH = 200


def measure(stack: Stack) -> Iterator[Figure]:
    """Raises RuntimeError when loop and engine do not agree: then there is nothing to compare."""
    matrix = some_rows(ROWS)
    listed = [
        {column.name.lower(): float(value) for column, value in zip(Column, row, strict=True)}
        for row in matrix[:, :LOOPED].T
    ]

    engine = best(lambda: score(matrix, SHIPPED)) / ROWS
    batch = np.ascontiguousarray(matrix[:, :BATCH])
    small = best(lambda: score(batch, SHIPPED), rounds=200) / BATCH
    loop = best(lambda: [expected(row, SHIPPED) for row in listed], rounds=2) / LOOPED
    one_pass = best(matrix.sum, rounds=20) / ROWS
    _agree(matrix, listed)

    yield Figure("the engine, rows", 1 / engine, "rows/s", note=f"{ROWS:,} rows at once")
    yield Figure("the engine in batches", 1 / small, "rows/s", note=f"{BATCH} rows at once, as a worker does")
    yield Figure("plain loop", 1 / loop, "rows/s", note=f"{LOOPED:,} of the same rows")
    yield Figure("plain loop ÷ engine", loop / engine, "×", "≥ 100")
    yield Figure("plain loop ÷ engine in batches", loop / small, "×")
    yield Figure("engine ÷ one pass over the inputs", engine / one_pass, "×", "≤ 25", f"{len(Column)} columns, float64")
    yield Figure("the engine's memory", _peak(), "MiB", "≤ 1024", f"a process that scores {ROWS:,} rows, all in all")


def some_rows(count: int) -> Floats:
    """Feature rows as evidence makes them: mostly small masses, some zeros, every mask of verifications.

    Drawn column by column, in the kernel's own order, so that no second copy is ever in memory.
    """
    dice = np.random.default_rng(1)
    matrix = np.empty((len(Column), count))
    for column in Column:
        matrix[column] = dice.gamma(1.0, 4.0, count) * (dice.random(count) < 0.8)
    for share in (Column.PROGRESS, Column.PRIOR):
        matrix[share] = dice.random(count)
    matrix[Column.ITEMS] = dice.integers(0, 1 << len(ITEMS), count)
    matrix[Column.DONOR] = dice.random(count) < 0.3
    matrix[Column.HELD] = dice.random(count) < 0.02
    return matrix


def _peak() -> float:
    """MiB that a process of its own needed at most."""
    program = "from bench.measures import scoring; scoring.score_alone()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return int(done.stdout) / 1024


def score_alone() -> None:
    """Score once, and print the most KiB this process ever held."""
    score(some_rows(ROWS), SHIPPED)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def best(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Seconds of the quickest round: what the work itself takes when nobody else is in the way."""
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return min(took)


def _agree(matrix: Floats, listed: list[dict[str, float]]) -> None:
    found = score(matrix[:, :LOOPED], SHIPPED)
    worst = max(abs(points(found.score[at]) - expected(row, SHIPPED).score) for at, row in enumerate(listed))
    # Each of five contributions is rounded to 1/1024 point.
    if worst > 5 / 1024:
        raise RuntimeError(f"the loop and the engine differ by {worst} points")
