"""Repeats are few, random in time, and paid for."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bh_sdk import deadlines, errors
from bh_sdk.errors import BHError, IdempotencyInProgress, RateLimited, Unavailable
from bh_sdk.retries import RetryBudget, RetryPolicy, asks_for_repeat, may_repeat, read_retry_after
from tests.sdk.clock import Clock


@pytest.mark.parametrize(
    ("method", "keyed", "repeatable"),
    [
        ("GET", False, True),
        ("PUT", False, True),
        ("DELETE", False, True),
        ("POST", True, True),
        ("POST", False, False),
        ("PATCH", False, False),
    ],
)
def test_only_what_can_be_done_twice_is_repeated(method: str, keyed: bool, repeatable: bool) -> None:
    assert may_repeat(method, keyed=keyed) is repeatable


@pytest.mark.parametrize(
    ("kind", "asks"),
    [
        (errors.ConnectFailed, True),
        (errors.ConnectionLost, True),
        (errors.TimedOut, True),
        (errors.RateLimited, True),
        (errors.ProviderUnavailable, True),
        (errors.Unavailable, True),
        (errors.InternalError, False),
        (errors.CircuitOpen, False),
        (errors.DeadlineExceeded, False),
        (errors.UnexpectedAnswer, False),
        (errors.BadRequest, False),
        (errors.Unauthenticated, False),
        (errors.NotFound, False),
        (errors.Conflict, False),
        (errors.IdempotencyKeyReused, False),
    ],
)
def test_only_what_may_pass_is_repeated(kind: type[BHError], asks: bool) -> None:
    assert asks_for_repeat(kind()) is asks


def test_a_call_that_is_still_running_is_asked_for_again_when_it_says_when() -> None:
    running = IdempotencyInProgress()
    assert not asks_for_repeat(running)
    running.retry_after = 1
    assert asks_for_repeat(running)


def test_a_gateways_own_504_is_repeated() -> None:
    assert asks_for_repeat(errors.from_problem({}, status=504))


@given(st.integers(1, 20), st.floats(0, 1, exclude_max=True), st.one_of(st.none(), st.integers(0, 3600)))
def test_waits_are_random_below_a_doubling_bound(failed: int, drawn: float, told: int | None) -> None:
    pause = RetryPolicy().pause(failed, retry_after=told, draw=lambda: drawn)
    bound = min(2.0, 0.05 * 2 ** (failed - 1))
    assert (told or 0) <= pause <= (told or 0) + bound


def test_the_first_waits_lie_below_50_and_100_milliseconds() -> None:
    policy = RetryPolicy()
    assert [policy.pause(n, retry_after=None, draw=lambda: 1.0) for n in (1, 2, 3)] == [0.05, 0.1, 0.2]


# --- the budget -------------------------------------------------------------------------------------------------------


def test_a_fifth_of_the_calls_may_be_repeated_whatever_their_number() -> None:
    for calls in (100, 1000, 10_000):
        clock = Clock()
        budget = RetryBudget(per_second=0, clock=clock)
        for _ in range(calls):
            budget.first_attempt()
        assert sum(budget.spend() for _ in range(calls)) == calls // 5


def test_ten_repeats_a_second_are_free() -> None:
    clock = Clock()
    budget = RetryBudget(clock=clock)
    assert sum(budget.spend() for _ in range(100)) == 10
    clock.now += 0.5
    assert sum(budget.spend() for _ in range(100)) == 5
    clock.now += 3600
    assert sum(budget.spend() for _ in range(100)) == 10, "they are not saved up"


def test_old_calls_pay_for_nothing() -> None:
    clock = Clock()
    budget = RetryBudget(per_second=0, clock=clock)
    for _ in range(100):
        budget.first_attempt()
    clock.now += 11
    assert not budget.spend()


def test_with_everything_failing_the_load_grows_by_a_fifth_and_ten_a_second() -> None:
    clock = Clock()
    budget = RetryBudget(clock=clock)
    repeats = 0
    for _ in range(60 * 1000):
        budget.first_attempt()
        repeats += budget.spend() + budget.spend()
        clock.now += 0.001
    assert repeats <= 60_000 * 0.2 + 10 * 61
    assert repeats >= 60_000 * 0.2


@given(st.lists(st.one_of(st.just("call"), st.just("repeat"), st.floats(0, 20)), max_size=200))
def test_no_order_of_things_overdraws_the_budget(steps: list[str | float]) -> None:
    clock = Clock(0)
    budget = RetryBudget(clock=clock)
    calls = repeats = 0
    for step in steps:
        if step == "call":
            budget.first_attempt()
            calls += 1
        elif step == "repeat":
            repeats += budget.spend()
        elif isinstance(step, float):
            clock.now += step
    assert repeats <= calls * 0.2 + 10 * (clock.now + 1) + 1e-6


# --- what is read from and written to headers -------------------------------------------------------------------------

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        ("Sun, 22 Nov 2026 12:00:05 GMT", 5),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0),
        ("Sun, 22 Nov 2026 12:00:05 -0000", 5),
        (None, None),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("٣", None),
        ("99999999999", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: int | None) -> None:
    assert read_retry_after(value, now=lambda: NOON) == seconds


def test_what_a_service_says_counts_and_what_a_class_says_does_not() -> None:
    assert errors.from_problem({"code": "unavailable"}, status=503).retry_after is None
    assert Unavailable().retry_after == 1
    assert errors.from_problem({}, status=429, retry_after=3).retry_after == 3
    assert RateLimited().retry_after is None


def test_a_nested_deadline_can_only_be_shorter() -> None:
    clock = Clock()
    assert deadlines.remaining(clock=clock) is None
    with deadlines.deadline(5, clock=clock):
        with deadlines.deadline(60, clock=clock):
            assert deadlines.remaining(clock=clock) == 5
        with deadlines.deadline(1, clock=clock):
            assert deadlines.remaining(clock=clock) == 1
            clock.now += 2
            assert deadlines.remaining(clock=clock) == 0
        assert deadlines.remaining(clock=clock) == 3
        assert deadlines.ends_at(10, clock=clock) == clock.now + 3
        assert deadlines.ends_at(2, clock=clock) == clock.now + 2
    assert deadlines.remaining(clock=clock) is None
    assert deadlines.ends_at(None, clock=clock) is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("1500", 1.5),
        ("0", 0.0),
        ("999999999", 3600.0),
        (None, None),
        ("", None),
        ("-5", None),
        ("1e3", None),
        ("٣", None),
    ],
)
def test_a_callers_deadline_is_whole_milliseconds(header: str | None, seconds: float | None) -> None:
    assert deadlines.from_header(header) == seconds


@given(st.floats(0, 10_000))
def test_a_deadline_never_grows_on_its_way(seconds: float) -> None:
    told = deadlines.from_header(deadlines.to_header(seconds))
    assert told is not None
    assert told <= seconds
