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


def read(rows: Floats, params: Params, values: Floats | None = None) -> Reading:
    """Read rows of shape (len(Column), n), each by itself. The values are written into `values`, when it is given."""
    (done, failed, progress, elapsed, prior, periods, exposure, silence, voices, donors) = rows[: Column.ANSWERED]
    (answered, unanswered, mask, ok, bad, days, reports_open, reports_upheld, donor) = rows[
        Column.ANSWERED : Column.HELD
    ]
    shape = (len(FACTORS), rows.shape[1])
    values = np.empty(shape) if values is None else values
    completion, updates, engagement, verification, history = values
    variances, known = np.empty(shape), np.empty(shape)

    # Weights: a person without campaigns owes no updates, the other factors share their weight.
    weights = np.where(donor > 0, *_weights(params))

    # Completion: shrunk towards the category's own rate.
    rate = np.minimum(np.maximum(prior, params.completion_prior_floor), params.completion_prior_ceiling)
    rate = np.where(prior > 0, rate, params.completion_prior)
    record = done + failed + elapsed
    mass = params.completion_prior_mass
    np.divide(done + np.minimum(progress, 1.0) * elapsed + mass * rate, record + mass, out=completion)
    _spread(completion, record, mass, variances[0])
    _known(record, mass, known[0])

    # Updates: regular, and not silent since.
    mass = params.update_prior_mass
    regular = np.minimum(1.0, (periods + mass * params.update_prior) / (exposure + mass))
    fresh = np.exp2(-silence)
    np.multiply(regular, fresh, out=updates)
    _spread(regular, exposure, mass, variances[1])
    variances[1] *= fresh * fresh
    _known(exposure, mass, known[1])

    # Engagement: independent voices, answers, no concentration.
    share = params.reach_share
    reach = 1.0 - np.exp2(voices / -params.reach_half)
    asked = answered + unanswered
    mass = params.response_prior_mass
    response = (answered + mass * params.response_prior) / (asked + mass)
    _known(voices + asked, mass, known[2])
    _spread(reach, voices, params.reach_half, variances[2])
    variances[2] *= share * share
    variances[2] += (1.0 - share) * (1.0 - share) * _spread(response, asked, mass)
    mass = params.independence_mass
    independent = np.minimum(1.0, (voices * (1.0 + params.concentration_free) + mass) / (donors + mass))
    np.multiply(independent, share * reach + (1.0 - share) * response, out=engagement)
    variances[2] *= independent * independent

    # Verification: a table of 256 sums.
    items = mask.astype(np.int64) & 0xFF
    for table, found in zip(_item_tables(params), (verification, variances[3], known[3]), strict=True):
        table.take(items, out=found, mode="clip")

    # History: clean money, time, reports. Unreviewed reports are bounded in points, whatever the weight of history is.
    mass = params.clean_prior_mass
    settled = ok + bad
    blemish = (bad + mass * params.clean_prior) / (settled + mass) / params.clean_pivot
    clean = 1.0 / (1.0 + blemish * np.sqrt(blemish))
    tenure = 1.0 - params.tenure_gap * np.exp2(days / -params.tenure_half_life)
    depth = params.report_points / (100.0 * weights[4])
    unreported = 1.0 - depth * (1.0 - np.exp2(reports_open / -params.report_half))
    unblamed = np.exp2(-reports_upheld)
    np.multiply(clean * tenure * unreported, unblamed, out=history)
    _spread(history, settled, mass, variances[4])
    _known(settled + days / params.tenure_days_per_observation, mass, known[4])

    terms = Terms(record, regular, fresh, reach, response, independent, clean, tenure, unreported, unblamed)
    return Reading(weights, values, variances, known, items, terms)


@lru_cache(maxsize=16)
def _weights(params: Params) -> tuple[Floats, Floats]:
    """The weights of who owes no updates, and those of everybody else, (5, 1)."""
    base = np.array(params.weights)[:, None]
    without = base / (1.0 - base[1])
    without[1] = 0.0
    return without, base


@lru_cache(maxsize=16)
def _item_tables(params: Params) -> tuple[Floats, Floats, Floats]:
    """For every mask of verifications: the value, its variance and how much is known."""
    masks = np.arange(1 << len(ITEMS))
    bits = (masks[:, None] >> np.arange(len(ITEMS))) & 1
    value, held = bits @ np.array(params.items), bits.sum(axis=1).astype(np.float64)
    return value, _spread(value, held, params.item_prior_mass), _known(held, params.item_prior_mass)


def _spread(value: Floats, observed: Floats, mass: float, into: Floats | None = None) -> Floats:
    """The variance of a rate after so many observations on a prior of that mass (Beta)."""
    spread: Floats = np.divide(value * (1.0 - value), observed + mass + 1.0, out=into)
    return spread


def _known(observed: Floats, mass: float, into: Floats | None = None) -> Floats:
    """How much of a rate is evidence and not prior, 0-1."""
    known: Floats = np.divide(observed, observed + mass, out=into)
    return known
