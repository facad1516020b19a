"""The kernel: feature rows in, scores out. Pure and vectorised; no clock, no database, no randomness.

Points are counted in whole units of 1/1024 point. Such numbers are exact in binary floating point *and* in decimal
notation, so the printed contributions plus the cap adjustment are the printed score in whichever arithmetic one adds.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from trust_svc.scoring.engine import card
from trust_svc.scoring.engine.columns import WIDTH, Column, Floats, Units
from trust_svc.scoring.engine.factors import Reading, Terms, read
from trust_svc.scoring.engine.params import FULL, IDENTITY, UNITS_PER_POINT, Params

# So many rows at once stay in the processor's cache with all that is made of them.
CHUNK = 4096


@dataclass(frozen=True, slots=True)
class Scores:
    """What the kernel found for n entities. Arrays of units are whole numbers of 1/1024 point.

    `values`, `weights`, `contributions`, `deviations` are (5, n) in the order of FACTORS. Always, exactly:
    `contributions.sum(axis=0) + cap_adjustment == score`, `0 <= lower <= score <= cap`.
    """

    values: Floats
    weights: Floats
    contributions: Units
    deviations: Floats  # standard deviation of each contribution, in points
    cap: Units
    cap_adjustment: Units
    score: Units
    lower: Units
    deviation: Floats  # standard deviation in points
    confidence: Floats  # 0-1
    rated: np.ndarray[tuple[int], np.dtype[np.bool_]]
    tier: Units  # index into TIERS, by lower edge, without memory
    items: Units
    held: np.ndarray[tuple[int], np.dtype[np.bool_]]
    terms: Terms


def points(units: int) -> float:
    """Units as points; exact."""
    return int(units) / UNITS_PER_POINT


def score(rows: Floats, params: Params) -> Scores:
    """Score a matrix of shape (len(Column), n), see `as_matrix`.

    Each entity's result depends on its own row alone: order and chunking change no bit. Raises ValueError when an input
    is not finite or negative.
    """
    if rows.ndim != 2 or rows.shape[0] != WIDTH:
        raise ValueError(f"expected {WIDTH} lines of inputs")
    count = rows.shape[1]
    first = _scored(rows[:, :CHUNK], params)
    if count <= CHUNK:
        return first
    whole: Scores = _room(first, count)
    _put(whole, first, 0)
    for begin in range(CHUNK, count, CHUNK):
        _put(whole, _scored(rows[:, begin : begin + CHUNK], params), begin)
    return whole


def _scored(rows: Floats, params: Params) -> Scores:
    # A sum is not finite when one of its inputs is not; a minimum is NaN when one of them is.
    if rows.size and not (rows.min() >= 0 and np.isfinite(rows.max())):
        raise ValueError("features are finite and never negative")
    return _weighed(rows, read(rows, params), params)


def _weighed(rows: Floats, reading: Reading, params: Params) -> Scores:
    """From factors to points: contributions, caps, interval, confidence."""
    weights, values, terms = reading.weights, reading.values, reading.terms
    # How much is known does not depend on what it is worth.
    confidence = (weights * reading.known).sum(axis=0)
    contributions = np.rint(weights * values * FULL).astype(np.int64)
    if params.card:
        weights, values, contributions = card.read(rows, reading, params)
    total = contributions.sum(axis=0)
    cap = _cap(rows, reading, params)
    final = np.minimum(total, cap)
    variances = weights**2 * reading.variances
    deviation = 100.0 * np.sqrt(variances.sum(axis=0))
    lower = np.clip(np.floor(final - params.lower_z * deviation * UNITS_PER_POINT), 0, final).astype(np.int64)
    edges = np.array([int(edge * UNITS_PER_POINT) for edge in params.tiers])
    return Scores(
        values=values,
        weights=weights,
        contributions=contributions,
        deviations=100.0 * np.sqrt(variances),
        cap=cap,
        cap_adjustment=final - total,
        score=final,
        lower=lower,
        deviation=deviation,
        confidence=confidence,
        rated=confidence >= params.confidence_floor,
        tier=np.searchsorted(edges, final, side="right").astype(np.int64) - 1,
        items=reading.items,
        held=rows[Column.HELD] > 0,
        terms=terms,
    )


def _cap(rows: Floats, reading: Reading, params: Params) -> Units:
    """The lowest cap that holds: no identity, something upheld, an active hold."""
    identified = (reading.items >> IDENTITY) & 1 == 1
    upheld = np.floor((100.0 - params.upheld_cap_depth * (1.0 - reading.terms.unblamed)) * UNITS_PER_POINT)
    cap = np.minimum(np.where(identified, FULL, cap_units(params.identity_cap)), upheld.astype(np.int64))
    return np.minimum(cap, np.where(rows[Column.HELD] > 0, cap_units(params.hold_cap), FULL))


def cap_units(cap: float) -> int:
    """A cap of the parameters in units."""
    return int(cap * UNITS_PER_POINT)


def _room(part: Any, count: int) -> Any:
    """Arrays like those of `part`, for so many entities."""
    made = {}
    for field in fields(part):
        value = getattr(part, field.name)
        nested = is_dataclass(value)
        made[field.name] = _room(value, count) if nested else np.empty((*value.shape[:-1], count), value.dtype)
    return type(part)(**made)


def _put(whole: Any, part: Any, begin: int) -> None:
    for field in fields(part):
        value, room = getattr(part, field.name), getattr(whole, field.name)
        if is_dataclass(value):
            _put(room, value, begin)
        else:
            room[..., begin : begin + value.shape[-1]] = value
