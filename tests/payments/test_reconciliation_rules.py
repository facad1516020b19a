"""The matcher: whatever is planted is found exactly, once, whatever the order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments_svc.reconciliation.rules import KINDS, Bounds, Found, Here, Kind, There, match

DAY = timedelta(days=1)
SINCE = datetime(2026, 11, 1, tzinfo=UTC)
UNTIL = SINCE + 7 * DAY
NOON = SINCE + 2 * DAY
BOUNDS = Bounds(since=SINCE, until=UNTIL, settled=UNTIL, late_after=2 * DAY)


def there(key: str = "ch_1", amount: int = 2500, fee: int = 93, **changes: Any) -> There:
    told: dict[str, Any] = {"id": f"txn_{key}", "currency": "GBP", "at": NOON}
    return There(key=key, amount=amount, fee=fee, **told | changes)


def here(key: str = "ch_1", amount: int = 2500, fee: int = 93, **changes: Any) -> Here:
    told: dict[str, Any] = {"id": f"journal_{key}", "currency": "GBP", "at": NOON + timedelta(seconds=3)}
    return Here(key=key, amount=amount, fee=fee, **told | changes)


def kinds(theirs: list[There], ours: list[Here], bounds: Bounds = BOUNDS) -> list[tuple[str, str]]:
    return [(found.kind, found.key) for found in match(theirs, ours, bounds).found]


# -- one by one ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("theirs", "ours", "kind"),
    [
        ([there()], [here()], None),
        ([there()], [], "missing_here"),
        ([], [here()], "missing_there"),
        ([there()], [here(amount=2400)], "amount"),
        ([there()], [here(fee=80)], "fee"),
        ([there()], [here(currency="EUR")], "currency"),
        ([there()], [here(), here(id="journal_again")], "duplicate"),
        ([there(), there(id="txn_again")], [here()], "duplicate"),
        ([there()], [here(at=NOON + 3 * DAY)], "late"),
    ],
)
def test_each_kind(theirs: list[There], ours: list[Here], kind: Kind | None) -> None:
    assert kinds(theirs, ours) == ([(kind, "ch_1")] if kind else [])


def test_what_went_and_came_back_moved_nothing() -> None:
    both = [there("re_1", -700, 0), there("re_1", 700, 0, id="txn_back", at=NOON + DAY)]
    assert kinds(both, []) == []
    assert kinds(both[:1], []) == [("missing_here", "re_1")]


def test_a_refund_on_its_way_is_no_break_and_one_that_we_never_heard_of_is() -> None:
    gone = [there("re_1", -700, 0)]
    assert kinds(gone, [], replace(BOUNDS, in_flight={"re_1"})) == []
    assert kinds(gone, []) == [("missing_here", "re_1")]


def test_what_just_moved_may_still_be_on_its_way() -> None:
    young = replace(BOUNDS, settled=NOON - timedelta(minutes=1))
    assert kinds([there()], [], young) == []
    assert kinds([], [here()], young) == []


def test_only_the_window_is_judged_unless_a_break_is_open() -> None:
    before = [there(at=SINCE - DAY)]
    assert kinds(before, []) == []
    assert kinds(before, [], replace(BOUNDS, open_keys={"ch_1"})) == [("missing_here", "ch_1")]


def test_what_was_booked_in_the_window_and_moved_before_is_matched() -> None:
    assert kinds([there(at=SINCE - timedelta(minutes=1))], [here(at=SINCE + timedelta(minutes=1))]) == []


@pytest.mark.parametrize(
    ("theirs", "ours", "difference"),
    [
        ([there()], [here(amount=2400)], 100),
        ([there()], [here(fee=80)], -13),
        ([], [here()], -(2500 - 93)),
        ([there()], [here(), here(id="journal_again")], -(2500 - 93)),
        ([there("txn_9", -500, 0)], [], -500),
    ],
)
def test_a_correcting_journal_of_the_difference_ends_the_break(
    theirs: list[There], ours: list[Here], difference: int
) -> None:
    key = (theirs or ours)[0].key
    assert len(kinds(theirs, ours)) == 1
    correction = here(key, difference, 0, id="correction", corrects=True)
    assert kinds(theirs, [*ours, correction]) == []
    wrong = replace(correction, amount=difference + 1)
    assert len(kinds(theirs, [*ours, wrong])) == 1


def test_a_dispute_that_was_won_is_two_moves_under_one_key() -> None:
    theirs = [there("du_1", -2500, 1500), there("du_1", 2500, 0, id="txn_won", at=NOON + DAY)]
    ours = [here("du_1", -2500, 1500), here("du_1", 2500, 0, id="journal_won", at=NOON + DAY)]
    assert kinds(theirs, ours) == []
    assert kinds(theirs, ours[:1]) == [("missing_here", "du_1")]


# -- all together --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plant:
    """A transaction with its journal, and what is done to them."""

    kind: Kind | None
    amount: int
    fee: int
    by: int


def planted(number: int, plant: Plant) -> tuple[list[There], list[Here]]:
    key = f"ch_{number}"
    line, booked = there(key, plant.amount, plant.fee), here(key, plant.amount, plant.fee)
    match plant.kind:
        case "missing_here":
            return [line], []
        case "missing_there":
            return [], [booked]
        case "amount":
            return [line], [replace(booked, amount=plant.amount + plant.by)]
        case "fee":
            return [line], [replace(booked, fee=plant.fee + plant.by)]
        case "currency":
            return [line], [replace(booked, currency="EUR")]
        case "duplicate":
            return [line], [booked, replace(booked, id=f"{booked.id}_again")]
        case "late":
            return [line], [replace(booked, at=NOON + 2 * DAY + timedelta(seconds=plant.by))]
        case _:
            return [line], [booked]


plants = st.lists(
    st.builds(
        Plant,
        kind=st.none() | st.sampled_from(list(KINDS)),
        amount=st.integers(1, 10**6) | st.integers(-(10**6), -1),
        fee=st.integers(0, 500),
        by=st.integers(1, 1000),
    ),
    max_size=40,
)


@settings(max_examples=300, deadline=None)
@given(plants, st.randoms(use_true_random=False))
def test_any_set_of_planted_breaks_is_found_exactly(sown: list[Plant], random: Any) -> None:
    theirs: list[There] = []
    ours: list[Here] = []
    for number, plant in enumerate(sown):
        lines, journals = planted(number, plant)
        theirs += lines
        ours += journals
    random.shuffle(theirs)
    random.shuffle(ours)
    outcome = match(theirs, ours, BOUNDS)
    expected = {(plant.kind, f"ch_{number}") for number, plant in enumerate(sown) if plant.kind is not None}
    assert {(found.kind, found.key) for found in outcome.found} == expected
    assert len({found.identity for found in outcome.found}) == len(outcome.found) == len(expected)
    again = match(list(reversed(theirs)), list(reversed(ours)), BOUNDS)
    assert [found.identity for found in again.found] == [found.identity for found in outcome.found]


@given(plants)
def test_a_break_tells_both_sides(sown: list[Plant]) -> None:
    for number, plant in enumerate(sown):
        lines, journals = planted(number, plant)
        found: list[Found] = match(lines, journals, BOUNDS).found
        for each in found:
            assert set(each.there) <= set(lines)
            assert set(each.here) <= set(journals)
            assert each.there or each.here
