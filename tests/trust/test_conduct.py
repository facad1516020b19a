"""How an organiser goes about all campaigns: what each number says, and what cannot move it."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trust.test_card import CARDS
from tests.trust.test_engine_from_facts import AGES, DAY, NOW, STORIES, Told, facts, scored
from trust_svc.scoring.calibration.calibrate import looking
from trust_svc.scoring.engine import V3, Column, Params, Record, campaign_row, fold, user_row
from trust_svc.scoring.engine.conduct import Conduct, conduct

settings.register_profile("conduct", deadline=None, max_examples=60)
settings.load_profile("conduct")

FITTED = looking(V3)
Said = tuple[str, float] | tuple[str, float, dict[str, Any]]
WHOLE = ("timely", "untimely", "posted", "lived", "quiet", "prepared", "lapsed")


def at(days: float) -> str:
    return datetime.fromtimestamp(NOW - days * DAY, UTC).isoformat()


def told(*said: Said) -> Record:
    """A record of facts, each so many days old."""
    whole: Told = [(each[0], round(each[1] * DAY), each[2] if len(each) > 2 else {}) for each in said]
    return fold(facts(whole))


def created(days: float, ends: float | None = None) -> tuple[str, float, dict[str, Any]]:
    return ("campaign.created", days, {"owner_id": "o"} | ({} if ends is None else {"ends_at": at(ends)}))


def posted(*days: float) -> list[Said]:
    return [("campaign.update_posted", day) for day in days]


def of(*campaigns: Record, person: Record | None = None, as_of: float = NOW) -> Conduct:
    return conduct(campaigns, person or Record(), answers=(0.0, 0.0), as_of=as_of, params=V3)


def test_of_whom_nothing_is_known_nothing_is_said() -> None:
    assert of() == of(Record()) == Conduct()


def test_questions_answered_in_time_stand_apart_from_those_answered_late_or_never() -> None:
    campaign = told(
        created(300),
        *(("campaign.question_asked", 40.0 + 20 * key, {"question_id": str(key)}) for key in range(3)),
        ("campaign.question_answered", 39.9, {"question_id": "0"}),
        ("campaign.question_answered", 20.0, {"question_id": "1"}),
    )
    found = user_row(Record(), as_of=NOW, params=FITTED, campaigns=[campaign])
    assert 0.8 < found[Column.TIMELY] < 1
    assert 1.5 < found[Column.UNTIMELY] < 2


def test_weeks_with_an_update_count_once_each_until_the_planned_end() -> None:
    still = of(told(created(70), *posted(69, 68, 50, 20)))
    assert (still.posted, still.lived) == (3, 10)
    # Thanks after the end are owed by nobody, and five weeks of waiting for the money are no silence.
    over = of(told(created(105, ends=35), *posted(104, 103, 85, 55)))
    assert over.posted == pytest.approx(3, rel=0.15)
    assert over.lived / over.posted == pytest.approx(10 / 3)
    thanked = of(told(created(105, ends=35), *posted(104, 103, 85, 55, 30, 29)))
    assert thanked == over


def test_who_ends_early_owes_nothing_from_then_on_however_often_it_is_said() -> None:
    early: list[Said] = [created(105, ends=1), *posted(100, 80), ("campaign.ended", 70.0, {"delivered": True})]
    once = of(told(*early))
    assert once.lived < 5.01
    assert of(told(*early, ("campaign.ended", 10.0, {"delivered": True}))) == once


def test_photos_told_as_five_updates_in_an_hour_are_worth_one_and_cost_nothing() -> None:
    one: list[Said] = [created(70), *posted(60, 45, 30)]
    burst: list[Said] = [*one, *posted(*(30 - minutes / 1440 for minutes in (12, 24, 36, 48)))]
    assert of(told(*burst)).posted == of(told(*one)).posted
    rows = [campaign_row(told(*each), as_of=NOW, params=FITTED) for each in (one, burst)]
    before, after = scored(*rows, params=FITTED).score
    assert 0 <= after - before < 1024


def test_quiet_is_the_share_of_its_life_since_the_last_word() -> None:
    talking, silent = told(created(170), *posted(90, 0)), told(created(170))
    assert of(talking).quiet == 0
    assert of(silent).quiet == pytest.approx(170 / 200)
    assert of(talking, silent).quiet == pytest.approx(85 / 200)
    # A new campaign has not been quiet for long, whatever share of its days that is.
    assert of(told(created(3))).quiet < 0.1


def test_preparation_is_the_time_known_before_the_first_campaign() -> None:
    first, second = told(created(100)), told(created(20))
    assert of(first, second, person=told(("user.joined", 130))).prepared == 30
    assert of(first, person=told(("user.joined", 90))).prepared == 0
    assert of(first).prepared == of(person=told(("user.joined", 130))).prepared == 0


def test_checks_that_held_once_and_hold_nowhere_have_lapsed() -> None:
    granted: Said = ("verification.granted", 90.0, {"item": "identity", "expires_at": at(10)})
    revoked: list[Said] = [
        ("verification.granted", 90.0, {"item": "bank"}),
        ("verification.revoked", 50.0, {"item": "bank"}),
    ]
    assert of(person=told(granted)).lapsed == 1
    assert of(told(*revoked), person=told(granted)).lapsed == 2
    assert of(told(*revoked, granted), person=told(granted)).lapsed == 2
    again: Said = ("verification.granted", 5.0, {"item": "bank"})
    assert of(told(*revoked), person=told(again)).lapsed == 0
    assert of(person=told(granted), as_of=NOW - 20 * DAY).lapsed == 0


STARTED = STORIES.map(lambda story: [*story, ("campaign.created", 901 * DAY, {"owner_id": "o"})])


def read(story: Told, *, shift: float = 0.0, params: Params = FITTED) -> tuple[float, ...]:
    record = fold(facts(story, shift))
    return campaign_row(record, as_of=NOW + shift, params=params, owner=record)


def new(row: tuple[float, ...]) -> dict[str, float]:
    return {name: row[Column[name.upper()]] for name in WHOLE}


@given(STORIES)
def test_every_number_is_finite_and_none_is_negative(story: Told) -> None:
    found = new(read(story))
    assert all(math.isfinite(value) and value >= 0 for value in found.values())
    assert found["quiet"] < 1
    assert found["lapsed"] <= 8
    assert found["posted"] <= found["lived"] + 1


@given(STORIES, st.randoms(use_true_random=False))
def test_order_and_repetition_change_no_bit(story: Told, shuffle: random.Random) -> None:
    plain = facts(story)
    other = plain + plain[::2]
    shuffle.shuffle(other)
    one, two = (campaign_row(fold(each), as_of=NOW, params=FITTED, owner=fold(each)) for each in (plain, other))
    assert one == two


@given(STORIES, st.integers(-4_000 * DAY, 4_000 * DAY))
def test_shifting_all_times_changes_no_bit(story: Told, shift: int) -> None:
    assert read(story) == read(story, shift=shift)


@given(STARTED, st.lists(AGES, min_size=1, max_size=6), CARDS)
def test_another_update_never_lowers_what_any_card_says(story: Told, ages: list[int], params: Params) -> None:
    more: Told = [*story, *(("campaign.update_posted", age, {}) for age in ages)]
    before, after = read(story), read(more)
    assert after[Column.POSTED] >= before[Column.POSTED]
    assert after[Column.LIVED] == before[Column.LIVED]
    assert after[Column.QUIET] <= before[Column.QUIET]
    was, now = scored(before, after, params=params).score
    assert now >= was


@given(STORIES)
def test_sets_without_a_card_look_at_none_of_it(story: Told) -> None:
    assert set(new(read(story, params=replace(V3, card=()))).values()) == {0.0}
