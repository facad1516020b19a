"""The kernel: feature rows in, scores out. Pure and vectorised; no clock, no database, no randomness.

Points are counted in whole units of 1/1024 point. Such numbers are exact in binary floating point *and* in decimal
notation, so the printed contributions plus the cap adjustment are the printed score in whichever arithmetic one adds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from trust_svc.scoring.engine import card
from trust_svc.scoring.engine.columns import WIDTH, Column, Floats, Units
from trust_svc.scoring.engine.factors import Reading, Terms, read
from trust_svc.scoring.engine.params import FACTORS, FULL, IDENTITY, UNITS_PER_POINT, Params

# So many rows at once stay in the processor's cache with all that is made of them.
CHUNK = 8192
Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]


@dataclass(frozen=True)
class Scores:
    """What the kernel found for n entities. Arrays of units are whole numbers of 1/1024 point.

    `values`, `weights`, `contributions`, `deviations` are (5, n) in the order of FACTORS. Always, exactly:
    `contributions.sum(axis=0) + cap_adjustment == score`, `0 <= lower <= score <= cap`.

    What only an explanation needs (from `weights` on) is read from the rows once more when somebody asks.
    """

    values: Floats
    contributions: Units
    cap: Units
    cap_adjustment: Units
    score: Units
    lower: Units
    deviation: Floats  # standard deviation in points
    confidence: Floats  # 0-1
    rated: Flags
    tier: Units  # index into TIERS, by lower edge, without memory
    rows: Floats = field(repr=False)
    params: Params = field(repr=False)

    @cached_property
    def reading(self) -> Reading:
        return read(self.rows, self.params)

    @cached_property
    def weights(self) -> Floats:
        return card.weights(self.rows, self.params) if self.params.card else self.reading.weights

    @cached_property
    def deviations(self) -> Floats:
        """Standard deviation of each contribution, in points."""
        return 100.0 * np.sqrt(self.weights**2 * self.reading.variances)

    @property
    def terms(self) -> Terms:
        return self.reading.terms

    @property
    def items(self) -> Units:
        return self.reading.items

    @property
    def held(self) -> Flags:
        held: Flags = self.rows[Column.HELD] > 0
        return held


def points(units: int) -> float:
    """Units as points; exact."""
    return int(units) / UNITS_PER_POINT


def score(rows: Floats, params: Params) -> Scores:
    """Score a matrix of shape (len(Column), n), see `as_matrix`; nobody changes it afterwards.

    Each entity's result depends on its own row alone: order and chunking change no bit. Raises ValueError when an input
    is not finite or negative.
    """
    if rows.ndim != 2 or rows.shape[0] != WIDTH:
        raise ValueError(f"expected {WIDTH} lines of inputs")
    whole = _room(rows, params)
    for begin in range(0, rows.shape[1], CHUNK):
        _fill(whole, slice(begin, begin + CHUNK))
    return whole


def _room(rows: Floats, params: Params) -> Scores:
    """Scores that are still to be filled."""
    count = rows.shape[1]
    return Scores(
        values=np.empty((len(FACTORS), count)),
        contributions=np.empty((len(FACTORS), count), np.int64),
        cap=np.empty(count, np.int64),
        cap_adjustment=np.empty(count, np.int64),
        score=np.empty(count, np.int64),
        lower=np.empty(count, np.int64),
        deviation=np.empty(count),
        confidence=np.empty(count),
        rated=np.empty(count, np.bool_),
        tier=np.empty(count, np.int64),
        rows=rows,
        params=params,
    )


def _fill(whole: Scores, some: slice) -> None:
    """From rows to points for some of the entities: factors, contributions, caps, interval, confidence.

    Units are counted in floating point on the way, where whole numbers of this size are exact.
    """
    rows, params, values = whole.rows[:, some], whole.params, whole.values[:, some]
    # A sum is not finite when one of its inputs is not; a minimum is NaN when one of them is.
    if not (rows.min() >= 0 and np.isfinite(rows.max())):
        raise ValueError("features are finite and never negative")
    reading = read(rows, params, values)
    weights = reading.weights
    # How much is known does not depend on what it is worth.
    confidence = np.sum(weights * reading.known, axis=0, out=whole.confidence[some])
    if params.card:
        weights, values[:], whole_units = card.read(rows, reading, params)
        units = whole_units.astype(np.float64)
    else:
        units = weights * values
        units *= FULL
        np.rint(units, out=units)
    total = units.sum(axis=0)
    cap = _cap(rows, reading, params)
    final = np.minimum(total, cap)

    variances = np.square(weights, out=weights)
    variances *= reading.variances
    deviation = np.sqrt(variances.sum(axis=0), out=whole.deviation[some])
    deviation *= 100.0
    lower = np.floor(final - params.lower_z * deviation * UNITS_PER_POINT)

    whole.contributions[:, some] = units
    whole.cap[some] = cap
    whole.cap_adjustment[some] = final - total
    whole.score[some] = final
    whole.lower[some] = np.maximum(lower, 0.0)
    whole.rated[some] = confidence >= params.confidence_floor
    whole.tier[some] = _tier(final, params)


def _cap(rows: Floats, reading: Reading, params: Params) -> Floats:
    """The lowest cap that holds, in units: no identity, something upheld, an active hold."""
    identified = (reading.items & (1 << IDENTITY)) > 0
    cap = np.floor((100.0 - params.upheld_cap_depth * (1.0 - reading.terms.unblamed)) * UNITS_PER_POINT)
    np.minimum(cap, np.where(identified, float(FULL), float(cap_units(params.identity_cap))), out=cap)
    return np.minimum(cap, np.where(rows[Column.HELD] > 0, float(cap_units(params.hold_cap)), float(FULL)), out=cap)


def _tier(final: Floats, params: Params) -> Units:
    """How many of the lower edges are reached, less one."""
    edges = np.array([int(edge * UNITS_PER_POINT) for edge in params.tiers], dtype=np.float64)
    # Five comparisons of everything are cheaper than a search for each.
    reached: Units = (final >= edges[:, None]).sum(axis=0, dtype=np.int8).astype(np.int64)
    return reached - 1


def cap_units(cap: float) -> int:
    """A cap of the parameters in units."""
    return int(cap * UNITS_PER_POINT)
