"""How pressing a case is, when it is due, and what opens one. Pure: the time and everything known is passed in."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

Outcome = Literal["confirmed", "valuable", "false"]
Verdict = Literal["upheld", "dismissed"]

# What can bring a campaign or a person before us, in words for staff, and how much it weighs. A report's weight follows
# from its kind and its reporter; these are of signals, which nobody can send at will.
SIGNALS: dict[str, tuple[str, float]] = {
    "report": ("Reported", 0.0),
    "dispute_opened": ("A bank asks a gift back", 2.0),
    "dispute_lost": ("A dispute was lost", 4.0),
    "early_warning": ("The card network warns of fraud", 3.0),
    "refunds": ("Several gifts given back for cause", 3.0),
    "score_low": ("The score fell below the floor", 2.0),
    "score_fell": ("The score fell steeply", 1.5),
    "hold": ("Put on hold", 3.0),
    "appeal": ("An appeal was filed", 2.0),
}
# What a decision itself brings about, or what was just judged: soon after a case was closed it opens no other one.
COOLED = frozenset({"refunds", "score_low", "score_fell", "hold"})
COOLDOWN = timedelta(days=7)
# Older things, told late or imported, are history and open no case.
FRESH = timedelta(days=30)

# Rated scores below it are looked at: the edge of the lowest tier.
FLOOR = 25.0
# So many points within so long are a steep fall.
STEEP, STEEP_WITHIN = 10.0, timedelta(days=7)
# So many gifts given back for cause within so long are no accident.
BURST, BURST_WITHIN = 3, timedelta(days=7)

SEVERITY = {"fraud": 4.0, "misleading": 3.0, "inappropriate": 2.0, "spam": 1.0, "other": 2.0}
# All reports together weigh less than so much, however many they are: a brigade is one voice among others.
LOUDEST = 3.0
# Of who has no decided report yet: as if two had been decided, and so many of them upheld.
REPORTER_PRIOR, REPORTER_PRIOR_MASS = 0.8, 2.0
UNKNOWN_STANDING = 0.6

# The promise to people: a report of fraud is answered within a day.
DUE_URGENT, DUE = timedelta(hours=24), timedelta(hours=72)
URGENT = frozenset({"dispute_opened", "dispute_lost", "early_warning"})

# Money in pounds, to order by and never to pay by: a fixed table, so that the order of a queue does not move with a market.
REFERENCE = "GBP"
RATES = {
    "GBP": Decimal(1),
    "EUR": Decimal("0.86"),
    "USD": Decimal("0.79"),
    "CAD": Decimal("0.58"),
    "AUD": Decimal("0.52"),
    "NZD": Decimal("0.48"),
    "CHF": Decimal("0.90"),
    "SEK": Decimal("0.075"),
    "NOK": Decimal("0.074"),
    "DKK": Decimal("0.115"),
    "PLN": Decimal("0.20"),
    "JPY": Decimal("0.0053"),
    "INR": Decimal("0.0094"),
    "KES": Decimal("0.0061"),
    "NGN": Decimal("0.0005"),
    "ZAR": Decimal("0.043"),
    "BRL": Decimal("0.14"),
    "MXN": Decimal("0.042"),
}
# A campaign that holds no money yet can still do harm: without this all of them would stand at zero, in no order.
LEAST_MONEY = 100.0


@dataclass(frozen=True, slots=True)
class Standing:
    """What a score says: points, standard deviation in points, whether it is rated."""

    score: float
    deviation: float
    rated: bool


# The chance of a campaign that nobody has scored.
UNSCORED = 0.2
# Where a score makes bad as likely as good, and how fast that changes.
_MIDDLE, _SLOPE = 35.0, 10.0


def probability(standing: Standing | None, risk: tuple[float, float] | None = None) -> float:
    """The chance that it turns out bad, 0-1: higher for a lower score.

    With the live parameters' `risk` (a, b) it is 1/(1 + exp(a + b·score)), as calibrated on decided cases. Without, it is a
    logistic curve around 35 points, flattened by the score's own uncertainty: who is little known is neither safe nor
    condemned.
    """
    if standing is None:
        return UNSCORED
    if risk is not None:
        return _logistic(-(risk[0] + risk[1] * standing.score))
    flat = math.sqrt(1.0 + math.pi / 8.0 * (standing.deviation / _SLOPE) ** 2)
    return _logistic((_MIDDLE - standing.score) / _SLOPE / flat)


def _logistic(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, x))))


def in_reference(amount: Decimal, currency: str) -> Decimal:
    """An amount in the reference currency; one that the table does not name counts as it is."""
    return amount * RATES.get(currency, Decimal(1))


def credibility(standing: float | None, upheld: int, dismissed: int) -> float:
    """How much a reporter's word weighs, 0-1: their upheld share times their own standing."""
    known = UNKNOWN_STANDING if standing is None else min(1.0, max(0.0, standing))
    share = (REPORTER_PRIOR + upheld) / (REPORTER_PRIOR_MASS + upheld + dismissed)
    return share * (0.25 + 0.75 * known)


def band(credible: float) -> str:
    """A reporter's credibility in a word; the number is nobody's business."""
    if credible < 0.2:
        return "weak"
    return "strong" if credible >= 0.45 else "ordinary"


def mass(reports: Iterable[float], signals: Iterable[float]) -> float:
    """The credible mass of a case. Each further report adds less than the one before, and never more than LOUDEST in all."""
    said = math.fsum(sorted(reports))
    return LOUDEST * (1.0 - math.exp2(-said / LOUDEST)) + math.fsum(sorted(signals))


def harm(chance: float, open_money: float, credible_mass: float) -> float:
    """Expected harm, what the queue is ordered by: P(bad) × open money × credible mass."""
    return round(chance * (max(0.0, open_money) + LEAST_MONEY) * credible_mass, 2)


def is_urgent(kind: str, report_kind: str = "") -> bool:
    return kind in URGENT or report_kind == "fraud"


def due_at(at: datetime, *, urgent: bool) -> datetime:
    """Until when somebody decides."""
    return at + (DUE_URGENT if urgent else DUE)


def opens(kind: str, at: datetime, *, closed_at: datetime | None, now: datetime) -> bool:
    """Whether this opens a case where none is open; `closed_at` is when the last one about it was closed."""
    if at < now - FRESH and kind != "report":
        return False
    return not (kind in COOLED and closed_at is not None and now < closed_at + COOLDOWN)
