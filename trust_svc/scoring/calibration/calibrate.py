"""From decided cases to a parameter set with its report. Pure: features and outcomes in, nothing read or written."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from trust_svc.scoring.calibration.errors import Unusable
from trust_svc.scoring.calibration.fit import RIDGES, before, fit
from trust_svc.scoring.calibration.metrics import Floats, auc, brier, chance, ece, log_loss, platt
from trust_svc.scoring.engine import FACTORS, Params, Row, as_matrix, score
from trust_svc.scoring.engine.card import STEP_TERMS, TERMS, factor_points, steps, terms
from trust_svc.scoring.engine.factors import read

FOLDS = 5
# Fewer cases, or fewer of one kind, say nothing that would hold tomorrow.
CASES, OF_A_KIND = 50, 10
# Caps for want of an identity that may be chosen, the strictest first, and how much a looser one must win to be taken: AUC,
# or mean log loss (a cap that crowds half of everybody onto one score leaves their chances untold).
CAPS, WORTH_IT, WORTH_A_LOSS = (69.0, 85.0, 100.0), 0.003, 0.002


@dataclass(frozen=True, slots=True)
class Case:
    """What was known of an entity before it was decided, and how it turned out (1 = bad).

    `group` names the person behind it: cases of one person are never on both sides of a test.
    """

    kind: str
    entity_id: str
    group: str
    row: Row
    bad: int


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A fitted set, and how it does on cases that it had not seen."""

    params: Params
    report: dict[str, Any]


def calibrated(cases: Sequence[Case], base: Params) -> Calibrated:
    """Fit a card to these cases; everything else is as in `base`. Their order changes nothing, their rows are those of
    `looking(base)`.

    Raises Unusable when there are too few to learn from.
    """
    cases = sorted(cases, key=lambda case: (case.group, case.kind, case.entity_id, case.row, case.bad))
    bad = np.array([case.bad for case in cases], dtype=np.float64)
    _enough(bad)
    rows = as_matrix([case.row for case in cases])
    reached = steps(terms(rows, read(rows, base), base))
    folds = np.array([_fold(case.group) for case in cases])
    _both_kinds(folds, bad)

    # A cap blurs what a ridge does, so the ridge is chosen without.
    uncapped = replace(base, identity_cap=CAPS[-1])
    trials = {ridge: _unseen(rows, reached, bad, folds, ridge, base) for ridge in RIDGES}
    losses = {
        ridge: log_loss(_stated(_scores(rows, trials[ridge], folds, uncapped), bad, folds), bad) for ridge in RIDGES
    }
    ridge = min(RIDGES, key=lambda each: (round(losses[each], 5), -each))
    caps = {cap: _scores(rows, trials[ridge], folds, replace(base, identity_cap=cap)) for cap in CAPS}
    cap = _strictest(caps, bad, folds)

    card = tuple(fit(reached, bad, ridge, base.report_points).tolist())
    a, b = platt(caps[cap], bad)
    params = replace(base, card=card, identity_cap=cap, risk=(round(a, 6), round(b, 6)))
    was = score(rows, base).score / 1024.0
    return Calibrated(params, _report(cases, bad, folds, was, caps[cap], params, ridge))


def looking(base: Params) -> Params:
    """The same set with the card of before any case: for it, rows hold all that a card looks at."""
    return replace(base, card=tuple(before().tolist()))


def spoken(report: Mapping[str, Any]) -> list[str]:
    """The heart of a report in a few lines."""
    cases = report["cases"]
    head = f"{cases['all']} cases of {cases['people']} people, {cases['bad']} of them bad; on cases not seen:"
    found = report["held_out"]
    return [head] + [
        f"{when:>6}  " + "  ".join(f"{name} {value:.4f}" for name, value in found[when].items())
        for when in ("before", "after")
    ]


def _enough(bad: Floats) -> None:
    positives, negatives = int(bad.sum()), int((1 - bad).sum())
    if len(bad) and (not positives or not negatives):
        only = "bad" if positives else "good"
        raise Unusable(f"all {len(bad)} labelled cases turned out {only}: there is nothing to tell apart")
    if len(bad) < CASES or min(positives, negatives) < OF_A_KIND:
        raise Unusable(
            f"{len(bad)} labelled cases, {positives} of them bad, are too few: "
            f"at least {CASES} are needed, and {OF_A_KIND} of each kind"
        )


def _fold(group: str) -> int:
    return hashlib.sha256(group.encode()).digest()[0] % FOLDS


def _both_kinds(folds: np.ndarray[Any, Any], bad: Floats) -> None:
    for fold in range(FOLDS):
        if len(set(bad[folds != fold].tolist())) < 2:
            raise Unusable("the bad cases are those of too few people to learn from")


def _unseen(
    rows: Floats, reached: Floats, bad: Floats, folds: np.ndarray[Any, Any], ridge: float, base: Params
) -> list[tuple[float, ...]]:
    """A card for every fold, fitted to the others."""
    return [
        tuple(fit(reached[:, folds != fold], bad[folds != fold], ridge, base.report_points).tolist())
        for fold in range(FOLDS)
    ]


def _scores(rows: Floats, cards: list[tuple[float, ...]], folds: np.ndarray[Any, Any], base: Params) -> Floats:
    """Points of every case by the card that had not seen it."""
    found = np.zeros(rows.shape[1])
    for fold, card in enumerate(cards):
        some = np.ascontiguousarray(rows[:, folds == fold])
        found[folds == fold] = score(some, replace(base, card=card)).score / 1024.0
    return found


def _strictest(caps: Mapping[float, Floats], bad: Floats, folds: np.ndarray[Any, Any]) -> float:
    """The first cap than which no looser one is better by more than it is worth."""
    aucs = {cap: auc(-points, bad) for cap, points in caps.items()}
    losses = {cap: log_loss(_stated(points, bad, folds), bad) for cap, points in caps.items()}
    best, least = max(aucs.values()) - WORTH_IT, min(losses.values()) + WORTH_A_LOSS
    return next((cap for cap in caps if aucs[cap] >= best and losses[cap] <= least), max(caps))


def _stated(points: Floats, bad: Floats, folds: np.ndarray[Any, Any]) -> Floats:
    """The chance of every case by a calibration on the other folds."""
    stated = np.zeros(len(bad))
    for fold in range(FOLDS):
        stated[folds == fold] = chance(points[folds == fold], *platt(points[folds != fold], bad[folds != fold]))
    return stated


def _measured(points: Floats, bad: Floats, folds: np.ndarray[Any, Any]) -> dict[str, float]:
    """AUC, and Brier and ECE of probabilities calibrated on the other folds."""
    stated = _stated(points, bad, folds)
    return {
        "auc": round(auc(-points, bad), 4),
        "brier": round(brier(stated, bad), 4),
        "ece": round(ece(stated, bad), 4),
    }


def _report(
    cases: Sequence[Case],
    bad: Floats,
    folds: np.ndarray[Any, Any],
    was: Floats,
    now: Floats,
    params: Params,
    ridge: float,
) -> dict[str, Any]:
    card = np.array(params.card)
    per_term = np.bincount(STEP_TERMS, weights=card, minlength=len(TERMS))
    return {
        "cases": {
            "all": len(cases),
            "bad": int(bad.sum()),
            "bad_share": round(float(bad.mean()), 4),
            "campaigns": sum(case.kind == "campaign" for case in cases),
            "users": sum(case.kind == "user" for case in cases),
            "people": len({case.group for case in cases}),
        },
        "held_out": {"folds": FOLDS, "before": _measured(was, bad, folds), "after": _measured(now, bad, folds)},
        "probability": "p_bad = 1 / (1 + exp(a + b * score)), (a, b) = params.risk",
        "ridge": ridge,
        "identity_cap": params.identity_cap,
        "points_per_factor": {
            name: round(float(points), 4) for name, points in zip(FACTORS, factor_points(card), strict=True)
        },
        "points_per_term": {term.name: round(float(per_term[at]), 4) for at, term in enumerate(TERMS)},
    }
