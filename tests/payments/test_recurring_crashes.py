"""Whatever dies, and however many work at once: one charge at Stripe per period."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from bh_sdk.errors import BHError
from payments_svc.donations.models import Payment
from payments_svc.gateway.errors import GatewayError
from payments_svc.ledger.models import Journal
from payments_svc.recurring import charging
from payments_svc.recurring.models import Period, RecurringGift
from payments_svc.recurring.tasks import work
from tests.payments.series import DAY, Series
from tests.payments.test_recurring import facts, series, time

__all__ = ["series", "time"]
# Every call to Stripe that one charge makes, in its order.
CALLS = [("POST", "/v1/payment_intents"), ("POST", "/v1/payment_intents/*/confirm")]
EFFECTS = [("lose_answer", True), ("error_after", True), ("error_after", False), ("error_before", True)]


class Killed(BaseException):
    """kill -9, as near as a test comes to it: nothing that catches errors catches this."""


def paid_once(series: Series, periods: int) -> None:
    """Every period was charged once, at Stripe and in the books."""
    assert series.charges() == [2000] * periods
    assert len(set(series.charged_intents())) == periods
    assert Payment.objects.filter(recurring_id=series.id, status="succeeded").count() == periods
    assert Journal.objects.filter(kind="donation").count() == periods
    assert [state for _, state in series.periods()] == ["paid"] * periods


@pytest.mark.django_db
class TestLostAnswers:
    @pytest.mark.parametrize(("effect", "saved"), EFFECTS)
    @pytest.mark.parametrize(("method", "path"), CALLS)
    def test_a_lost_answer_is_found_out_and_charged_once(
        self, series: Series, method: str, path: str, effect: str, saved: bool
    ) -> None:
        series.start()
        series.standin.pull(method=method, path=path, effect=effect, saved=saved)
        series.until_next()
        for _ in range(3):
            series.sweep()
        paid_once(series, 2)

    @pytest.mark.parametrize(("effect", "saved"), EFFECTS)
    def test_a_decline_whose_answer_was_lost_counts_once(self, series: Series, effect: str, saved: bool) -> None:
        series.start()
        series.use("pm_card_chargeCustomerFail")
        series.standin.pull(method="POST", path="/v1/payment_intents/*/confirm", effect=effect, saved=saved)
        series.until_next()
        for _ in range(3):
            series.sweep()
        assert [fact["tries"] for fact in facts("charge_failed")] == [1]
        assert Period.objects.get(recurring=series.id, state="open").tries == 1

    @pytest.mark.parametrize("effect", ["lose_answer", "error_after", "error_before"])
    def test_the_first_gifts_card_is_found_out_too(self, series: Series, effect: str) -> None:
        series.created = series.ask().json()
        opened = series.created["payment"] | {"client_secret": series.created["client_secret"]}
        series.donor.confirm(opened)
        series.standin.pull(method="GET", path="/v1/payment_intents/*", effect=effect)
        series.sweep()
        series.sweep()
        assert series.row.status == "active"
        assert len(facts("started")) == 1


# With real transactions: whatever was not committed is gone, as it is when a process dies.
@pytest.mark.django_db(transaction=True)
class TestKilledWorkers:
    def test_killed_at_any_statement_the_next_worker_goes_on_and_the_period_is_charged_once(
        self, series: Series
    ) -> None:
        """Month after month a worker dies one statement later, until one lives through its month."""
        series.start()
        months = 0
        for fatal in range(1, 400):
            next_at = series.row.next_at
            assert next_at is not None
            series.clock.to(next_at + timedelta(minutes=5))
            died = killed_at(fatal)
            months += 1
            series.sweep()
            assert series.periods()[-1] == (months, "paid"), f"killed at statement {fatal}"
            if not died:
                break
        assert not died
        assert months > 40
        paid_once(series, months + 1)

    def test_what_a_killed_worker_meant_to_charge_is_not_charged_after_a_pause(self, series: Series) -> None:
        series.start()
        series.standin.pull(method="POST", path="/v1/payment_intents/*/confirm", effect="error_before")
        series.until_next()
        assert Period.objects.get(recurring=series.id, state="open").stage == "trying"
        series.do("/pause")
        for _ in range(3):
            series.sweep()
        assert series.charges() == [2000]
        assert series.periods() == [(0, "paid"), (1, "dropped")]
        assert sorted(Payment.objects.values_list("status", flat=True)) == ["canceled", "succeeded"]

    def test_a_charge_that_the_pause_came_too_late_for_is_booked(self, series: Series) -> None:
        series.start()
        series.standin.pull(method="POST", path="/v1/payment_intents/*/confirm", effect="lose_answer")
        next_at = series.row.next_at
        assert next_at is not None
        series.clock.to(next_at + timedelta(minutes=5))
        work()
        series.do("/pause")
        series.sweep()
        paid_once(series, 2)
        assert series.row.status == "paused"


def killed_at(statement: int) -> bool:
    """Work, and die at this statement to the database, as a killed worker does. False when it was done before."""
    counted = 0

    def deadly(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        nonlocal counted
        counted += 1
        if counted == statement:
            raise Killed
        return execute(sql, params, many, context)

    try:
        with connection.execute_wrapper(deadly):
            work()
    except Killed:
        return True
    return False


@pytest.mark.django_db(transaction=True)
class TestTwoWorkers:
    def together(self, *jobs: Any) -> None:
        start = threading.Barrier(len(jobs))
        broken: list[BaseException] = []

        def run(job: Any) -> None:
            try:
                start.wait(10)
                job()
            except BaseException as error:
                broken.append(error)
            finally:
                connection.close()

        threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert broken == []

    def test_a_due_series_is_claimed_by_one(self, series: Series) -> None:
        series.start()
        next_at = series.row.next_at
        assert next_at is not None
        series.clock.to(next_at + timedelta(minutes=5))
        self.together(*[work] * 4)
        series.sweep()
        paid_once(series, 2)

    def test_even_workers_that_hold_the_same_series_charge_once(self, series: Series) -> None:
        series.start()
        for _ in range(3):
            next_at = series.row.next_at
            assert next_at is not None
            series.clock.to(next_at + timedelta(minutes=5))
            # As if the lease of the first had run out while it waited for Stripe.
            self.together(*[lambda: _worked(series)] * 3)
            series.sweep()
        paid_once(series, 4)
        assert RecurringGift.objects.get().next_number == 4

    def test_a_payment_that_is_opened_behind_a_cancel_is_given_up(self, series: Series) -> None:
        series.start()
        series.standin.pull(method="POST", path="/v1/payment_intents", late_ms=1500, late="answer")
        next_at = series.row.next_at
        assert next_at is not None
        series.clock.to(next_at + timedelta(minutes=5))

        def canceled_meanwhile() -> None:
            while not Payment.objects.filter(recurring_id=series.id, off_session=True).exists():
                pass
            series.do("/cancel")

        self.together(work, canceled_meanwhile)
        for _ in range(3):
            series.sweep()
        assert series.charges() == [2000]
        assert series.periods() == [(0, "paid"), (1, "dropped")]
        assert sorted(Payment.objects.values_list("status", flat=True)) == ["canceled", "succeeded"]

    def test_a_pause_and_a_charge_at_once_end_in_one_of_the_two(self, series: Series) -> None:
        series.start()
        next_at = series.row.next_at
        assert next_at is not None
        series.clock.to(next_at + timedelta(minutes=5))
        self.together(lambda: _worked(series), lambda: series.do("/pause"))
        for _ in range(3):
            series.sweep()
        state = dict(series.periods()).get(1)
        assert series.row.status == "paused"
        assert (state, len(series.charges())) in {("paid", 2), ("dropped", 1), (None, 1)}
        series.clock.move(60 * DAY)
        series.sweep()
        assert len(series.charges()) == (2 if state == "paid" else 1)


def _worked(series: Series) -> None:
    """One look that may be told that Stripe is busy with the other one; the next look finds out."""
    try:
        charging.work(series.id)
    except (GatewayError, BHError):
        return
