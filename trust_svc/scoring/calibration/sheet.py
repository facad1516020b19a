"""Scores as a sheet: the CSV of `score_events`."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from trust_svc.scoring.calibration.errors import Unusable
from trust_svc.scoring.calibration.population import Population, chunks
from trust_svc.scoring.engine import FACTORS, TIERS, Params, as_matrix, points, reasons, score

HEAD = ("kind", "id", "score", "lower", "confidence", "tier", *FACTORS, "cap", "reasons")

Line = tuple[str | float, ...]


def sheet(population: Population, params: Params) -> Iterator[Line]:
    """One line per campaign and per person, sorted: the factors' points and the cap's add up to the score exactly.

    Who is not rated is of the lowest tier, as in the service; reasons are codes, the weightiest first.
    """
    people = population.people(params)
    for some in chunks(population.entities):
        rows = as_matrix(population.rows(some, params, people))
        found = score(rows, params)
        why = reasons(rows, found, params)
        for at, (kind, entity_id) in enumerate(some):
            yield (
                kind,
                entity_id,
                points(found.score[at]),
                points(found.lower[at]),
                round(float(found.confidence[at]), 4),
                TIERS[found.tier[at]] if found.rated[at] else TIERS[0],
                *(points(found.contributions[index, at]) for index in range(len(FACTORS))),
                points(found.cap_adjustment[at]),
                " ".join(reason.code for reason in why[at]),
            )


def write(population: Population, params: Params, output: Path) -> int:
    """Write the sheet whole or not at all; returns how many lines."""
    count = 0
    with whole(output) as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(HEAD)
        for line in sheet(population, params):
            lines.writerow(line)
            count += 1
    return count


@contextmanager
def whole(output: Path) -> Iterator[TextIO]:
    """A file that takes its name only when it is complete. Raises Unusable when it cannot be written."""
    if output.exists() and not output.is_file():
        raise Unusable(f"{output} is no file")
    try:
        handle, name = tempfile.mkstemp(dir=output.parent, prefix=f".{output.name}.")
    except OSError as error:
        raise Unusable(f"{output} cannot be written: {error.strerror}") from None
    part = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            yield file
        umask = os.umask(0)
        os.umask(umask)
        part.chmod(0o666 & ~umask)
        part.replace(output)
    except OSError as error:
        raise Unusable(f"{output} cannot be written: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)
