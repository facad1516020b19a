"""What must hold of scores, from facts to points: for stories that nobody would think of, and against those who play it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trust.oracle import expected
from trust_svc.scoring.engine import (
    ITEMS,
    V1,
    V3,
    Column,
    Fact,
    Params,
    Row,
    Scores,
    as_matrix,
    campaign_row,
    fold,
    points,
    score,
    user_row,
)
from trust_svc.scoring.engine.kernel import CHUNK
from trust_svc.scoring.engine.params import UNITS_PER_POINT

settings.register_profile("facts", deadline=None, max_examples=60)
settings.load_profile("facts")

DAY = 86_400
# Whole seconds: differences of such times are exact.
NOW = 1_780_272_000
SETS = pytest.mark.parametrize("params", [V1, V3], ids=["first", "third"])

Told = list[tuple[str, int, dict[str, Any]]]

KEYS = st.integers(0, 3).map(str)
AGES = st.integers(0, 900 * DAY)


def _kind(type: str, **data: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, int, dict[str, Any]]]:
    return st.tuples(st.just(type), AGES, st.fixed_dictionaries(data))


ANYTHING = st.one_of(
    _kind("campaign.created", owner_id=st.just("o"), need_type=st.sampled_from(["EMERGENCY", "COMMUNITY_LONG_TERM"])),
    _kind("campaign.update_posted"),
    _kind("campaign.progress", progress=st.floats(0, 1), elapsed=st.floats(0, 1)),
    _kind("campaign.milestone", milestone_id=KEYS, kept=st.booleans()),
    _kind("campaign.ended", delivered=st.booleans()),
    _kind("campaign.question_asked", question_id=KEYS),
    _kind("campaign.question_answered", question_id=KEYS),
    _kind("verification.granted", item=st.sampled_from(ITEMS)),
    _kind("verification.revoked", item=st.sampled_from(ITEMS)),
    _kind("payment.succeeded", payment_id=KEYS, donor_id=KEYS, cluster=KEYS),
    _kind("payment.succeeded", payment_id=KEYS, donor_id=KEYS),
    _kind("payment.refunded", payment_id=KEYS, for_cause=st.booleans(), refund_id=KEYS),
    _kind("payment.disputed", payment_id=KEYS, stage=st.sampled_from(["early_warning", "opened", "won", "lost"])),
    _kind("report.filed", report_id=KEYS, kind=st.just("fraud"), reporter_id=KEYS, cluster=KEYS),
    _kind("report.decided", report_id=KEYS, outcome=st.sampled_from(["upheld", "dismissed"])),
    _kind("case.decided", outcome=st.sampled_from(["confirmed", "valuable", "false"])),
    _kind("hold.placed", hold_id=KEYS),
    _kind("hold.lifted", hold_id=KEYS),
    _kind("score.imported", score=st.floats(0, 100)),
)
STORIES = st.lists(ANYTHING, max_size=25)


def facts(told: Told, shift: float = 0.0) -> list[Fact]:
    return [Fact(f"{at:04}", type, NOW - age + shift, data) for at, (type, age, data) in enumerate(told)]


def read(told: Sequence[Fact], params: Params, as_of: float = NOW) -> Row:
    """The row of a campaign whose organiser is the same story: every kind of fact counts."""
    record = fold(told)
    return campaign_row(record, as_of=as_of, params=params, owner=record)


def scored(*rows: Row, params: Params) -> Scores:
    return score(as_matrix(rows), params)


def whole(found: Scores) -> bytes:
    names = ("contributions", "score", "lower", "cap", "cap_adjustment", "confidence", "deviations", "tier", "rated")
    return b"".join(getattr(found, name).tobytes() for name in names)


@SETS
@given(told=STORIES, shuffle=st.randoms(use_true_random=False))
def test_order_and_repetition_change_no_bit(params: Params, told: Told, shuffle: random.Random) -> None:
    plain = facts(told)
    other = plain + shuffle.choices(plain, k=5) if plain else []
    shuffle.shuffle(other)
    one, two = read(plain, params), read(other, params)
    assert one == two
    assert whole(scored(one, params=params)) == whole(scored(two, params=params))


@SETS
@given(told=STORIES, days=st.integers(-4000, 4000))
def test_shifting_all_times_by_whole_seconds_changes_no_bit(params: Params, told: Told, days: int) -> None:
    shift = days * DAY + 17
    one, two = read(facts(told), params), read(facts(told, shift), params, NOW + shift)
    assert one == two
    assert whole(scored(one, params=params)) == whole(scored(two, params=params))


@given(told=STORIES, shift=st.floats(-1e8, 1e8))
def test_shifting_by_fractions_moves_no_part_by_more_than_a_unit(told: Told, shift: float) -> None:
    # Ages round to some 10⁻⁷ seconds; only what stands on the very edge of a period may fall to the other side.
    told = [(type, age + 1, data) for type, age, data in told if age % (7 * DAY)]
    one, two = read(facts(told), V3), read(facts(told, shift), V3, NOW + shift)
    if one[Column.PERIODS] == two[Column.PERIODS]:
        found = scored(one, two, params=V3)
        assert np.abs(found.contributions[:, 0] - found.contributions[:, 1]).max() <= 1


@SETS
@given(told=STORIES, days=st.integers(0, 2000))
def test_time_alone_moves_every_part_only_towards_prior_or_stale(params: Params, told: Told, days: int) -> None:
    # A question may fall due meanwhile: that is silence, and no part of this.
    settled = [each for each in told if each[1] > 4 * DAY or not each[0].startswith("campaign.question")]
    record = fold(facts(settled))
    rows = [read(facts(settled), params, at) for at in (NOW, NOW + days * DAY, NOW + 100_000 * DAY)]
    found, terms = scored(*rows, params=params), scored(*rows, params=params).terms
    slack = 1e-9

    def towards(values: Any, end: float) -> None:
        assert abs(values[1] - end) <= abs(values[0] - end) + slack

    if record.imported is None:
        towards(found.values[0], params.completion_prior)
    towards(terms.fresh, 0.0 if found.terms.fresh[2] < 1e-6 else float(terms.fresh[0]))
    towards(terms.reach, 0.0)
    towards(terms.response, params.response_prior)
    towards(terms.independent, 1.0)
    towards(terms.tenure, 1.0)
    towards(terms.unreported, 1.0)
    towards(terms.unblamed, 1.0)
    prior = float(scored(read([], params), params=params).terms.clean[0])
    towards(terms.clean, prior)
    assert terms.regular[1] <= terms.regular[0] + slack
    # No verification appears by itself, and no score leaves its bounds.
    assert int(rows[1][Column.ITEMS]) & ~int(rows[0][Column.ITEMS]) == 0
    assert ((found.score >= 0) & (found.score <= found.cap)).all()


@SETS
@given(told=STORIES, more=st.lists(st.integers(1, 5), max_size=8), age=st.integers(0, 300 * DAY))
def test_reports_of_one_hand_add_nothing_beyond_the_heaviest(
    params: Params, told: Told, more: list[int], age: int
) -> None:
    def filed(number: int, severity: int) -> tuple[str, int, dict[str, Any]]:
        said = {"report_id": f"r{number}", "kind": "other", "severity": severity, "cluster": "hand", "reporter_id": "x"}
        return ("report.filed", age, said)

    heaviest = read(facts([*told, filed(99, 5)]), params)
    many = read(facts([*told, *(filed(at, severity) for at, severity in enumerate(more)), filed(99, 5)]), params)
    assert heaviest[Column.REPORTS_OPEN] == many[Column.REPORTS_OPEN]
    assert scored(heaviest, params=params).score[0] == scored(many, params=params).score[0]


@SETS
@given(st.lists(STORIES, min_size=1, max_size=6))
def test_the_oracle_reads_the_same_from_facts(params: Params, stories: list[Told]) -> None:
    rows = [read(facts(told), params) for told in stories]
    rows += [user_row(fold(facts(told)), as_of=NOW, params=params) for told in stories]
    found = scored(*rows, params=params)
    for at, row in enumerate(rows):
        want = expected({column.name.lower(): value for column, value in zip(Column, row, strict=True)}, params)
        assert points(found.score[at]) == pytest.approx(want.score, abs=5 / UNITS_PER_POINT)
        assert points(found.cap[at]) == pytest.approx(want.cap, abs=1 / UNITS_PER_POINT)
        assert found.confidence[at] == pytest.approx(want.confidence, abs=1e-9)
        assert found.contributions[:, at].sum() + found.cap_adjustment[at] == found.score[at]


@given(st.lists(STORIES, min_size=2, max_size=6), st.integers(1, CHUNK))
def test_rows_from_facts_are_scored_alike_in_any_company(stories: list[Told], before: int) -> None:
    matrix = as_matrix([read(facts(told), V3) for told in stories])
    filler = np.zeros((len(Column), before))
    among = score(np.ascontiguousarray(np.concatenate([filler, matrix], axis=1)), V3)
    alone = score(matrix, V3)
    for name in ("contributions", "score", "lower", "confidence", "deviations"):
        assert getattr(among, name)[..., before:].tobytes() == getattr(alone, name).tobytes()


@SETS
def test_of_nothing_comes_the_prior_without_a_rating(params: Params) -> None:
    for row in (read([], params), user_row(fold([]), as_of=NOW, params=params)):
        found = scored(row, params=params)
        assert (bool(found.rated[0]), found.cap_adjustment[0], found.confidence[0]) == (False, 0, 0.0)
        assert 25 < points(found.score[0]) < 50


# --- those who play it ------------------------------------------------------------------------------------------------


def honest(dice: random.Random, *, days: int, gifts: int, items: Sequence[str]) -> Told:
    told: Told = [("campaign.created", days * DAY, {"owner_id": "o"})]
    told += [("campaign.update_posted", day * DAY, {}) for day in range(3, days, dice.randint(11, 20))]
    for at in range(gifts):
        gift = {"payment_id": f"p{at}", "donor_id": f"d{at}", "cluster": f"c{at}"}
        told.append(("payment.succeeded", dice.randint(1, days - 1) * DAY, gift))
    for at in range(gifts // 6):
        asked = dice.randint(5, max(6, days - 1)) * DAY
        told.append(("campaign.question_asked", asked, {"question_id": str(at)}))
        if dice.random() < 0.8:
            told.append(("campaign.question_answered", asked - DAY, {"question_id": str(at)}))
    told.append(("campaign.progress", 2 * DAY, {"progress": dice.random(), "elapsed": dice.random()}))
    told += [("verification.granted", (days - 1) * DAY, {"item": item}) for item in items]
    return told


def population(seed: int = 11) -> list[Told]:
    """Honest campaigns of all sizes: some known well, some hardly."""
    dice = random.Random(seed)
    return [
        honest(
            dice,
            days=dice.randint(20, 700),
            gifts=int(dice.expovariate(1 / 15)),
            items=[item for item in ITEMS if dice.random() < dice.choice((0.3, 0.6, 0.9))],
        )
        for _ in range(200)
    ]


def lower_ends(stories: Sequence[Told], as_of: float = NOW) -> Any:
    return score(as_matrix([read(facts(told), V3, as_of) for told in stories]), V3).lower / UNITS_PER_POINT


def mob(count: int, hands: int) -> Told:
    return [
        (
            "report.filed",
            DAY,
            {
                "report_id": f"m{at}",
                "kind": "fraud",
                "severity": 5,
                "reporter_id": f"m{at}",
                "cluster": f"h{at % hands}",
            },
        )
        for at in range(count)
    ]


def test_a_mob_of_false_reports_costs_a_few_ranks_at_most_and_three_points() -> None:
    everybody = population()
    plain = lower_ends(everybody)
    brigaded = lower_ends([[*told, *mob(300, 60)] for told in everybody])
    ranks = [int((plain > lower).sum()) for lower in plain]
    after = [int((np.delete(plain, at) > lower).sum()) for at, lower in enumerate(brigaded)]
    moved = np.array(after) - np.array(ranks)
    assert (plain - brigaded).max() <= V3.report_points + 0.1
    # Of all there are, an honest one that a mob is after falls behind 3 in a hundred on average.
    assert moved.mean() <= 0.03 * len(everybody)


def ring(accounts: int, hands: int, items: Sequence[str] = ("email", "phone")) -> Told:
    """An organiser who gives to himself from many accounts, asks and answers himself, and posts without end."""
    told: Told = [("campaign.created", 60 * DAY, {"owner_id": "o"})]
    for at in range(accounts):
        gift = {"payment_id": f"p{at}", "donor_id": f"d{at}", "cluster": f"c{at % hands}"}
        told.append(("payment.succeeded", (1 + at * 58 // accounts) * DAY, gift))
    for at in range(30):
        told.append(("campaign.question_asked", 20 * DAY, {"question_id": str(at)}))
        told.append(("campaign.question_answered", 20 * DAY - 3600, {"question_id": str(at)}))
    told += [("campaign.update_posted", day * DAY, {}) for day in range(1, 60)]
    told.append(("campaign.progress", DAY, {"progress": 1.0}))
    return told + [("verification.granted", 59 * DAY, {"item": item}) for item in items]


@pytest.mark.parametrize(("accounts", "hands"), [(20, 1), (60, 6), (300, 6), (1000, 10)])
def test_rings_of_accounts_rank_below_honest_newcomers_with_thin_evidence(accounts: int, hands: int) -> None:
    dice = random.Random(3)
    items = ("email", "phone", "identity", "bank")
    newcomers = [honest(dice, days=30, gifts=5, items=items) for _ in range(20)]
    assert lower_ends([ring(accounts, hands)])[0] < np.median(lower_ends(newcomers))


def test_more_accounts_behind_the_same_hands_only_lose() -> None:
    few, many = lower_ends([ring(12, 6), ring(600, 6)])
    assert many < few


def test_a_burst_of_updates_buys_what_one_buys_and_fades() -> None:
    base = honest(random.Random(5), days=200, gifts=12, items=ITEMS[:4])
    quiet = [each for each in base if each[0] != "campaign.update_posted"]
    one, many = [*quiet, ("campaign.update_posted", DAY, {})], [*quiet]
    many += [("campaign.update_posted", DAY + minute, {}) for minute in range(500)]
    assert lower_ends([one])[0] == lower_ends([many])[0]
    later = NOW + 120 * DAY
    assert lower_ends([many], later)[0] - lower_ends([quiet], later)[0] < 0.5


def test_a_burst_of_gifts_is_worth_what_a_few_are_and_fades() -> None:
    base = honest(random.Random(6), days=300, gifts=12, items=ITEMS[:4])

    def burst(count: int) -> Told:
        gift = [{"payment_id": f"b{at}", "donor_id": f"b{at}", "cluster": f"b{at}"} for at in range(count)]
        return [*base, *(("payment.succeeded", DAY, each) for each in gift)]

    def engagement(told: Told, as_of: float = NOW) -> float:
        return points(scored(read(facts(told), V3, as_of), params=V3).contributions[2, 0])

    before, after = engagement(base), engagement(burst(1000))
    assert after == pytest.approx(engagement(burst(100)), abs=0.01)
    assert after - before < 3
    year = NOW + 365 * DAY
    assert engagement(burst(1000), year) - engagement(base, year) < 0.6
