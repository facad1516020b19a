"""What a dry run found, as one immutable body: distributions, who moves, how well bad and good are parted, and fairness."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import Any

from django.db import connection

from trust_svc.scoring.comparing import paired, quality
from trust_svc.scoring.engine import TIERS
from trust_svc.versions.models import DryRun, DryRunCase
from trust_svc.versions.rules import UNRATED, stability

# Points of a bin of the distribution; entities in the table of who moves most.
BIN, MOVERS = 5, 40
# A group smaller than this says nothing; so many decided as fine are needed for a rate of false alarms.
ENOUGH, ENOUGH_FINE = 30, 20
# Groups whose mean lies so many points from everybody's, or whose share of false alarms so far, are pointed out.
APART_POINTS, APART_SHARE = 8.0, 0.10
# Decided as fine, and yet below this: a false alarm. The lower edge of the tier that most people look for.
FINE_FROM = 50.0

NOT_KNOWN = "not known"
# The columns of every table of tiers.
SHOWN = (UNRATED, *TIERS)
SIZES = (("no donors", 0.5), ("1 to 9 donors", 9.5), ("10 to 49 donors", 49.5), ("50 donors or more", float("inf")))
AGES = (
    ("under 30 days", 30.0),
    ("30 to 179 days", 180.0),
    ("180 to 729 days", 730.0),
    ("two years or more", float("inf")),
)

_BINS = """
SELECT kind, least(floor(before_score / %s), %s)::int, least(floor(after_score / %s), %s)::int, count(*)
  FROM trust_versions_dryrunrow WHERE run_id = %s GROUP BY 1, 2, 3
"""
_MOVES = """
SELECT before_tier, after_tier, count(*) FROM trust_versions_dryrunrow WHERE run_id = %s GROUP BY 1, 2
"""
_MOVERS = """
SELECT kind, entity_id::text, before_score, after_score, before_tier, after_tier FROM trust_versions_dryrunrow
 WHERE run_id = %s AND after_score <> before_score ORDER BY abs(after_score - before_score) DESC, kind, entity_id LIMIT %s
"""
_GROUPS = """
SELECT kind, category, currency, donors, age_days, count(*), sum(before_score), sum(after_score), after_tier
  FROM (SELECT kind, category, currency, after_tier, before_score, after_score,
               CASE WHEN donors < 0.5 THEN 0 WHEN donors < 9.5 THEN 1 WHEN donors < 49.5 THEN 10 ELSE 50 END AS donors,
               CASE WHEN age_days < 30 THEN 0 WHEN age_days < 180 THEN 30 WHEN age_days < 730 THEN 180 ELSE 730 END
               AS age_days
          FROM trust_versions_dryrunrow WHERE run_id = %s) AS grouped
 GROUP BY kind, category, currency, donors, age_days, after_tier
"""


def report_of(run: DryRun) -> dict[str, Any]:
    """The report of a run whose rows are all done."""
    bins = _rows(_BINS, BIN, 100 // BIN - 1, BIN, 100 // BIN - 1, run.id)
    cases = list(run.cases.order_by("decided_at", "fact_id"))
    return {
        "as_of": run.as_of.isoformat(),
        "entities": sum(row[3] for row in bins),
        "distribution": {kind: _distribution(kind, bins) for kind in ("campaign", "user")},
        "moves": [list(row) for row in _rows(_MOVES, run.id)],
        "movers": [
            dict(zip(("kind", "entity_id", "before", "after", "before_tier", "after_tier"), row, strict=True))
            for row in _rows(_MOVERS, run.id, MOVERS)
        ],
        "decided": _decided(cases),
        "fairness": fairness(_rows(_GROUPS, run.id), cases),
    }


def _distribution(kind: str, bins: Iterable[Sequence[Any]]) -> dict[str, Any]:
    before, after = [0] * (100 // BIN), [0] * (100 // BIN)
    for of, was, becomes, count in bins:
        if of == kind:
            before[was] += count
            after[becomes] += count
    return {"before": before, "after": after, "psi": stability(before, after)}


def _decided(cases: Sequence[DryRunCase]) -> dict[str, Any]:
    bad = [case.bad for case in cases]
    before, after = [float(case.before_score or 0) for case in cases], [float(case.after_score or 0) for case in cases]
    found = {"before": quality(before, bad), "after": quality(after, bad), "difference": paired(before, after, bad)}
    told = {name: asdict(each) if each else None for name, each in found.items()}
    return {"cases": len(cases), "bad": sum(bad), **told}


Told = tuple[str, str, str, float, float]

# How people and campaigns are grouped: name, whom it is about, and the group that somebody belongs to.
_WAYS: tuple[tuple[str, frozenset[str], Callable[[Told], str]], ...] = (
    ("Category", frozenset({"campaign"}), lambda told: told[1] or NOT_KNOWN),
    ("Currency", frozenset({"campaign"}), lambda told: told[2] or NOT_KNOWN),
    ("Size of campaign", frozenset({"campaign"}), lambda told: _band(told[3], SIZES)),
    ("Age of account", frozenset({"campaign", "user"}), lambda told: _band(told[4], AGES)),
)


def fairness(groups: Iterable[Sequence[Any]], cases: Sequence[DryRunCase]) -> list[dict[str, Any]]:
    """Every way of grouping with its groups: how many, mean score, share per tier, false alarms; and what stands apart."""
    rows = list(groups)
    return [_way(name, kinds, of, rows, cases) for name, kinds, of in _WAYS]


def _way(
    name: str, kinds: frozenset[str], of: Callable[[Told], str], rows: list[Sequence[Any]], cases: Sequence[DryRunCase]
) -> dict[str, Any]:
    found: dict[str, dict[str, Any]] = {}
    for *told, count, before, after, tier in rows:
        if told[0] in kinds:
            group = found.setdefault(of(tuple(told)), _empty())
            group["n"] += count
            group["before"] += before
            group["after"] += after
            group["tiers"][SHOWN.index(tier)] += count
    for case in cases:
        key = of((case.kind, case.category, case.currency, case.donors, case.age_days))
        if case.kind in kinds and not case.bad:
            group = found.setdefault(key, _empty())
            group["fine"] += 1
            group["alarms"] += float(case.after_score or 0) < FINE_FROM
    everybody = _empty()
    for group in found.values():
        for number in ("n", "before", "after", "fine", "alarms"):
            everybody[number] += group[number]
    return {
        "by": name,
        "groups": [{"name": key, **_told(group, everybody)} for key, group in sorted(found.items())],
    }


def _empty() -> dict[str, Any]:
    return {"n": 0, "before": 0.0, "after": 0.0, "fine": 0, "alarms": 0, "tiers": [0] * len(SHOWN)}


def _told(group: dict[str, Any], everybody: dict[str, Any]) -> dict[str, Any]:
    n, fine = group["n"], group["fine"]
    mean, alarms = (group["after"] / n if n else None), (group["alarms"] / fine if fine else None)
    warnings = []
    if mean is not None and n >= ENOUGH and abs(mean - everybody["after"] / everybody["n"]) >= APART_POINTS:
        warnings.append(f"its mean lies {mean - everybody['after'] / everybody['n']:+.1f} points from everybody's")
    if alarms is not None and fine >= ENOUGH_FINE:
        apart = alarms - everybody["alarms"] / everybody["fine"]
        if abs(apart) >= APART_SHARE:
            warnings.append(f"its false alarms lie {apart:+.0%} from everybody's")
    return {
        "n": n,
        "before": group["before"] / n if n else None,
        "after": mean,
        "tiers": [count / n if n else 0.0 for count in group["tiers"]],
        "fine": fine,
        "false_alarms": alarms,
        "warnings": warnings,
    }


def _band(value: float, bands: Sequence[tuple[str, float]]) -> str:
    return next(name for name, below in bands if value < below)


def _rows(statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
