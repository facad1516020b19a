"""What an override makes of an assessment: the sum stays exact, the bounds hold, and what was calculated is not touched."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trust_svc.overrides import rules
from trust_svc.overrides.rules import Wish
from trust_svc.scoring.assessment import Assessment
from trust_svc.scoring.engine import FACTORS, TIERS, V1, V3

UNITS = 1024
WEIGHTS = dict(zip(FACTORS, V1.weights, strict=True))
EDGES = V3.tiers


def an_assessment(values: tuple[float, ...], cap: int = 100 * UNITS, *, width: int = 5000) -> Assessment:
    """What the engine would say of factors worth so much under a cap (in 1/1024 points)."""
    points = {
        name: round(100 * WEIGHTS[name] * value * UNITS) / UNITS for name, value in zip(FACTORS, values, strict=True)
    }
    factors: list[dict[str, Any]] = [
        {"name": name, "value": value, "weight": WEIGHTS[name], "contribution": points[name]}
        for name, value in zip(FACTORS, values, strict=True)
    ]
    total = sum(one["contribution"] for one in factors)
    score = min(total, cap / UNITS)
    reasons = [{"code": "K1", "factor": None, "points": total - score, "text": "", "help": ""}] if total > score else []
    return Assessment(
        kind="campaign",
        entity_id=UUID(int=1),
        owner_id=UUID(int=2),
        score=score,
        lower=max(0.0, score - width / UNITS),
        deviation=4.0,
        confidence=0.5,
        rated=True,
        cap=cap / UNITS,
        cap_adjustment=score - total,
        factors=factors,
        reasons=reasons,
        features=[],
        expires_at=None,
        as_of=datetime(2026, 11, 1, tzinfo=UTC),
    )


shares = st.floats(0, 1)
assessments = st.builds(
    an_assessment, st.tuples(*[shares] * 5), st.integers(0, 100 * UNITS), width=st.integers(0, 50 * UNITS)
)
over = st.none() | st.floats(0, 100)
wishes = st.one_of(
    st.builds(Wish, st.just("score"), value=st.floats(0, 100), over_cap=over),
    st.builds(Wish, st.just("factor"), value=shares, factor=st.sampled_from(FACTORS)),
    st.builds(Wish, st.just("tier"), tier=st.sampled_from(TIERS), over_cap=over),
)


@settings(max_examples=200)
@given(assessments, wishes)
def test_the_parts_sum_to_what_is_shown_and_stay_in_bounds(found: Assessment, wish: Wish) -> None:
    shown = rules.applied(found, wish)
    assert sum(one["contribution"] for one in shown.factors) + shown.cap_adjustment == shown.score
    assert 0 <= shown.lower <= shown.score <= 100
    assert shown.score * UNITS == int(shown.score * UNITS)
    assert shown.score <= max(found.cap, rules.limit(wish, found.cap))
    assert len(shown.reasons) <= 4
    assert all(one["points"] >= 0 for one in shown.reasons)


@settings(max_examples=100)
@given(assessments, wishes)
def test_what_was_calculated_is_left_as_it_was(found: Assessment, wish: Wish) -> None:
    before = replace(found, factors=[dict(one) for one in found.factors], reasons=[dict(one) for one in found.reasons])
    assert rules.applied(found, wish) == rules.applied(found, wish)
    assert found == before


@settings(max_examples=100)
@given(assessments, st.floats(0, 100), st.floats(0, 100))
def test_a_score_set_higher_is_never_shown_lower(found: Assessment, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert rules.applied(found, Wish("score", value=low)).score <= rules.applied(found, Wish("score", value=high)).score


@settings(max_examples=100)
@given(assessments, st.sampled_from(FACTORS), shares, shares)
def test_a_factor_moves_only_itself_and_upwards(found: Assessment, name: str, one: float, other: float) -> None:
    low, high = sorted((one, other))
    less = rules.applied(found, Wish("factor", value=low, factor=name))
    more = rules.applied(found, Wish("factor", value=high, factor=name))
    assert less.score <= more.score <= found.cap
    assert [a for a in less.factors if a["name"] != name] == [a for a in found.factors if a["name"] != name]
    assert less.rated is found.rated


@settings(max_examples=100)
@given(assessments, st.sampled_from(TIERS))
def test_a_tier_changes_no_points(found: Assessment, tier: str) -> None:
    shown = rules.applied(found, Wish("tier", tier=tier))
    assert replace(shown, rated=found.rated) == found
    assert shown.rated


def test_nobody_goes_over_a_cap_alone_and_a_lower_one_that_comes_later_counts() -> None:
    capped = an_assessment((0.5,) * 5, cap=20 * UNITS)
    alone = Wish("score", value=60.0)
    assert rules.applied(capped, alone).score == 20.0
    agreed = Wish("score", value=80.0, over_cap=69.0)
    assert rules.applied(an_assessment((0.9,) * 5, cap=69 * UNITS), agreed).score == 80.0
    assert rules.applied(capped, agreed).score == 20.0
    assert rules.shown_tier(capped, Wish("tier", tier="TRUSTED"), EDGES) == "NEW"
    assert rules.shown_tier(capped, Wish("tier", tier="TRUSTED", over_cap=20.0), EDGES) == "TRUSTED"
    assert rules.shown_tier(capped, alone, EDGES) is None


@pytest.mark.parametrize(
    ("wish", "change", "over_cap", "two"),
    [
        (Wish("score", value=70.0), 20.0, False, False),
        (Wish("score", value=70.5), 20.5, False, True),
        (Wish("score", value=29.0), 21.0, False, True),
        (Wish("factor", value=1.0, factor="history"), 12.5, False, False),
        (Wish("factor", value=0.5, factor="history"), 0.0, False, False),
        (Wish("tier", tier="STEADY"), 0.0, False, False),
        (Wish("tier", tier="RISING"), 0.0, False, False),
        (Wish("tier", tier="TRUSTED"), 25.0, False, True),
        (Wish("tier", tier="NEW"), 25.0, False, True),
    ],
)
def test_more_than_twenty_points_take_two(wish: Wish, change: float, over_cap: bool, two: bool) -> None:
    reach = rules.reach(an_assessment((0.5,) * 5), wish, EDGES)
    assert (reach.change, reach.over_cap, reach.takes_two) == (change, over_cap, two)


def test_going_over_a_cap_takes_two_however_little_it_is() -> None:
    capped = an_assessment((0.9,) * 5, cap=69 * UNITS)
    assert rules.reach(capped, Wish("score", value=69.0), EDGES).takes_two is False
    assert rules.reach(capped, Wish("score", value=69.5), EDGES).takes_two is True
    assert rules.reach(capped, Wish("tier", tier="TRUSTED"), EDGES).takes_two is True
    hidden = rules.reach(capped, Wish("factor", value=0.0, factor="history"), EDGES)
    assert (hidden.change, hidden.takes_two) == (22.5, True)


def test_a_cap_that_begins_to_bite_is_said() -> None:
    found = an_assessment((0.6,) * 5, cap=62 * UNITS)
    shown = rules.applied(found, Wish("factor", value=1.0, factor="history"))
    assert (shown.score, shown.cap_adjustment) == (62.0, -8.0)
    assert (shown.reasons[0]["code"], shown.reasons[0]["points"]) == ("O3", 8.0)


@pytest.mark.parametrize(
    ("wish", "change", "pointers"),
    [
        (Wish("score", value=101.0), {}, ["#/value"]),
        (Wish("score"), {}, ["#/value"]),
        (Wish("score", value=float("nan")), {}, ["#/value"]),
        (Wish("factor", value=1.1, factor="updates"), {}, ["#/value"]),
        (Wish("factor", value=0.5, factor="luck"), {}, ["#/factor"]),
        (Wish("tier", tier="GREAT"), {}, ["#/tier"]),
        (Wish("score", value=50.0), {"reason": "mood"}, ["#/reason"]),
        (Wish("score", value=50.0), {"note": "  short   "}, ["#/note"]),
        (Wish("score", value=50.0), {"reason": "other"}, ["#/note"]),
        (Wish("score", value=50.0), {"reason": "other", "note": "n" * 40}, []),
        (Wish("score", value=50.0), {"days": 181}, ["#/days"]),
        (Wish("score", value=50.0), {"days": 0}, ["#/days"]),
        (Wish("score", value=50.0), {}, []),
    ],
)
def test_what_is_wrong_is_pointed_at(wish: Wish, change: dict[str, Any], pointers: list[str]) -> None:
    said: dict[str, Any] = {"reason": "harm", "note": "The beneficiary called.", "days": 30} | change
    assert [one["pointer"] for one in rules.problems(wish, **said)] == pointers
