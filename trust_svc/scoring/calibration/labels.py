"""Labels from a CSV file: `kind,id,label`, 1 = turned out bad."""

from __future__ import annotations

import csv
from pathlib import Path
from uuid import UUID

from trust_svc.scoring.calibration.calibrate import Case, looking
from trust_svc.scoring.calibration.errors import BadLine, Unusable
from trust_svc.scoring.calibration.lines import numbered
from trust_svc.scoring.calibration.population import CAMPAIGN, USER, Entity, Population
from trust_svc.scoring.engine import Params

HEAD = ["kind", "id", "label"]


def read(file: Path) -> dict[Entity, tuple[int, int]]:
    """(label, line) by entity. Raises BadLine for a line that is no label, or that says of one entity two things."""
    found: dict[Entity, tuple[int, int]] = {}
    lines = numbered(file)
    first = next(lines, None)
    if first is None or next(csv.reader([first[1]])) != HEAD:
        raise BadLine(file, first[0] if first else 1, f"labels begin with {','.join(HEAD)}")
    for number, line in lines:
        entity, label = _parse(file, number, next(csv.reader([line])))
        if found.setdefault(entity, (label, number))[0] != label:
            raise BadLine(file, number, f"{entity[0]} {entity[1]} has another label in line {found[entity][1]}")
    return found


def cases(population: Population, file: Path, params: Params) -> tuple[list[Case], int]:
    """The labelled entities as cases, and how many are left out because no fact tells of them by then.

    Raises Unusable when no fact tells of any.
    """
    labels = read(file)
    known = set(population.entities)
    wanted = sorted(entity for entity in labels if entity in known)
    if labels and not wanted:
        raise Unusable(f"{file}: no fact tells of anybody named in it")
    rows = population.rows(wanted, looking(params), population.people(params))
    found = [
        Case(kind, entity_id, population.owners.get(entity_id, entity_id), row, labels[kind, entity_id][0])
        for (kind, entity_id), row in zip(wanted, rows, strict=True)
    ]
    return found, len(labels) - len(found)


def _parse(file: Path, number: int, cells: list[str]) -> tuple[Entity, int]:
    if len(cells) != len(HEAD):
        raise BadLine(file, number, f"needs {','.join(HEAD)}")
    kind, entity_id, label = (cell.strip() for cell in cells)
    if kind not in (CAMPAIGN, USER):
        raise BadLine(file, number, "kind is campaign or user")
    if label not in ("0", "1"):
        raise BadLine(file, number, "label is 1 (turned out bad) or 0")
    try:
        return (kind, str(UUID(entity_id))), int(label)
    except ValueError:
        raise BadLine(file, number, f"{entity_id!r} is no id") from None


def paired(inputs: list[Path], labels: list[Path]) -> list[tuple[Path, Path]]:
    """Which labels belong to which facts: by their order. Raises Unusable when one has no partner."""
    if len(inputs) != len(labels):
        raise Unusable(f"{len(inputs)} --input and {len(labels)} --labels: they come in pairs")
    return list(zip(inputs, labels, strict=True))
