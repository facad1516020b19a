"""What an override makes of an assessment, how far it goes, and when that takes two people. Pure.

Always, exactly: the contributions plus the cap adjustment are the score. An override of the score puts the whole difference
into the cap adjustment; one of a factor replaces its contribution, and then the caps count as ever; one of the tier changes
the shown tier alone. Points are multiples of 1/1024.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from trust_svc.scoring.engine import FACTORS, TIERS

if TYPE_CHECKING:
    from trust_svc.scoring.assessment import Assessment

What = Literal["score", "tier", "factor"]

# Why staff set something by hand. `other` has to be told at more length.
REASONS: dict[str, str] = {
    "wrong_evidence": "The evidence is wrong or belongs to somebody else",
    "missing_evidence": "Something we know is not in the evidence",
    "investigation": "An investigation is going on",
    "appeal": "An appeal was granted",
    "harm": "To keep donors from harm",
    "other": "Another reason (the note says which)",
}
SHORT, LONG, LONGEST = 10, 40, 1000
DAYS, MOST_DAYS = 30, 180
# So many points one person moves alone.
ALONE = 20.0

WAITING, ACTIVE, ENDED, REJECTED, WITHDRAWN = "waiting", "active", "ended", "rejected", "withdrawn"
STATES = (WAITING, ACTIVE, ENDED, REJECTED, WITHDRAWN)
MOVES = frozenset({(WAITING, ACTIVE), (WAITING, REJECTED), (WAITING, WITHDRAWN), (ACTIVE, ENDED)})
BECAUSE = ("expired", "revoked", "replaced")

# The reasons that stand for an override in a score's own reasons.
SET_SCORE, SET_FACTOR, CAPPED = "O1", "O2", "O3"
_HELP = "Ask for another look; the calculation goes on meanwhile"
TEXTS: dict[str, tuple[str, str]] = {
    SET_SCORE: ("Our staff set this score by hand for a time", _HELP),
    SET_FACTOR: ("Our staff set this part by hand for a time", _HELP),
    CAPPED: ("A cap limits the score", "What stands behind the cap has to be settled first"),
}
# More reasons than four help nobody, and less than a point is noise: the engine's own rule.
MOST_REASONS, LEAST = 4, 1.0
UNITS = 1024


@dataclass(frozen=True, slots=True)
class Wish:
    """What is set by hand: points 0-100 of a score, 0-1 of a factor, or a tier.

    `over_cap` is the lowest cap that two people agreed to go over; a lower one that comes later counts all the same.
    """

    what: What
    value: float | None = None
    tier: str | None = None
    factor: str | None = None
    over_cap: float | None = None


@dataclass(frozen=True, slots=True)
class InForce:
    """An override that counts at present."""

    id: UUID
    wish: Wish
    until: datetime


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a wish goes: points of change, and whether it goes over a cap."""

    change: float
    over_cap: bool

    @property
    def takes_two(self) -> bool:
        return self.over_cap or self.change > ALONE


def problems(wish: Wish, *, reason: str, note: str, days: int) -> list[dict[str, str]]:
    """What is wrong with the words of an override: `{pointer, message}`; empty when nothing is."""
    found = []
    highest = 100 if wish.what == "score" else 1
    if wish.what != "tier" and (wish.value is None or not 0 <= wish.value <= highest):
        found.append({"pointer": "#/value", "message": f"lies between 0 and {highest}"})
    if wish.what == "tier" and wish.tier not in TIERS:
        found.append({"pointer": "#/tier", "message": f"is one of {', '.join(TIERS)}"})
    if wish.what == "factor" and wish.factor not in FACTORS:
        found.append({"pointer": "#/factor", "message": f"is one of {', '.join(FACTORS)}"})
    if reason not in REASONS:
        found.append({"pointer": "#/reason", "message": f"is one of {', '.join(REASONS)}"})
    least = LONG if reason == "other" else SHORT
    if not least <= len(note.strip()) <= LONGEST:
        found.append({"pointer": "#/note", "message": f"has between {least} and {LONGEST} characters"})
    if not 1 <= days <= MOST_DAYS:
        found.append({"pointer": "#/days", "message": f"lies between 1 and {MOST_DAYS}"})
    return found


def exact(value: float) -> float:
    """Points as the nearest multiple of 1/1024."""
    return round(value * UNITS) / UNITS


def ends_at(start: datetime, days: int) -> datetime:
    return start + timedelta(days=days)


def may_move(before: str, after: str) -> bool:
    return (before, after) in MOVES


def limit(wish: Wish, cap: float) -> float:
    """Up to which score a wish counts under this cap: all of it, when two people agreed to go over a cap that low."""
    return 100.0 if wish.over_cap is not None and cap >= wish.over_cap else cap


def applied(found: Assessment, wish: Wish) -> Assessment:
    """What is shown instead of what was calculated. A tier changes no points: ask `shown_tier` for it."""
    if wish.what == "score":
        return _with_score(found, wish)
    if wish.what == "factor":
        return _with_factor(found, wish)
    return replace(found, rated=True)


def shown_tier(found: Assessment, wish: Wish, edges: Sequence[float]) -> str | None:
    """The tier that is set by hand, no higher than the cap lets it be; None when none is. `edges` are the tiers' lower ones."""
    if wish.what != "tier" or wish.tier is None:
        return None
    highest = max(index for index, edge in enumerate(edges) if edge <= limit(wish, found.cap))
    return TIERS[min(TIERS.index(wish.tier), highest)]


def reach(found: Assessment, wish: Wish, edges: Sequence[float]) -> Reach:
    """How far a wish goes from what was calculated. A tier is as far away as its nearest edge."""
    if wish.what == "score":
        value = exact(wish.value or 0.0)
        return Reach(abs(value - found.score), value > found.cap)
    if wish.what == "factor":
        after = _with_factor(found, wish)
        # What a cap hides today shows tomorrow, so the factor's own points count as well.
        own = sum(one["contribution"] for one in after.factors) - sum(one["contribution"] for one in found.factors)
        return Reach(max(abs(own), abs(after.score - found.score)), over_cap=False)
    at = TIERS.index(wish.tier or TIERS[0])
    low, high = edges[at], edges[at + 1] if at + 1 < len(edges) else 100.0
    return Reach(max(low - found.score, found.score - high, 0.0), low > found.cap)


def farther(*reaches: Reach) -> Reach:
    """The longest way, and over a cap if one of them goes over one."""
    return Reach(max(each.change for each in reaches), any(each.over_cap for each in reaches))


def _with_score(found: Assessment, wish: Wish) -> Assessment:
    score = exact(min(wish.value or 0.0, limit(wish, found.cap)))
    total = sum(one["contribution"] for one in found.factors)
    said = _reason(SET_SCORE, None, max(0.0, total - score))
    # No repair moves what is set by hand.
    others = [one | {"gain": 0.0} for one in found.reasons if one["factor"] is not None]
    return replace(
        found,
        score=score,
        lower=_lower(found, score),
        rated=True,
        cap_adjustment=score - total,
        reasons=[said, *others][:MOST_REASONS],
    )


def _with_factor(found: Assessment, wish: Wish) -> Assessment:
    factors = [_set(one, wish.value or 0.0) if one["name"] == wish.factor else one for one in found.factors]
    total = sum(one["contribution"] for one in factors)
    score = min(total, found.cap)
    capped = [one | {"points": total - score} for one in found.reasons if one["factor"] is None]
    capped = (capped or [_reason(CAPPED, None, total - score)]) if total > score else []
    mine = next(one for one in factors if one["name"] == wish.factor)
    short = exact(100 * mine["weight"]) - mine["contribution"]
    others = [one for one in found.reasons if one["factor"] not in (None, wish.factor)]
    if short > LEAST:
        others.append(_reason(SET_FACTOR, wish.factor, short))
    others.sort(key=lambda one: -one["points"])
    return replace(
        found,
        score=score,
        lower=_lower(found, score),
        cap_adjustment=score - total,
        factors=factors,
        reasons=[*capped, *others][:MOST_REASONS],
    )


def _set(factor: dict[str, Any], value: float) -> dict[str, Any]:
    return factor | {"value": round(value, 6), "contribution": exact(100 * factor["weight"] * value)}


def _lower(found: Assessment, score: float) -> float:
    """The interval keeps its width and moves along."""
    return max(0.0, score - (found.score - found.lower))


def _reason(code: str, factor: str | None, points: float) -> dict[str, Any]:
    text, helps = TEXTS[code]
    return {"code": code, "factor": factor, "points": points, "text": text, "help": helps, "gain": None}
