"""The card: points for terms inside the five factors, as calibration fits them. Pure.

Every term is 0-1 and rises only with what is good. A term is cut into steps; each step has its own points, none of them
negative, so that whatever is fitted the score rises with every term. A factor's contribution is the sum of the points of
its terms, in whole units.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trust_svc.scoring.engine.columns import Column, Floats, Units
from trust_svc.scoring.engine.factors import Reading
from trust_svc.scoring.engine.params import FACTORS, FULL, ITEMS, Params

COMPLETION, UPDATES, ENGAGEMENT, VERIFICATION, HISTORY = range(len(FACTORS))
_EVEN = (0.0, 0.25, 0.5, 0.75, 1.0)
# Most of these terms' life happens near the top.
_HIGH = (0.0, 0.5, 0.75, 0.9, 1.0)
_WHOLE = (0.0, 1.0)
_HALVES = (0.0, 0.5, 1.0)


@dataclass(frozen=True)
class Term:
    """A term and where its steps begin and end."""

    name: str
    factor: int
    edges: tuple[float, ...]

    @property
    def steps(self) -> int:
        return len(self.edges) - 1


TERMS = (
    Term("delivered", COMPLETION, _EVEN),
    Term("shown", COMPLETION, _EVEN),
    Term("proven", COMPLETION, _EVEN),
    Term("unfailed", COMPLETION, _EVEN),
    Term("paced", COMPLETION, _EVEN),
    Term("regular", UPDATES, _EVEN),
    Term("fresh", UPDATES, _EVEN),
    Term("diligent", UPDATES, _EVEN),
    Term("present", UPDATES, _EVEN),
    Term("reach", ENGAGEMENT, _EVEN),
    Term("response", ENGAGEMENT, _EVEN),
    Term("timely", ENGAGEMENT, _EVEN),
    Term("independent", ENGAGEMENT, _HIGH),
    Term("apart", ENGAGEMENT, _EVEN),
    Term("contact", VERIFICATION, _HALVES),
    *(Term(item, VERIFICATION, _WHOLE) for item in ITEMS[2:]),
    Term("unlapsed", VERIFICATION, _HALVES),
    Term("clean", HISTORY, _EVEN),
    Term("unblemished", HISTORY, _EVEN),
    Term("undisputed", HISTORY, _EVEN),
    Term("settled", HISTORY, _EVEN),
    Term("tenure", HISTORY, _EVEN),
    Term("prepared", HISTORY, _EVEN),
    Term("unreported", HISTORY, _WHOLE),
    Term("unblamed", HISTORY, _HIGH),
)
# The term of every step, and where it begins and ends.
STEP_TERMS = np.repeat(np.arange(len(TERMS)), [term.steps for term in TERMS])
_LOW = np.array([edge for term in TERMS for edge in term.edges[:-1]])
_TOP = np.array([edge for term in TERMS for edge in term.edges[1:]])
STEPS = len(STEP_TERMS)
# The step that unreviewed reports cost.
UNREPORTED = int(np.flatnonzero([term.name for term in TERMS].index("unreported") == STEP_TERMS)[0])
STEP_FACTORS = np.array([TERMS[at].factor for at in STEP_TERMS])
_FIRST_STEPS = np.searchsorted(STEP_FACTORS, np.arange(len(FACTORS)))


def terms(rows: Floats, reading: Reading, params: Params) -> Floats:
    """The terms of n rows, (len(TERMS), n)."""
    found = [
        *_completion(rows, params),
        *_updates(rows, reading),
        *_engagement(rows, reading),
        *_verification(rows, reading),
        *_history(rows, reading, params),
    ]
    return np.stack(found)


def _completion(rows: Floats, params: Params) -> list[Floats]:
    done, failed, progress, elapsed = rows[Column.DONE : Column.PRIOR]
    rate = np.clip(rows[Column.PRIOR], params.completion_prior_floor, params.completion_prior_ceiling)
    rate = np.where(rows[Column.PRIOR] > 0, rate, params.completion_prior)
    shown = np.minimum(progress, 1.0) * elapsed
    return [
        (done + 2.0 * rate) / (done + failed + 2.0),
        (shown + 0.5 * rate) / (elapsed + 0.5),
        done / (done + 1.0),
        np.exp2(-failed),
        np.minimum(1.0, (shown + 0.1) / (elapsed + 0.15)),
    ]


def _updates(rows: Floats, reading: Reading) -> list[Floats]:
    posted, lived, quiet = rows[Column.POSTED : Column.PREPARED]
    return [
        reading.terms.regular,
        reading.terms.fresh,
        np.minimum(1.0, (posted + 0.8) / (lived + 2.0)),
        1.0 - np.minimum(1.0, quiet),
    ]


def _engagement(rows: Floats, reading: Reading) -> list[Floats]:
    timely, untimely = rows[Column.TIMELY : Column.POSTED]
    return [
        reading.terms.reach,
        reading.terms.response,
        (timely + 1.2) / (timely + untimely + 2.0),
        reading.terms.independent,
        np.minimum(1.0, (rows[Column.VOICES] + 0.3) / (rows[Column.DONORS] + 0.3)),
    ]


def _verification(rows: Floats, reading: Reading) -> list[Floats]:
    bits = [((reading.items >> at) & 1).astype(np.float64) for at in range(len(ITEMS))]
    # What holds has not lapsed.
    lapsed = np.minimum(rows[Column.LAPSED], len(ITEMS) - sum(bits))
    return [(bits[0] + bits[1]) / 2.0, *bits[2:], np.exp2(-lapsed)]


def _history(rows: Floats, reading: Reading, params: Params) -> list[Floats]:
    ok, bad, days, reports = rows[Column.OK : Column.REPORTS_UPHELD]
    return [
        reading.terms.clean,
        np.exp2(-bad / 3.0),
        1.0 / (1.0 + 25.0 * (bad + 0.15) / (ok + bad + 8.0)),
        ok / (ok + 15.0),
        1.0 - np.exp2(-days / 180.0),
        1.0 - np.exp2(-rows[Column.PREPARED] / 180.0),
        np.exp2(-reports / params.report_half),
        reading.terms.unblamed,
    ]


def steps(found: Floats) -> Floats:
    """How much of every step is reached, (STEPS, n)."""
    reached: Floats = np.clip((found[STEP_TERMS] - _LOW[:, None]) / (_TOP - _LOW)[:, None], 0.0, 1.0)
    return reached


def factor_points(card: Floats) -> Floats:
    """What each factor is worth by this card, in points."""
    worth: Floats = np.bincount(STEP_FACTORS, weights=card, minlength=len(FACTORS)).astype(np.float64)
    return worth


def weights(rows: Floats, params: Params) -> Floats:
    """What each factor is worth of everything, (5, n). Updates are not owed by a donor."""
    worth = factor_points(np.array(params.card))
    others = 100.0 - worth[UPDATES]
    without = np.where(np.arange(len(FACTORS)) == UPDATES, 0.0, worth / others if others else 0.0)
    return np.where(rows[Column.DONOR] > 0, without[:, None], (worth / 100.0)[:, None])


def read(rows: Floats, reading: Reading, params: Params) -> tuple[Floats, Floats, Units]:
    """(weights, values, contributions) of n rows by the card, each (5, n). Updates are not owed by a donor."""
    card = np.array(params.card)
    reached = steps(terms(rows, reading, params))
    others = 100.0 - factor_points(card)[UPDATES]
    owed = np.where(STEP_FACTORS == UPDATES, 0.0, 100.0 / others if others else 0.0)
    price = card[:, None] * np.where(rows[Column.DONOR] > 0, owed[:, None], 1.0)
    # Unreviewed reports are bounded in points, whatever was fitted.
    price[UNREPORTED] = np.minimum(price[UNREPORTED], params.report_points)
    units = np.rint(price * reached * (FULL / 100.0)).astype(np.int64)
    # The steps of a factor are neighbours.
    contributions = np.add.reduceat(units, _FIRST_STEPS, axis=0)
    shares = weights(rows, params)
    room = np.where(shares > 0, shares, 1.0) * FULL
    return shares, np.minimum(1.0, contributions / room), contributions
