"""What one would do without thinking much: four plain scores over the same facts, higher = better."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

from trust_svc.scoring.calibration.population import CAMPAIGN, Entity, Population
from trust_svc.scoring.engine import ITEMS, Record

DAY = 86400.0


class Raw(NamedTuple):
    """Counts, without decay, priors or credibility."""

    positive: float
    negative: float
    items: float
    progress: float
    updates: float
    donors: float
    reports: float


def raw(population: Population, entity: Entity) -> Raw:
    kind, entity_id = entity
    owner = population.owners.get(entity_id) if kind == CAMPAIGN else entity_id
    own = [entity_id] if kind == CAMPAIGN else population.families.get(entity_id, [])
    records = [population.campaigns[each] for each in own]
    person = population.users.get(owner or "") or Record()
    gifts = sum(len(record.gifts) for record in records)
    blamed = sum(
        len(record.caused.keys() | record.doubted.keys() | record.settled_disputes.keys()) for record in records
    )
    reports = sum(len(record.reports) for record in records)
    outcomes = [bool(each.data["kept"]) for record in records for each in record.milestones.values()]
    outcomes += [bool(record.ended.data["delivered"]) for record in records if record.ended]
    shown = [float(record.progress.data["progress"]) for record in records if record.progress]
    ages = [max(1.0, (population.as_of - record.created.time) / DAY / 14) for record in records if record.created]
    return Raw(
        positive=gifts - blamed + sum(outcomes),
        negative=blamed + reports + len(outcomes) - sum(outcomes),
        items=len(_held([person, *records], population.as_of)) / len(ITEMS),
        progress=_mean([*map(float, outcomes), *shown]),
        updates=min(1.0, sum(len(record.updates) for record in records) / (sum(ages) or 1.0)),
        donors=min(1.0, gifts / 50.0),
        reports=reports,
    )


def _held(records: Iterable[Record], as_of: float) -> set[str]:
    held = set()
    for record in records:
        for item, kept in record.items.items():
            if kept.type == "verification.granted" and (_end(kept.data.get("expires_at")) > as_of):
                held.add(item)
    return held


def _end(text: object) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp() if isinstance(text, str) else math.inf


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.5


def wilson(x: Raw) -> float:
    """Lower end of the 95 % interval of the positive share."""
    n = x.positive + x.negative
    if not n:
        return 0.0
    share, z = x.positive / n, 1.96
    middle = share + z * z / (2 * n)
    return (middle - z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))) / (1 + z * z / n)


def beta(x: Raw) -> float:
    """Jøsang's Beta reputation."""
    return (x.positive + 1) / (x.positive + x.negative + 2)


def verification(x: Raw) -> float:
    return x.items


def weighted(x: Raw) -> float:
    """The mean of what can be counted, by the weights of the factors."""
    history = beta(x) / (1 + x.reports)
    return 0.25 * x.progress + 0.15 * x.updates + 0.15 * x.donors + 0.20 * x.items + 0.25 * history


BASELINES: dict[str, Callable[[Raw], float]] = {
    "Wilson": wilson,
    "Beta": beta,
    "verified": verification,
    "weighted mean": weighted,
}
