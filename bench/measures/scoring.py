"""The engine over many rows, the same arithmetic as a plain loop over the same rows, and one pass over the inputs.

The loop is the one that the tests hold against the engine. One pass (a sum over the matrix) is the least that any
calculation must do: it says how far the engine is from the speed of memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np

from bench.figures import Figure
from deploy.local.stack import Stack
from tests.trust.oracle import expected
from trust_svc.scoring.engine import ITEMS, V1, Column, as_matrix, points, score

ROWS = 200_000
LOOPED = 5_000
ROUNDS = 5
# What a worker scores at once.
BATCH = 200


def measure(stack: Stack) -> Iterator[Figure]:
    """Raises RuntimeError when loop and engine do not agree: then there is nothing to compare."""
    rows = some_rows(ROWS)
    matrix = as_matrix(rows)
    listed = [{column.name.lower(): value for column, value in zip(Column, row, strict=True)} for row in rows[:LOOPED]]

    engine = best(lambda: score(matrix, V1)) / ROWS
    batch = as_matrix(rows[:BATCH])
    small = best(lambda: score(batch, V1), rounds=200) / BATCH
    loop = best(lambda: [expected(row, V1) for row in listed], rounds=2) / LOOPED
    one_pass = best(matrix.sum, rounds=20) / ROWS
    _agree(matrix, listed)

    yield Figure("the engine, rows", 1 / engine, "rows/s", note=f"{ROWS:,} rows at once")
    yield Figure("the engine in batches", 1 / small, "rows/s", note=f"{BATCH} rows at once, as a worker does")
    yield Figure("plain loop", 1 / loop, "rows/s", note=f"{LOOPED:,} of the same rows")
    yield Figure("plain loop ÷ engine", loop / engine, "×", "≥ 100")
    yield Figure("plain loop ÷ engine in batches", loop / small, "×")
    yield Figure("engine ÷ one pass over the inputs", engine / one_pass, "×", "≤ 25", f"{len(Column)} columns, float64")


def some_rows(count: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Feature rows as evidence makes them: mostly small masses, some zeros, every mask of verifications."""
    dice = np.random.default_rng(1)
    rows = dice.gamma(1.0, 4.0, size=(count, len(Column))) * (dice.random((count, len(Column))) < 0.8)
    for share in (Column.PROGRESS, Column.PRIOR):
        rows[:, share] = dice.random(count)
    rows[:, Column.ITEMS] = dice.integers(0, 1 << len(ITEMS), count)
    rows[:, Column.DONOR] = dice.random(count) < 0.3
    return rows


def best(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Seconds of the quickest round: what the work itself takes when nobody else is in the way."""
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return min(took)


def _agree(matrix: np.ndarray[tuple[int, int], np.dtype[np.float64]], listed: list[dict[str, float]]) -> None:
    found = score(matrix[:, :LOOPED], V1)
    worst = max(abs(points(found.score[at]) - expected(row, V1).score) for at, row in enumerate(listed))
    # Each of five contributions is rounded to 1/1024 point.
    if worst > 5 / 1024:
        raise RuntimeError(f"the loop and the engine differ by {worst} points")
