"""The nightly proof that what real time kept is what the evidence in PostgreSQL says.

Some thousand stored answers are calculated afresh, each as of its own moment, and held against what is stored. It belongs
before the epoch begins, while the numbers that made these answers still count.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from bh_sdk.server.ops import clock, logs
from trust_svc.scoring.answers import Answer, answers
from trust_svc.scoring.assessment import Entity, Known, read
from trust_svc.scoring.models import ParityCheck, Score

# A night looks at so many, and goes on where the last one ended: all of them when there are no more than that.
SAMPLE = 5_000
# So many are read at once.
CHUNK = 500
# A check names so many that differ.
NAMED = 20

_WAITING = """
SELECT kind, entity_id FROM trust_scoring_due
  JOIN jsonb_to_recordset(%s::jsonb) AS asked (kind text, entity_id uuid) USING (kind, entity_id)
"""

log = logs.log("scoring")


class Difference(NamedTuple):
    """A stored answer that the evidence does not give."""

    entity: Entity
    # All that is wrong, in words; the two scores; and by how many points the worst number is wrong.
    what: str
    stored: float
    fresh: float
    points: float

    def told(self) -> dict[str, object]:
        kind, entity_id = self.entity
        return self._asdict() | {"entity": [kind, str(entity_id)]}


class Looked(NamedTuple):
    """What came of some answers: how many were compared, and which differ."""

    compared: int
    differing: list[Difference]


def check_parity(sample: int = SAMPLE) -> ParityCheck:
    """Compare up to `sample` stored answers with fresh ones, and keep what was found; changes no score.

    Nothing is kept of a check that breaks off: the next one looks at the same answers.
    """
    began, compared = clock.now(), 0
    differing: list[Difference] = []
    ids = _next(sample)
    for at in range(0, len(ids), CHUNK):
        looked = _look(ids[at : at + CHUNK])
        compared += looked.compared
        differing += looked.differing
    differing.sort(key=lambda each: (-each.points, each.entity))
    worst = differing[0].points if differing else 0.0
    check = ParityCheck.objects.create(
        began_at=began,
        ended_at=clock.now(),
        compared=compared,
        left_out=len(ids) - compared,
        differing=len(differing),
        worst=worst,
        named=[each.told() for each in differing[:NAMED]],
        upto=ids[-1] if ids else None,
    )
    (log.error if differing else log.info)(
        "parity_checked", compared=compared, left_out=check.left_out, differing=len(differing), worst=worst
    )
    return check


def last_check() -> ParityCheck | None:
    return ParityCheck.objects.first()


def _next(sample: int) -> list[UUID]:
    """The ids of the scores whose turn it is; after the last one comes the first."""
    last = last_check()
    rows = Score.objects.order_by("id").values_list("id", flat=True)
    if last is None or last.upto is None:
        return list(rows[:sample])
    found = list(rows.filter(id__gt=last.upto)[:sample])
    return found + list(rows.filter(id__lte=last.upto)[: sample - len(found)])


def _look(ids: Sequence[UUID]) -> Looked:
    stored = {(row.kind, row.entity_id): row for row in Score.objects.filter(id__in=ids)}
    fresh = _fresh(stored)
    # Evidence and its mark come in one transaction. So whatever was read that is newer than the stored answer waits as due
    # now, or has been calculated meanwhile; neither is a difference.
    turns = dict(Score.objects.filter(id__in=ids).values_list("id", "turn"))
    waiting = _waiting(stored)
    found = [
        _difference(row, fresh[entity])
        for entity, row in stored.items()
        if entity not in waiting and turns.get(row.id) == row.turn
    ]
    return Looked(len(found), [each for each in found if each is not None])


def _fresh(stored: Mapping[Entity, Score]) -> dict[Entity, Answer]:
    """What the evidence gives as of the moment of each stored answer. Answers of one moment cost one kernel call."""
    known = read(stored)
    moments: dict[datetime, list[Entity]] = defaultdict(list)
    for entity in known.entities:
        moments[stored[entity].calculated_at].append(entity)
    return {each.entity: each for at, entities in moments.items() for each in _answers(known, entities, at)}


def _answers(known: Known, entities: list[Entity], at: datetime) -> list[Answer]:
    return answers(replace(known, entities=entities), as_of=at)


def _waiting(entities: Mapping[Entity, Score]) -> set[Entity]:
    asked = json.dumps([{"kind": kind, "entity_id": str(entity_id)} for kind, entity_id in entities])
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, [asked])
        return {(kind, entity_id) for kind, entity_id in cursor.fetchall()}


def _difference(row: Score, answer: Answer) -> Difference | None:
    """Every number is an exact multiple of 1/1024, so what is equal is equal to the bit."""
    found = answer.found
    points = {name: (stored, fresh) for name, stored, fresh in _points(row, answer) if stored != fresh}
    wrong = [*points, *_others(row, answer)]
    if not wrong:
        return None
    worst = max((abs(fresh - stored) for stored, fresh in points.values()), default=0.0)
    return Difference((row.kind, row.entity_id), ", ".join(wrong), row.score, found.score, worst)


def _points(row: Score, answer: Answer) -> Iterator[tuple[str, float, float]]:
    """What is shown in points, and what should be."""
    found = answer.found
    yield "score", row.score, found.score
    yield "lower end", row.lower, found.lower
    yield "cap", row.cap_adjustment, found.cap_adjustment
    shown = {each["name"]: each["contribution"] for each in row.factors}
    for each in found.factors:
        yield each["name"], shown.get(each["name"], 0.0), each["contribution"]
    if row.computed is not None and answer.computed is not None:
        yield "calculated underneath", row.computed["score"], answer.computed.score


def _others(row: Score, answer: Answer) -> Iterator[str]:
    if row.rated != answer.found.rated:
        yield "rated or not"
    if row.parameters_id != answer.version:
        yield "parameter set"
    if row.override_id != (answer.override.id if answer.override else None):
        yield "set by hand or not"
