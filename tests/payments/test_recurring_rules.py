"""The calendar of recurring gifts, and any order of things that may happen to a series."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from payments_svc.donations.models import Payment
from payments_svc.recurring import rules
from payments_svc.recurring.models import Period
from tests.payments.conftest import StandIn, person
from tests.payments.factories import CampaignFactory
from tests.payments.series import DAY, Clock, Series
from tests.payments.test_recurring import facts, time

__all__ = ["time"]
INTERVALS = st.sampled_from(["weekly", "monthly", "quarterly", "yearly"])
_FIRST, _LAST = datetime(2020, 1, 1), datetime(2080, 1, 1)  # noqa: DTZ001  # Hypothesis wants naive bounds
MOMENTS = st.datetimes(_FIRST, _LAST, timezones=st.just(UTC))


def days(anchor: str, interval: rules.Interval, count: int) -> list[str]:
    begun = datetime.fromisoformat(anchor).replace(tzinfo=UTC)
    return [f"{rules.slot(begun, interval, number):%Y-%m-%d}" for number in range(count)]


def test_the_31st_is_the_last_day_of_a_short_month_and_the_31st_again() -> None:
    assert days("2027-01-31", "monthly", 5) == ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31"]
    assert days("2028-01-30", "monthly", 3) == ["2028-01-30", "2028-02-29", "2028-03-30"]


def test_a_leap_day_comes_back_in_a_leap_year() -> None:
    assert days("2028-02-29", "yearly", 5) == ["2028-02-29", "2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]


def test_quarters_and_weeks() -> None:
    assert days("2026-11-30", "quarterly", 4) == ["2026-11-30", "2027-02-28", "2027-05-30", "2027-08-30"]
    assert days("2026-12-28", "weekly", 3) == ["2026-12-28", "2027-01-04", "2027-01-11"]


@given(anchor=MOMENTS, interval=INTERVALS, number=st.integers(0, 600))
def test_periods_follow_each_other_in_their_order(anchor: datetime, interval: rules.Interval, number: int) -> None:
    here, there = rules.slot(anchor, interval, number), rules.slot(anchor, interval, number + 1)
    assert here < there
    assert (there.hour, there.minute, there.second) == (anchor.hour, anchor.minute, anchor.second)
    if interval != "weekly":
        assert there.day == anchor.day or (there + DAY).day == 1


@given(anchor=MOMENTS, interval=INTERVALS, later=st.timedeltas(timedelta(0), timedelta(days=9000)))
def test_the_next_period_is_the_first_that_is_still_to_come(
    anchor: datetime, interval: rules.Interval, later: timedelta
) -> None:
    at = anchor + later
    number = rules.next_after(anchor, interval, at)
    assert rules.slot(anchor, interval, number) > at
    assert number == 0 or rules.slot(anchor, interval, number - 1) <= at
    assert rules.latest_due(anchor, interval, at) == number - 1


@given(failed_at=MOMENTS, late=st.timedeltas(timedelta(0), timedelta(days=30)))
def test_the_ladder_ends_and_keeps_its_distance(failed_at: datetime, late: timedelta) -> None:
    at, tries, moments = failed_at, 1, [failed_at]
    while (again := rules.next_try(failed_at, tries, at=at)) is not None:
        moments.append(again)
        at, tries = again + late, tries + 1
    assert tries == 4
    assert all(after - before >= rules.LEAST_BETWEEN_TRIES for before, after in pairwise(moments))


@pytest.mark.parametrize(
    ("charge", "expires", "over"),
    [("2027-03-31", (2027, 3), False), ("2027-04-01", (2027, 3), True), ("2028-01-01", (2027, 12), True)],
)
def test_a_card_works_through_its_last_month(charge: str, expires: tuple[int, int], over: bool) -> None:
    at = datetime.fromisoformat(charge).replace(tzinfo=UTC)
    assert rules.expires_before(at, exp_year=expires[0], exp_month=expires[1]) is over


@pytest.mark.parametrize(("code", "least"), [("GBP", "5.00"), ("JPY", "500"), ("KWD", "5.000")])
def test_the_least_by_currency(code: str, least: str) -> None:
    assert rules.least(code).decimal == least


class SeriesInAnyOrder(RuleBasedStateMachine):
    """One series, its donor, a bank with moods and workers that lose answers. `may_charge` counts what is allowed."""

    standin: StandIn
    clock: Clock

    @initialize(interval=INTERVALS)
    def begin(self, interval: str) -> None:
        self.series = Series(person(), self.standin, self.clock, CampaignFactory.create())
        self.series.start(interval=interval)
        self.seen = 1

    @rule(days=st.integers(1, 40))
    def time_passes(self, days: int) -> None:
        before = self.series.row.status
        self.series.clock.move(days * DAY)
        self.series.sweep()
        charged = len(self.series.charges())
        # Never while it rests, and never twice at one time.
        assert charged - self.seen <= (1 if before == "active" else 0)
        self.seen = charged

    @rule(
        effect=st.sampled_from(["lose_answer", "error_after", "error_before"]), path=st.sampled_from(["", "/*/confirm"])
    )
    def an_answer_is_lost(self, effect: str, path: str) -> None:
        self.series.standin.pull(method="POST", path=f"/v1/payment_intents{path}", effect=effect)

    @rule(verb=st.sampled_from(["pause", "resume", "resume", "skip", "skip", "cancel"]))
    def the_donor_decides(self, verb: str) -> None:
        assert self.series.do(f"/{verb}").status_code in (200, 409)
        self.series.sweep()
        charged = len(self.series.charges())
        assert charged - self.seen <= 1
        self.seen = charged

    @rule(card=st.sampled_from(["pm_card_visa", "pm_card_chargeCustomerFail", "pm_card_authenticationRequired"]))
    def another_card(self, card: str) -> None:
        if self.series.row.status != "ended":
            self.series.use(card)

    @invariant()
    def no_period_is_charged_twice(self) -> None:
        intents = self.series.charged_intents()
        assert len(intents) == len(set(intents))
        paid = Period.objects.filter(recurring=self.series.id, state="paid").count()
        booked = Payment.objects.filter(recurring_id=self.series.id, status="succeeded").count()
        # A lost answer is still to be found out; nothing is booked that was not charged.
        assert paid <= booked <= len(intents)

    @invariant()
    def what_ended_has_one_reason_and_one_fact(self) -> None:
        row = self.series.row
        told = [fact for fact in facts("ended") if fact["recurring_id"] == str(row.id)]
        assert [fact["why"] for fact in told] == ([row.ended_why] if row.status == "ended" else [])

    def teardown(self) -> None:
        self.standin.http.delete("/_standin/levers").raise_for_status()
        for _ in range(3):
            self.series.sweep()
        paid = Period.objects.filter(recurring=self.series.id, state="paid").count()
        assert paid == len(self.series.charges()) == len(set(self.series.charged_intents()))


@pytest.mark.django_db
def test_a_series_survives_any_order_of_things(standin: StandIn, time: Clock) -> None:
    SeriesInAnyOrder.standin, SeriesInAnyOrder.clock = standin, time
    calm = settings(max_examples=10, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(SeriesInAnyOrder, settings=calm)
