"""Facts to features: what counts, what does not, and that the road the facts took is forgotten."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trust_svc.scoring.engine import (
    TIERS,
    V1,
    V3,
    Column,
    Fact,
    People,
    Row,
    as_matrix,
    campaign_row,
    category_rates,
    fold,
    next_expiry,
    points,
    score,
    shown_tier,
    tier_of,
    user_row,
)

DAY = 86400.0
NOW = datetime(2026, 6, 1, tzinfo=UTC).timestamp()


class Story:
    """Facts told in the order of writing; ids count up."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []

    def tell(self, type: str, days_ago: float, /, **data: Any) -> Story:
        self.facts.append(Fact(f"{len(self.facts):04}", type, NOW - days_ago * DAY, data))
        return self

    def gift(self, days_ago: float, payment: str, donor: str | None = None, **data: Any) -> Story:
        return self.tell("payment.succeeded", days_ago, payment_id=payment, donor_id=donor, **data)

    def row(self, **kwargs: Any) -> Row:
        return campaign_row(fold(self.facts), as_of=kwargs.pop("as_of", NOW), params=V1, **kwargs)

    def __getitem__(self, column: Column) -> float:
        return self.row()[column]


def grown() -> Story:
    story = Story().tell("campaign.created", 100, owner_id="o", category="health", ends_at=None)
    for index in range(8):
        story.gift(90 - index * 5, f"p{index}", f"d{index % 6}", cluster=f"c{index % 4}")
    for days in (80, 79, 60, 30, 2):
        story.tell("campaign.update_posted", days)
    story.tell("verification.granted", 90, item="identity").tell("verification.granted", 90, item="email")
    story.tell("verification.revoked", 20, item="email")
    story.tell("payment.refunded", 10, payment_id="p1", for_cause=True)
    story.tell("payment.disputed", 9, payment_id="p2", stage="opened")
    story.tell("payment.disputed", 5, payment_id="p2", stage="lost")
    story.tell("campaign.question_asked", 40, question_id="q1").tell("campaign.question_answered", 39, question_id="q1")
    story.tell("campaign.question_asked", 40, question_id="q2")
    story.tell("campaign.progress", 15, progress=0.4, elapsed=0.5)
    story.tell("campaign.milestone", 12, milestone_id="m1", kept=True)
    story.tell("report.filed", 8, report_id="r1", kind="fraud", reporter_id="x")
    story.tell("report.filed", 7, report_id="r2", kind="spam", reporter_id="y")
    story.tell("report.decided", 6, report_id="r2", outcome="dismissed")
    return story


@given(st.randoms(use_true_random=False))
def test_order_and_repetition_of_facts_change_nothing(shuffle: random.Random) -> None:
    told = grown().facts
    want = campaign_row(fold(told), as_of=NOW, params=V1)
    other = told + shuffle.choices(told, k=10)
    shuffle.shuffle(other)
    assert campaign_row(fold(other), as_of=NOW, params=V1) == want


@pytest.mark.parametrize("shift", [-3650, -1.5, 0.25, 400])
def test_shifting_all_times_together_changes_nothing(shift: float) -> None:
    told = grown().facts
    moved = [fact._replace(time=fact.time + shift * DAY) for fact in told]
    want = campaign_row(fold(told), as_of=NOW, params=V1)
    assert campaign_row(fold(moved), as_of=NOW + shift * DAY, params=V1) == pytest.approx(want, rel=1e-9)


def test_time_alone_moves_towards_prior_and_stale_and_never_breaks() -> None:
    record = fold(grown().facts)
    rows = [campaign_row(record, as_of=NOW + days * DAY, params=V1) for days in range(0, 4000, 7)]
    for before, after in pairwise(rows):
        for column in (Column.DONE, Column.ELAPSED, Column.VOICES, Column.ANSWERED, Column.OK, Column.BAD):
            assert after[column] <= before[column]
        assert after[Column.SILENCE] >= before[Column.SILENCE]
        assert after[Column.PERIODS] <= before[Column.PERIODS]
        assert after[Column.EXPOSURE] >= before[Column.EXPOSURE]
        assert after[Column.REPORTS_OPEN] <= before[Column.REPORTS_OPEN]
    found = score(as_matrix(rows), V1)
    assert found.values[1, -1] < 0.001
    assert found.values[0, -1] == pytest.approx(0.7, abs=0.001)


def test_a_burst_of_updates_in_one_period_is_one_credit() -> None:
    one = Story().tell("campaign.created", 13).tell("campaign.update_posted", 1)
    many = Story().tell("campaign.created", 13)
    for index in range(50):
        many.tell("campaign.update_posted", 1 + index / 100)
    assert one[Column.PERIODS] == many[Column.PERIODS] == 1.0


def test_an_emergency_owes_updates_weekly_and_a_long_campaign_monthly() -> None:
    weekly = Story().tell("campaign.created", 21, need_type="EMERGENCY")
    monthly = Story().tell("campaign.created", 21, ends_at="2028-06-01T00:00:00Z")
    assert (weekly[Column.SILENCE], monthly[Column.SILENCE]) == (2.0, 0.0)


def test_one_hand_is_one_voice_however_many_accounts_and_gifts_it_has() -> None:
    ring = Story()
    for index in range(40):
        ring.gift(1, f"p{index}", f"d{index}", cluster="same")
    single = Story().gift(1, "p0", "d0", cluster="same")
    assert ring[Column.VOICES] == single[Column.VOICES]
    assert ring[Column.OK] == 3.0 < ring[Column.DONORS]


def test_cards_and_accounts_chain_into_one_hand() -> None:
    chain = Story().gift(1, "a", "d1", cluster="c1").gift(1, "b", "d1", cluster="c2").gift(1, "c", "d2", cluster="c2")
    assert chain[Column.VOICES] == Story().gift(1, "a", "d1")[Column.VOICES]


def test_an_owners_own_gift_is_no_voice() -> None:
    assert Story().gift(1, "p", "owner").row(owner_id="owner")[Column.VOICES] == 0.0


def test_a_returned_gift_is_no_voice_and_weighs_only_for_cause() -> None:
    second_thought = Story().gift(3, "p", "d").tell("payment.refunded", 0, payment_id="p", for_cause=False)
    fraud = Story().gift(3, "p", "d").tell("payment.refunded", 0, payment_id="p", for_cause=True)
    assert (second_thought[Column.VOICES], second_thought[Column.BAD]) == (0.0, 0.0)
    assert (fraud[Column.VOICES], fraud[Column.BAD]) == (0.0, 1.0)


def test_a_refund_that_came_back_makes_the_gift_a_voice_again_and_its_cause_none() -> None:
    story = Story().gift(3, "p", "d").tell("payment.refunded", 2, payment_id="p", for_cause=True, refund_id="r1")
    untouched = Story().gift(3, "p", "d")
    story.tell("payment.refund_reversed", 1, payment_id="p", refund_id="r1")
    assert (story[Column.VOICES], story[Column.BAD]) == (untouched[Column.VOICES], 0.0)
    backwards = Story()
    backwards.facts = story.facts[::-1]
    assert backwards.row() == story.row()
    story.tell("payment.refunded", 0, payment_id="p", for_cause=False, refund_id="r2")
    assert (story[Column.VOICES], story[Column.BAD]) == (0.0, 0.0)


def test_one_refund_that_came_back_leaves_the_cause_of_another() -> None:
    story = Story().gift(3, "p", "d").tell("payment.refunded", 2, payment_id="p", for_cause=True, refund_id="r1")
    story.tell("payment.refunded", 1, payment_id="p", for_cause=False, refund_id="r2")
    story.tell("payment.refund_reversed", 0, payment_id="p", refund_id="r2")
    assert story[Column.VOICES] == 0.0
    assert story[Column.BAD] > 0.9


@pytest.mark.parametrize(
    ("stages", "weight"),
    [
        (["early_warning"], 3.0),
        (["early_warning", "opened"], 3.0),
        (["opened", "lost"], 5.0),
        (["opened", "won"], 0.0),
        (["lost", "opened"], 5.0),
    ],
)
def test_a_dispute_weighs_by_its_last_word(stages: list[str], weight: float) -> None:
    story = Story()
    for stage in stages:
        story.tell("payment.disputed", 0, payment_id="p", stage=stage)
    assert story[Column.BAD] == weight


def test_an_expired_or_revoked_verification_counts_no_more() -> None:
    story = Story().tell("verification.granted", 9, item="identity", expires_at="2026-05-30T00:00:00Z")
    assert story[Column.ITEMS] == 0.0
    assert (
        Story()
        .tell("verification.granted", 9, item="phone")
        .tell("verification.revoked", 8, item="phone")[Column.ITEMS]
        == 0.0
    )
    later = Story().tell("verification.granted", 9, item="identity", expires_at="2026-06-02T00:00:00Z")
    assert later[Column.ITEMS] == 4.0
    assert next_expiry([fold(later.facts)], NOW) == NOW + DAY


def test_many_reports_of_one_hand_are_one_report() -> None:
    one = Story().tell("report.filed", 1, report_id="a", kind="fraud", reporter_id="x", cluster="k")
    many = Story()
    for index in range(30):
        many.tell("report.filed", 1, report_id=f"r{index}", kind="fraud", reporter_id=f"x{index}", cluster="k")
    assert one[Column.REPORTS_OPEN] == many[Column.REPORTS_OPEN] > 0


def test_a_reporters_record_decides_how_much_a_report_weighs() -> None:
    story = Story().tell("report.filed", 0, report_id="a", kind="fraud", reporter_id="x", reporter_upheld=9)
    good = story[Column.REPORTS_OPEN]
    # What the service knows itself wins over what the fact claims.
    poor = story.row(people=People(reports={"x": (0, 9)}))[Column.REPORTS_OPEN]
    assert good > 4 * poor > 0


def test_a_decision_takes_a_report_out_of_the_open_ones() -> None:
    filed = Story().tell("report.filed", 5, report_id="a", kind="misleading", reporter_id="x")
    upheld = Story().tell("report.filed", 5, report_id="a", kind="misleading", reporter_id="x")
    upheld.tell("report.decided", 0, report_id="a", outcome="upheld")
    assert (filed[Column.REPORTS_UPHELD], upheld[Column.REPORTS_OPEN], upheld[Column.REPORTS_UPHELD]) == (0.0, 0.0, 1.0)


def test_the_last_decision_of_a_case_stands() -> None:
    story = Story().tell("case.decided", 2, outcome="confirmed")
    assert story[Column.REPORTS_UPHELD] > 1.6
    assert story.tell("case.decided", 1, outcome="false")[Column.REPORTS_UPHELD] == 0.0


@pytest.mark.parametrize("delivered", [True, False])
def test_to_say_again_that_a_campaign_ended_changes_nothing(delivered: bool) -> None:
    once = Story().tell("campaign.created", 200).tell("campaign.update_posted", 60)
    once.tell("campaign.ended", 50, delivered=delivered)
    row = once.row()
    assert once.tell("campaign.ended", 5, delivered=delivered).row() == row
    other = once.tell("campaign.ended", 2, delivered=not delivered)
    assert (other[Column.DONE] > 0, other[Column.FAILED] > 0) == (not delivered, delivered)


def test_a_campaign_inherits_its_organisers_record() -> None:
    own, sibling = Story().tell("campaign.created", 5), Story().tell("campaign.ended", 0, delivered=False)
    sibling.tell("payment.disputed", 0, payment_id="p", stage="lost")
    person = fold(Story().tell("user.joined", 1200).tell("verification.granted", 10, item="identity").facts)
    inherited = own.row(owner=person, siblings=[fold(sibling.facts)])
    assert inherited[Column.FAILED] == 0.5
    assert inherited[Column.BAD] == 5.0
    assert (inherited[Column.ITEMS], inherited[Column.TENURE]) == (4.0, 1200.0)


def test_the_last_word_on_each_hold_stands_whatever_the_order() -> None:
    story = Story().tell("hold.placed", 9, hold_id="a").tell("hold.lifted", 5, hold_id="a")
    assert story[Column.HELD] == 0.0
    story.tell("hold.placed", 7, hold_id="b")
    assert story[Column.HELD] == 1.0
    assert story.tell("hold.lifted", 6, hold_id="b")[Column.HELD] == 0.0


def test_a_hold_on_the_organiser_holds_all_campaigns_but_one_on_a_campaign_not_its_organiser() -> None:
    held = fold(Story().tell("hold.placed", 3, hold_id="a").facts)
    assert Story().row(owner=held)[Column.HELD] == 1.0
    assert user_row(held, as_of=NOW, params=V3)[Column.HELD] == 1.0
    assert user_row(fold([]), as_of=NOW, params=V3, campaigns=[held])[Column.HELD] == 0.0


@pytest.mark.parametrize(("old", "want"), [(0, 0.35), (40, 0.55), (100, 0.85), (70, 0.7)])
def test_a_score_of_the_old_system_moves_the_prior_half_way_and_fades(old: float, want: float) -> None:
    person = fold(Story().tell("score.imported", 0, score=old).facts)
    for age, left in ((0.0, 1.0), (V3.imported_half_life, 0.5)):
        at = NOW + age * DAY
        mine = user_row(person, as_of=at, params=V3)[Column.PRIOR]
        theirs = campaign_row(fold([]), as_of=at, params=V3, owner=person)[Column.PRIOR]
        assert mine == theirs == pytest.approx(0.7 + (want - 0.7) * left)
    assert user_row(person, as_of=NOW, params=V1)[Column.PRIOR] == 0.0


def test_of_two_imported_scores_the_later_counts() -> None:
    story = Story().tell("score.imported", 0, score=90).tell("score.imported", 300, score=10)
    assert user_row(fold(story.facts), as_of=NOW, params=V3)[Column.PRIOR] == pytest.approx(0.8)


def test_a_person_without_campaigns_owes_no_updates() -> None:
    found = score(as_matrix([user_row(fold([]), as_of=NOW, params=V1)]), V1)
    assert found.weights[:, 0].tolist() == pytest.approx([0.25 / 0.85, 0, 0.15 / 0.85, 0.2 / 0.85, 0.25 / 0.85])
    assert found.contributions[1, 0] == 0


def test_an_organisers_campaigns_are_the_organisers_record() -> None:
    campaign = grown()
    alone = campaign.row()
    person = user_row(fold([]), as_of=NOW, params=V1, campaigns=[fold(campaign.facts)])
    same = [column for column in Column if column not in (Column.PRIOR,)]
    assert [person[column] for column in same] == pytest.approx([alone[column] for column in same])


def test_what_lies_ahead_of_the_clock_counts_as_of_now() -> None:
    assert Story().gift(-1, "p", "d")[Column.OK] == pytest.approx(1.0, rel=1e-9)


def test_the_shown_tier_drops_only_two_points_below_its_edge() -> None:
    assert shown_tier(74.0, "TRUSTED", V1) == "TRUSTED"
    assert shown_tier(73.0, "TRUSTED", V1) == "TRUSTED"
    assert shown_tier(72.99, "TRUSTED", V1) == "STEADY"
    assert shown_tier(24.0, "STAR", V1) == "RISING"
    assert shown_tier(75.0, "NEW", V1) == "TRUSTED"
    assert shown_tier(74.0, None, V1) == "STEADY"


@given(st.lists(st.floats(0, 100), min_size=1, max_size=30))
def test_over_any_course_only_a_drop_remembers_and_never_by_more_than_two_points(course: list[float]) -> None:
    shown: str | None = None
    for now in course:
        before, shown = shown, shown_tier(now, shown, V1)
        plain, at = TIERS.index(tier_of(now, V1)), TIERS.index(shown)
        assert at >= plain
        assert at == plain or now >= V1.tiers[at] - 2.0
        # What is shown above the score was shown before: nothing rises by memory.
        assert at == plain or (before is not None and at <= TIERS.index(before))
        # It drops no further than it must.
        assert before is None or at >= TIERS.index(before) or now < V1.tiers[at + 1] - 2.0


def test_category_rates_follow_the_evidence_and_stay_within_bounds() -> None:
    rates = category_rates({"good": (400.0, 10.0), "bad": (10.0, 400.0), "new": (1.0, 0.0), "empty": (0.0, 0.0)}, V1)
    assert (rates["good"], rates["bad"]) == (0.9, 0.3)
    assert 0.3 < rates["new"] < 0.9
    assert "empty" not in rates
    assert category_rates({}, V1) == {}


def test_an_honest_grown_campaign_is_rated_and_its_numbers_add_up() -> None:
    found = score(as_matrix([grown().row()]), V1)
    assert bool(found.rated[0])
    assert 30 < points(found.score[0]) < 70
