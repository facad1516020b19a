"""The kernel: feature rows in, scores out. Pure and vectorised; no clock, no database, no randomness.

Points are counted in whole units of 1/1024 point. Such numbers are exact in binary floating point *and* in decimal
notation, so the printed contributions plus the cap adjustment are the printed score in whichever arithmetic one adds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trust_svc.scoring.engine.columns import WIDTH, Column, Floats, Units
from trust_svc.scoring.engine.params import FACTORS, IDENTITY, ITEMS, Params

UNITS_PER_POINT = 1024
FULL = 100 * UNITS_PER_POINT


@dataclass(frozen=True, slots=True)
class Terms:
    """The inner terms of the factors, each 0-1, from which reasons are read."""

    record: Floats  # observations behind completion (a mass, not 0-1)
    regular: Floats
    fresh: Floats
    reach: Floats
    response: Floats
    independent: Floats
    clean: Floats
    tenure: Floats
    unreported: Floats
    unblamed: Floats


@dataclass(frozen=True, slots=True)
class Scores:
    """What the kernel found for n entities. Arrays of units are whole numbers of 1/1024 point.

    `values`, `weights`, `contributions` are (5, n) in the order of FACTORS. Always, exactly:
    `contributions.sum(axis=0) + cap_adjustment == score`, `0 <= lower <= score <= cap`.
    """

    values: Floats
    weights: Floats
    contributions: Units
    cap: Units
    cap_adjustment: Units
    score: Units
    lower: Units
    deviation: Floats  # standard deviation in points
    confidence: Floats  # 0-1
    rated: np.ndarray[tuple[int], np.dtype[np.bool_]]
    tier: Units  # index into TIERS, by lower edge, without memory
    items: Units
    terms: Terms


def points(units: int) -> float:
    """Units as points; exact."""
    return int(units) / UNITS_PER_POINT


def _item_table(params: Params) -> tuple[Floats, Floats]:
    """For every mask of verifications: the value and the number of items held."""
    masks = np.arange(1 << len(ITEMS))
    bits = (masks[:, None] >> np.arange(len(ITEMS))) & 1
    return bits @ np.array(params.items), bits.sum(axis=1).astype(np.float64)


def score(rows: Floats, params: Params) -> Scores:
    """Score a matrix of shape (len(Column), n), see `as_matrix`.

    Each entity's result depends on its own row alone: order and chunking change no bit. Raises ValueError when an input
    is not finite or negative.
    """
    if rows.ndim != 2 or rows.shape[0] != WIDTH:
        raise ValueError(f"expected {WIDTH} lines of inputs")
    if not np.isfinite(rows).all() or (rows < 0).any():
        raise ValueError("features are finite and never negative")
    (done, failed, progress, elapsed, prior, periods, exposure, silence, voices, donors) = rows[: Column.ANSWERED]
    (answered, unanswered, mask, ok, bad, days, reports_open, reports_upheld, donor) = rows[Column.ANSWERED :]

    # Weights: a person without campaigns owes no updates, the other factors share their weight.
    base = np.array(params.weights)
    without = np.where(np.arange(len(FACTORS)) == 1, 0.0, base / (1.0 - base[1]))
    weights = np.where(donor[None, :] > 0, without[:, None], base[:, None])

    # Completion: shrunk towards the category's own rate.
    rate = np.clip(prior, params.completion_prior_floor, params.completion_prior_ceiling)
    rate = np.where(prior > 0, rate, params.completion_prior)
    record = done + failed + elapsed
    mass = params.completion_prior_mass
    completion = (done + np.minimum(progress, 1.0) * elapsed + mass * rate) / (record + mass)

    # Updates: regular, and not silent since.
    mass = params.update_prior_mass
    regular = np.minimum(1.0, (periods + mass * params.update_prior) / (exposure + mass))
    fresh = np.exp2(-silence)
    updates = regular * fresh

    # Engagement: independent voices, answers, no concentration.
    reach = 1.0 - np.exp2(-voices / params.reach_half)
    asked = answered + unanswered
    mass = params.response_prior_mass
    response = (answered + mass * params.response_prior) / (asked + mass)
    mass = params.independence_mass
    independent = np.minimum(1.0, (voices + mass) / (donors + mass))
    engagement = independent * (reach + response) / 2.0

    # Verification: a table of 256 sums.
    table, held_table = _item_table(params)
    items = mask.astype(np.int64) & 0xFF
    verification, held = table[items], held_table[items]

    # History: clean money, time, reports. Unreviewed reports are bounded in points, whatever the weight of history is.
    mass = params.clean_prior_mass
    settled = ok + bad
    blemish = (bad + mass * params.clean_prior) / (settled + mass) / params.clean_pivot
    clean = 1.0 / (1.0 + blemish * np.sqrt(blemish))
    tenure = 1.0 - params.tenure_gap * np.exp2(-days / params.tenure_half_life)
    depth = params.report_points / (100.0 * weights[4])
    unreported = 1.0 - depth * (1.0 - np.exp2(-reports_open / params.report_half))
    unblamed = np.exp2(-reports_upheld)
    history = clean * tenure * unreported * unblamed

    values = np.stack([completion, updates, engagement, verification, history])
    contributions = np.rint(weights * values * FULL).astype(np.int64)
    identity = (items >> IDENTITY) & 1
    cap = np.minimum(
        np.where(identity == 1, FULL, int(params.identity_cap * UNITS_PER_POINT)),
        np.floor((100.0 - params.upheld_cap_depth * (1.0 - unblamed)) * UNITS_PER_POINT).astype(np.int64),
    )
    total = contributions.sum(axis=0)
    final = np.minimum(total, cap)

    variance = (
        weights[0] ** 2 * _spread(completion, record, params.completion_prior_mass)
        + (weights[1] * fresh) ** 2 * _spread(regular, exposure, params.update_prior_mass)
        + (weights[2] * independent / 2.0) ** 2
        * (_spread(reach, voices, params.reach_half) + _spread(response, asked, params.response_prior_mass))
        + weights[3] ** 2 * _spread(verification, held, params.item_prior_mass)
        + weights[4] ** 2 * _spread(history, settled, params.clean_prior_mass)
    )
    deviation = 100.0 * np.sqrt(variance)
    seen = days / params.tenure_days_per_observation
    confidence = (
        weights[0] * _known(record, params.completion_prior_mass)
        + weights[1] * _known(exposure, params.update_prior_mass)
        + weights[2] * _known(voices + asked, params.response_prior_mass)
        + weights[3] * _known(held, params.item_prior_mass)
        + weights[4] * _known(settled + seen, params.clean_prior_mass)
    )
    lower = np.clip(np.floor(final - params.lower_z * deviation * UNITS_PER_POINT), 0, final).astype(np.int64)
    edges = np.array([int(edge * UNITS_PER_POINT) for edge in params.tiers])
    return Scores(
        values=values,
        weights=weights,
        contributions=contributions,
        cap=cap,
        cap_adjustment=final - total,
        score=final,
        lower=lower,
        deviation=deviation,
        confidence=confidence,
        rated=confidence >= params.confidence_floor,
        tier=np.searchsorted(edges, final, side="right").astype(np.int64) - 1,
        items=items,
        terms=Terms(record, regular, fresh, reach, response, independent, clean, tenure, unreported, unblamed),
    )


def _spread(value: Floats, observed: Floats, mass: float) -> Floats:
    """The variance of a rate after so many observations on a prior of that mass (Beta)."""
    spread: Floats = value * (1.0 - value) / (observed + mass + 1.0)
    return spread


def _known(observed: Floats, mass: float) -> Floats:
    """How much of a rate is evidence and not prior, 0-1."""
    known: Floats = observed / (observed + mass)
    return known
