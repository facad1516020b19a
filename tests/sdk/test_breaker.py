"""A circuit opens on a rate, not on a streak, and closes when probes come back."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bh_sdk.breaker import Breaker, BreakerPolicy, Breakers, Outcome, State
from bh_sdk.errors import CircuitOpen
from tests.sdk.clock import Clock

GOOD, BAD, ASIDE, UNTOLD = Outcome.SUCCEEDED, Outcome.FAILED, Outcome.NOT_COUNTED, Outcome.UNTOLD


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker("payments.test payments.payment", clock=clock)


def calls(breaker: Breaker, *outcomes: Outcome) -> None:
    for outcome in outcomes:
        breaker.leave(breaker.enter(), outcome)


def now(breaker: Breaker) -> State:
    """The state at this moment: it changes between two looks."""
    return breaker.state


def test_half_of_twenty_opens_it(breaker: Breaker) -> None:
    calls(breaker, *[GOOD] * 10, *[BAD] * 9)
    assert now(breaker) is State.CLOSED
    calls(breaker, BAD)
    assert now(breaker) is State.OPEN


def test_nineteen_failures_are_too_few_to_judge(breaker: Breaker) -> None:
    calls(breaker, *[BAD] * 19)
    assert now(breaker) is State.CLOSED


def test_less_than_half_never_opens_it(breaker: Breaker) -> None:
    calls(breaker, *[GOOD, GOOD, BAD] * 100)
    assert now(breaker) is State.CLOSED


def test_answers_about_the_request_are_not_counted(breaker: Breaker) -> None:
    calls(breaker, *[ASIDE] * 1000, *[BAD] * 19)
    assert now(breaker) is State.CLOSED
    calls(breaker, *[ASIDE] * 1000, BAD)
    assert now(breaker) is State.OPEN


def test_old_failures_are_forgotten(breaker: Breaker, clock: Clock) -> None:
    calls(breaker, *[BAD] * 19)
    clock.now += 10
    calls(breaker, *[BAD] * 19)
    assert now(breaker) is State.CLOSED


def test_while_it_is_open_nothing_is_called_and_the_caller_hears_for_how_long(breaker: Breaker, clock: Clock) -> None:
    calls(breaker, *[BAD] * 20)
    clock.now += 1.5
    with pytest.raises(CircuitOpen) as refusal:
        breaker.enter()
    assert refusal.value.retry_after == 4
    assert refusal.value.facts == {"operation": "payments.test payments.payment"}


def test_three_probes_that_return_close_it(breaker: Breaker, clock: Clock) -> None:
    calls(breaker, *[BAD] * 20)
    clock.now += 5
    assert now(breaker) is State.HALF_OPEN
    passes = [breaker.enter() for _ in range(3)]
    with pytest.raises(CircuitOpen):
        breaker.enter()
    breaker.leave(passes[0], GOOD)
    breaker.leave(passes[1], ASIDE)
    assert now(breaker) is State.HALF_OPEN
    breaker.leave(passes[2], GOOD)
    assert now(breaker) is State.CLOSED
    calls(breaker, *[BAD] * 19)
    assert now(breaker) is State.CLOSED, "it starts with a clean record"


def test_one_probe_that_fails_opens_it_again(breaker: Breaker, clock: Clock) -> None:
    calls(breaker, *[BAD] * 20)
    clock.now += 5
    late = breaker.enter()
    calls(breaker, BAD)
    assert now(breaker) is State.OPEN
    breaker.leave(late, GOOD)
    assert now(breaker) is State.OPEN, "a probe of the last round decides nothing"
    clock.now += 4.9
    assert now(breaker) is State.OPEN
    clock.now += 0.1
    assert now(breaker) is State.HALF_OPEN


def test_a_probe_that_was_given_up_makes_room_for_another(breaker: Breaker, clock: Clock) -> None:
    calls(breaker, *[BAD] * 20)
    clock.now += 5
    for _ in range(10):
        calls(breaker, UNTOLD)
    assert now(breaker) is State.HALF_OPEN
    calls(breaker, GOOD, GOOD, GOOD)
    assert now(breaker) is State.CLOSED


def test_an_answer_from_before_it_opened_changes_nothing(breaker: Breaker, clock: Clock) -> None:
    slow = [breaker.enter() for _ in range(30)]
    calls(breaker, *[BAD] * 20)
    for era in slow:
        breaker.leave(era, GOOD)
    assert now(breaker) is State.OPEN


def test_every_host_and_operation_has_its_own(clock: Clock) -> None:
    all_of_them = Breakers(clock=clock)
    calls(all_of_them.of("a", "send"), *[BAD] * 20)
    assert all_of_them.of("a", "send").state is State.OPEN
    assert all_of_them.of("a", "feed").state is State.CLOSED
    assert all_of_them.of("b", "send").state is State.CLOSED


class AnyOrder(RuleBasedStateMachine):
    """Calls that overlap, fail, are given up, and time that passes, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock(0)
        self.policy = BreakerPolicy(least=4)
        self.breaker = Breaker("any", self.policy, clock=self.clock)
        self.flying: list[int] = []
        self.opened_at: float | None = None

    @rule()
    def enter(self) -> None:
        before, refused = self.breaker.state, None
        try:
            self.flying.append(self.breaker.enter())
        except CircuitOpen as refusal:
            refused = refusal
        if refused is None:
            assert before is not State.OPEN
        else:
            assert before is not State.CLOSED
            assert refused.retry_after is not None
            assert 1 <= refused.retry_after <= self.policy.pause

    @precondition(lambda self: self.flying)
    @rule(data=st.data(), outcome=st.sampled_from(Outcome))
    def leave(self, data: st.DataObject, outcome: Outcome) -> None:
        before = self.breaker.state
        era = self.flying.pop(data.draw(st.integers(0, len(self.flying) - 1)))
        self.breaker.leave(era, outcome)
        after = self.breaker.state
        if after is State.OPEN and before is not State.OPEN:
            assert outcome is BAD
        if after is State.CLOSED and before is not State.CLOSED:
            assert outcome in (GOOD, ASIDE)

    @rule(seconds=st.floats(0, 20))
    def wait(self, seconds: float) -> None:
        before = self.breaker.state
        self.clock.now += seconds
        if before is State.OPEN and seconds >= self.policy.pause:
            assert self.breaker.state is State.HALF_OPEN

    @invariant()
    def it_never_stays_shut_for_good(self) -> None:
        if not self.flying and self.breaker.state is State.HALF_OPEN:
            self.breaker.leave(self.breaker.enter(), UNTOLD)


AnyOrder.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestAnyOrder = AnyOrder.TestCase
