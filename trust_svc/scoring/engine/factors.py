"""The five factors of many rows: what each is worth, how sure that is, and the terms it is made of. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from trust_svc.scoring.engine.columns import Column, Floats, Units
from trust_svc.scoring.engine.params import FACTORS, ITEMS, Params


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
class Reading:
    """What n rows say, before caps. `weights`, `values`, `variances`, `known` are (5, n) in the order of FACTORS."""

    weights: Floats  # sum to 1 for every row
    values: Floats  # 0-1
    variances: Floats  # of the values
    known: Floats  # how much of each value is evidence and not prior, 0-1
    items: Units
    terms: Terms


def read(rows: Floats, params: Params) -> Reading:
    """Read rows of shape (len(Column), n), each by itself."""
    (done, failed, progress, elapsed, prior, periods, exposure, silence, voices, donors) = rows[: Column.ANSWERED]
    (answered, unanswered, mask, ok, bad, days, reports_open, reports_upheld, donor) = rows[
        Column.ANSWERED : Column.HELD
    ]

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

    engaging = _spread(reach, voices, params.reach_half) + _spread(response, asked, params.response_prior_mass)
    variances = (
        _spread(completion, record, params.completion_prior_mass),
        fresh**2 * _spread(regular, exposure, params.update_prior_mass),
        (independent / 2.0) ** 2 * engaging,
        _spread(verification, held, params.item_prior_mass),
        _spread(history, settled, params.clean_prior_mass),
    )
    known = (
        _known(record, params.completion_prior_mass),
        _known(exposure, params.update_prior_mass),
        _known(voices + asked, params.response_prior_mass),
        _known(held, params.item_prior_mass),
        _known(settled + days / params.tenure_days_per_observation, params.clean_prior_mass),
    )
    return Reading(
        weights=weights,
        values=np.stack([completion, updates, engagement, verification, history]),
        variances=np.stack(variances),
        known=np.stack(known),
        items=items,
        terms=Terms(record, regular, fresh, reach, response, independent, clean, tenure, unreported, unblamed),
    )


@lru_cache(maxsize=16)
def _item_table(params: Params) -> tuple[Floats, Floats]:
    """For every mask of verifications: the value and the number of items held."""
    masks = np.arange(1 << len(ITEMS))
    bits = (masks[:, None] >> np.arange(len(ITEMS))) & 1
    return bits @ np.array(params.items), bits.sum(axis=1).astype(np.float64)


def _spread(value: Floats, observed: Floats, mass: float) -> Floats:
    """The variance of a rate after so many observations on a prior of that mass (Beta)."""
    spread: Floats = value * (1.0 - value) / (observed + mass + 1.0)
    return spread


def _known(observed: Floats, mass: float) -> Floats:
    """How much of a rate is evidence and not prior, 0-1."""
    known: Floats = observed / (observed + mass)
    return known
