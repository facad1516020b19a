"""Points of a card fitted to decided cases. Pure NumPy and deterministic.

A logistic model whose coefficients are the points of the steps: none negative, drawn towards the points one would have
given without any case (ridge), so that few cases move little. Its weighted sum, scaled to 100, is the card.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trust_svc.scoring.calibration.metrics import Floats, platt
from trust_svc.scoring.engine.card import STEP_FACTORS, STEP_TERMS, STEPS, TERMS, UNREPORTED
from trust_svc.scoring.engine.params import FACTORS, FULL, UNITS_PER_POINT

# Points per term before any case was seen, in the order of TERMS.
BEFORE = {
    "delivered": 12.0, "shown": 5.0, "proven": 4.0, "unfailed": 4.0, "paced": 2.0,
    "regular": 5.0, "fresh": 3.0, "diligent": 4.0, "present": 4.0,
    "reach": 3.0, "response": 3.0, "timely": 4.0, "independent": 3.0, "apart": 1.0,
    "contact": 3.0, "identity": 6.0, "bank": 4.0, "registry": 3.0, "beneficiary": 2.0, "endorsement": 1.0, "address": 1.0,
    "unlapsed": 2.0,
    "clean": 8.0, "unblemished": 4.0, "undisputed": 3.0, "settled": 2.0, "tenure": 3.0, "prepared": 1.0,
    "unreported": 2.0, "unblamed": 3.0,
}  # fmt: skip
# How strongly points are held to those of before; cross-validation chooses.
RIDGES = (0.0001, 0.001, 0.01, 0.1)
# No factor is worth less than so many points, whatever the cases say.
LEAST = 6.0
_ITERATIONS = 25
# A step that wins less mean log loss than this ends the descent.
_WON = 1e-5
_SWEEPS = 60


def before() -> Floats:
    """The points of every step before any case was seen: those of its term, by the width of the step."""
    widths = np.array([top - low for term in TERMS for low, top in zip(term.edges, term.edges[1:], strict=False)])
    whole = np.array([BEFORE[term.name] for term in TERMS])
    points: Floats = whole[STEP_TERMS] * widths
    points *= 100.0 / points.sum()
    return points


def fit(reached: Floats, bad: Floats, ridge: float, most_for_reports: float) -> Floats:
    """Points of every step, summing to 100, from `reached` (STEPS, n) and the outcomes; whole units of 1/1024."""
    prior = before()
    intercept, slope = platt(prior @ reached, bad)
    # The points of before on the scale of log odds. Where they say nothing, they still hold on a little.
    start = prior * max(slope, 0.02)
    raw = _descend(reached, 1.0 - bad, start, intercept, ridge)
    return _as_points(raw, prior, most_for_reports)


def _descend(reached: Floats, good: Floats, start: Floats, intercept: float, ridge: float) -> Floats:
    """Proximal Newton on the mean log loss plus ridge · |x − start|² / 2, x ≥ 0; the intercept is free."""
    x = np.vstack([reached, np.ones(reached.shape[1])])
    held = np.append(np.full(STEPS, ridge), 0.0)
    aim = np.append(start, intercept)
    at, loss = aim, _loss(aim, x, good, held, aim)
    for _ in range(_ITERATIONS):
        chance = 1.0 / (1.0 + np.exp(-np.clip(at @ x, -500, 500)))
        gradient = x @ (chance - good) / x.shape[1] + held * (at - aim)
        curve = (x * (chance * (1.0 - chance) / x.shape[1])) @ x.T + np.diag(held + 1e-9)
        step, share = _towards(at, gradient, curve), 1.0
        while (found := _loss(at + share * step, x, good, held, aim)) >= loss and share > 1e-12:
            share /= 2.0
        if found >= loss:
            break
        at, won, loss = at + share * step, loss - found, found
        if won < _WON:
            break
    raw: Floats = np.maximum(at[:-1], 0.0)
    return raw


def _towards(at: Floats, gradient: Floats, curve: Floats) -> Floats:
    """The step to where the parabola of this slope and curve is lowest while no points are negative: one after the other
    is set to its best, until none moves."""
    step, slope = np.zeros_like(at), gradient.copy()
    least = np.append(-at[:-1], -np.inf)
    own = np.diag(curve)
    for _ in range(_SWEEPS):
        most = 0.0
        for place in range(len(at)):
            move = max(least[place], step[place] - slope[place] / own[place]) - step[place]
            if move:
                step[place] += move
                slope += curve[place] * move
                most = max(most, abs(move))
        if most < 1e-7:
            break
    return step


def _loss(at: Floats, x: Floats, good: Floats, held: Floats, aim: Floats) -> float:
    odds = at @ x
    return float(np.mean(np.logaddexp(0.0, odds) - good * odds) + 0.5 * np.sum(held * (at - aim) ** 2))


def _as_points(raw: Floats, prior: Floats, most_for_reports: float) -> Floats:
    total = float(raw.sum())
    points = raw * (100.0 / total) if total > 0 else prior.copy()
    worth = np.bincount(STEP_FACTORS, weights=points, minlength=len(FACTORS))
    poor = worth < LEAST
    if poor.any():
        rest = 100.0 - LEAST * poor.sum()
        scale = np.where(poor, 0.0, rest / worth[~poor].sum())
        filled = prior * (LEAST / np.bincount(STEP_FACTORS, weights=prior, minlength=len(FACTORS)))[STEP_FACTORS]
        points = np.where(poor[STEP_FACTORS], filled, points * scale[STEP_FACTORS])
    if points[UNREPORTED] > most_for_reports:
        others = np.arange(STEPS) != UNREPORTED
        points[others] *= (100.0 - most_for_reports) / (100.0 - points[UNREPORTED])
        points[UNREPORTED] = most_for_reports
    return _whole(points)


def _whole(points: Floats) -> Floats:
    """Rounded to whole units that sum to 100 points: the largest remainders are rounded up."""
    exact = points * UNITS_PER_POINT
    units: NDArray[np.int64] = np.floor(exact).astype(np.int64)
    order = np.argsort(-(exact - units), kind="stable")
    units[order[: FULL - int(units.sum())]] += 1
    return units / UNITS_PER_POINT
