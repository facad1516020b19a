"""How pressing a case is, as laws: what must rise, what must not, and what a brigade cannot buy."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trust_svc.cases import money, rules
from trust_svc.cases.rules import Standing
from trust_svc.evidence import commands as evidence

NOW = datetime(2026, 11, 1, tzinfo=UTC)
points = st.floats(0, 100)
weights = st.lists(st.floats(0, 10), max_size=8)
bounded = settings(max_examples=60, deadline=None)


@bounded
@given(points, points, st.floats(0, 40))
def test_a_lower_score_is_never_less_likely_bad(one: float, other: float, deviation: float) -> None:
    low, high = sorted((one, other))
    found = [rules.probability(Standing(score, deviation, True)) for score in (low, high)]
    assert 1 >= found[0] >= found[1] >= 0


@bounded
@given(points, st.floats(0, 40), st.floats(0, 40))
def test_who_is_less_known_is_nearer_to_the_middle(score: float, one: float, other: float) -> None:
    sure, unsure = (rules.probability(Standing(score, each, True)) for each in sorted((one, other)))
    assert abs(unsure - 0.5) <= abs(sure - 0.5) + 1e-12


@bounded
@given(points)
def test_calibrated_numbers_are_used_where_there_are_any(score: float) -> None:
    found = rules.probability(Standing(score, 5, True), (-4.0, 0.1))
    assert found == pytest.approx(1 / (1 + math.exp(0.1 * score - 4.0)))


@bounded
@given(weights, weights, st.floats(0, 10))
def test_one_thing_more_never_makes_a_case_lighter_and_order_is_nothing(
    reports: list[float], signals: list[float], more: float
) -> None:
    mass = rules.mass(reports, signals)
    assert rules.mass([*reports, more], signals) >= mass
    assert rules.mass(reports, [*signals, more]) >= mass
    assert rules.mass(reversed(reports), reversed(signals)) == mass


@bounded
@given(st.integers(1, 100_000))
def test_a_brigade_of_any_size_weighs_less_than_the_loudest_allowed(size: int) -> None:
    fresh = rules.SEVERITY["fraud"] * rules.credibility(None, 0, 0)
    assert rules.mass([fresh * size], []) <= rules.LOUDEST


@bounded
@given(st.floats(0, 1), st.floats(-100, 1e9), st.floats(0, 50))
def test_harm_is_never_negative_and_grows_with_each_part(chance: float, amount: float, mass: float) -> None:
    harm = rules.harm(chance, amount, mass)
    assert harm >= 0
    assert rules.harm(min(1, chance + 0.1), amount, mass) >= harm
    assert rules.harm(chance, amount + 10, mass) >= harm
    assert rules.harm(chance, amount, mass + 1) >= harm


@bounded
@given(st.integers(0, 50), st.integers(0, 50), st.one_of(st.none(), st.floats(0, 1)))
def test_who_was_right_before_is_believed_more(upheld: int, dismissed: int, standing: float | None) -> None:
    word = rules.credibility(standing, upheld, dismissed)
    assert 0 <= word <= 1
    assert rules.credibility(standing, upheld + 1, dismissed) >= word
    assert rules.credibility(standing, upheld, dismissed + 1) <= word


@pytest.mark.parametrize(
    ("kind", "days_ago", "closed_days_ago", "opened"),
    [
        ("report", 0, None, True),
        ("report", 300, None, True),
        ("report", 0, 0, True),
        ("dispute_lost", 0, 0, True),
        ("dispute_lost", 31, None, False),
        ("score_fell", 0, None, True),
        ("score_fell", 0, 6, False),
        ("score_fell", 0, 8, True),
        ("hold", 0, 1, False),
        ("refunds", 0, 1, False),
    ],
)
def test_what_opens_a_case(kind: str, days_ago: float, closed_days_ago: float | None, opened: bool) -> None:
    closed_at = None if closed_days_ago is None else NOW - timedelta(days=closed_days_ago)
    assert rules.opens(kind, NOW - timedelta(days=days_ago), closed_at=closed_at, now=NOW) is opened


MOVES = st.lists(
    st.tuples(st.sampled_from(["given", "back", "again", "paid", "failed"]), st.integers(1, 500), st.integers(0, 3)),
    max_size=10,
)


@pytest.mark.django_db
@settings(max_examples=20, deadline=None)
@given(MOVES, st.randoms(use_true_random=False))
def test_money_comes_out_the_same_in_any_order_and_however_often(
    moves: list[tuple[str, int, int]], random: Random
) -> None:
    first, second = uuid4(), uuid4()
    payouts = [uuid4() for _ in range(4)]
    told: list[tuple[UUID, str, int, UUID | None]] = [
        (uuid4(), way, amount, payouts[at] if way in ("paid", "failed") else None) for way, amount, at in moves
    ]
    for event, way, amount, payout in told:
        money.moved(event, way, first, str(amount), "GBP", payout)
    shuffled = [*told, *told]
    random.shuffle(shuffled)
    names = {event: uuid4() for event, *_ in told}
    own = dict(zip(payouts, (uuid4() for _ in payouts), strict=True))
    for event, way, amount, payout in shuffled:
        money.moved(names[event], way, second, str(amount), "GBP", own[payout] if payout else None)
    assert money.open_money("campaign", first) == money.open_money("campaign", second) >= 0


@pytest.mark.django_db
def test_what_is_open_is_given_less_returned_less_paid_out() -> None:
    campaign, other, owner, paid, failed = (uuid4() for _ in range(5))
    for each, currency in ((campaign, "GBP"), (other, "USD")):
        evidence.describe_campaign(campaign_id=each, title="", owner_id=owner, currency=currency, category=None)
    for way, amount, payout in (
        ("given", "500.00", None),
        ("back", "100.00", None),
        ("again", "50.00", None),
        ("paid", "200.00", paid),
        ("paid", "30.00", failed),
        ("failed", "30.00", failed),
        # Refused before it was ever sent: nothing had gone.
        ("failed", "70.00", uuid4()),
    ):
        money.moved(uuid4(), way, campaign, amount, "GBP", payout)
    money.moved(uuid4(), "given", other, "100.00", "USD")
    assert money.open_money("campaign", campaign) == Decimal("250.00")
    # A person answers for all their campaigns, in one currency.
    assert money.open_money("user", owner) == Decimal("329.00")
    assert money.open_money("campaign", uuid4()) == 0
