"""Recurring gifts: begun by a gift, charged by the calendar, in the donor's hand."""

from __future__ import annotations

import uuid
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from bh_sdk.server.events.models import RecordedEvent
from bh_sdk.server.ops import clock
from payments_svc.donations.models import Campaign, Payment
from payments_svc.ledger.models import Journal
from payments_svc.recurring import rules
from payments_svc.recurring.models import Customer, Period, RecurringGift
from tests.payments.conftest import Caller, StandIn, person, service
from tests.payments.series import DAY, Clock, Series

pytestmark = pytest.mark.django_db


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Clock:
    monkeypatch.setenv("BH_CLOCK_FILE", str(tmp_path / "clock"))
    return Clock(tmp_path / "clock")


@pytest.fixture
def series(standin: StandIn, donor: Caller, campaign: Any, time: Clock) -> Series:
    return Series(donor, standin, time, campaign)


def facts(kind: str) -> list[dict[str, Any]]:
    return list(
        RecordedEvent.objects.filter(type=f"payments.recurring.{kind}.v1")
        .order_by("created_at")
        .values_list("payload", flat=True)
    )


class TestStarting:
    def test_a_series_begins_when_its_first_gift_arrives(self, series: Series) -> None:
        asked = series.ask(message="Every month", cover_fees=True).json()
        assert (asked["status"], asked["next_at"], asked["method"]) == ("starting", None, None)
        assert asked["payment"]["recurring_id"] == asked["recurring_id"]
        series.created = asked
        series.sweep()
        assert series.seen()["status"] == "starting"
        assert facts("started") == []
        series.donor.confirm(asked["payment"] | {"client_secret": asked["client_secret"]})
        series.sweep()
        seen = series.seen()
        assert (seen["status"], seen["method"]) == (
            "active",
            {"kind": "card", "brand": "visa", "last4": "4242", "expires": "2034-12"},
        )
        first = Payment.objects.get()
        assert first.message == "Every month"
        assert series.row.next_at == rules.slot(first.succeeded_at, "monthly", 1)  # type: ignore[arg-type]
        assert [fact["recurring_id"] for fact in facts("started")] == [asked["recurring_id"]]
        assert series.periods() == [(0, "paid")]

    def test_the_same_key_resumes_it_and_opens_one(self, series: Series) -> None:
        key = uuid.uuid4()
        series.standin.pull(method="POST", path="/v1/payment_intents", effect="lose_answer")
        assert series.ask(key=key).status_code == 502
        resumed = series.ask(key=key)
        assert resumed.status_code == 201
        assert RecurringGift.objects.count() == Period.objects.count() == Payment.objects.count() == 1
        assert len(series.standin.intents(resumed.json()["payment"]["payment_id"])) == 1

    @pytest.mark.parametrize("effect", ["lose_answer", "error_after", "error_before"])
    def test_a_customer_whose_name_was_lost_is_asked_for_again(self, series: Series, effect: str) -> None:
        key = uuid.uuid4()
        series.standin.pull(method="POST", path="/v1/customers", effect=effect)
        assert series.ask(key=key).status_code == 502
        assert series.ask(key=key).status_code == 201
        assert Customer.objects.get().stripe_id is not None

    def test_a_donor_is_one_customer(self, series: Series) -> None:
        series.start()
        series.start(interval="weekly")
        assert Customer.objects.count() == 1
        assert RecurringGift.objects.count() == 2

    @pytest.mark.parametrize(
        ("changes", "status", "code"),
        [
            ({"amount": "4.99"}, 422, "amount_out_of_bounds"),
            ({"amount": "5.001"}, 422, "amount_invalid"),
            ({"currency": "USD"}, 422, "currency_mismatch"),
            ({"interval": "daily"}, 422, "invalid"),
            ({"campaign_id": str(uuid.uuid4())}, 404, "not_found"),
            ({"donor": {"name": "Ruth", "email": "ruth@demo.test"}}, 422, "invalid"),
        ],
    )
    def test_what_cannot_be_given_is_refused_and_nothing_is_written(
        self, series: Series, changes: dict[str, Any], status: int, code: str
    ) -> None:
        refused = series.ask(**changes)
        assert (refused.status_code, refused.json()["code"]) == (status, code)
        assert RecurringGift.objects.count() == Customer.objects.count() == Payment.objects.count() == 0

    def test_a_campaign_that_takes_no_gifts_takes_no_recurring_ones(self, series: Series) -> None:
        Campaign.objects.update(status="COMPLETED")
        assert series.ask().json()["code"] == "campaign_not_accepting"
        assert RecurringGift.objects.count() == 0

    def test_it_takes_an_account(self, series: Series) -> None:
        series.donor = Caller()
        refused = series.ask()
        assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")

    def test_a_first_gift_that_is_declined_can_be_tried_again(self, series: Series) -> None:
        series.start("pm_card_chargeDeclined")
        assert series.seen()["status"] == "starting"
        series.donor.confirm(series.created["payment"] | {"client_secret": series.created["client_secret"]})
        series.sweep()
        assert series.seen()["status"] == "active"

    def test_one_whose_first_gift_never_came_ends_without_a_word(self, series: Series) -> None:
        series.created = series.ask().json()
        series.clock.move(9 * DAY)
        series.sweep()
        series.sweep()
        assert (series.row.status, series.row.ended_why) == ("ended", "never_started")
        assert Payment.objects.get().status == "canceled"
        assert facts("ended") == []

    def test_a_first_gift_paid_after_the_donor_canceled_is_one_gift(self, series: Series) -> None:
        series.created = series.ask().json()
        intent = series.created["payment"]["payment_intent_id"]
        series.standin.stripe.v1.payment_intents.confirm(intent, {"payment_method": "pm_card_visa"})
        assert series.do("/cancel").json()["status"] == "ended"
        series.sweep()
        assert Payment.objects.get().status == "succeeded"
        assert (series.row.status, series.periods()) == ("ended", [(0, "paid")])
        assert facts("started") == facts("ended") == []


class TestCalendar:
    def test_every_month_is_charged_once(self, series: Series) -> None:
        series.start()
        for _ in range(12):
            series.until_next()
            series.sweep()
        assert series.charges() == [2000] * 13
        assert series.periods() == [(number, "paid") for number in range(13)]
        assert Payment.objects.filter(status="succeeded", recurring_id=series.id).count() == 13
        assert Journal.objects.count() == 13

    def test_the_history_shows_every_period(self, series: Series) -> None:
        series.start()
        series.until_next()
        history = series.donor("GET", f"/history/{series.donor.sub}").json()["results"]
        assert [(entry["recurring_id"], entry["status"]) for entry in history] == [(str(series.id), "succeeded")] * 2
        one = series.donor("GET", f"/{history[0]['payment_id']}").json()
        assert one["recurring_id"] == str(series.id)

    def test_the_gift_that_arrives_names_its_series(self, series: Series) -> None:
        series.start()
        series.until_next()
        arrived = RecordedEvent.objects.filter(type="payments.donation.succeeded.v1").values_list("payload", flat=True)
        assert [fact["recurring_id"] for fact in arrived] == [str(series.id)] * 2

    def test_nothing_is_charged_before_its_time(self, series: Series) -> None:
        series.start()
        next_at = series.row.next_at
        assert next_at is not None
        series.clock.to(next_at - timedelta(minutes=5))
        series.sweep()
        assert series.charges() == [2000]

    def test_after_an_outage_of_a_year_the_donor_pays_once(self, series: Series) -> None:
        series.start()
        series.clock.move(400 * DAY)
        series.sweep()
        series.sweep()
        assert series.charges() == [2000, 2000]
        assert [state for _, state in series.periods()] == ["paid", "paid"]
        assert series.row.next_at > clock.now()  # type: ignore[operator]

    @pytest.mark.parametrize(("interval", "charges"), [("weekly", 53), ("quarterly", 5), ("yearly", 2)])
    def test_a_year_of(self, series: Series, interval: str, charges: int) -> None:
        series.start(interval=interval)
        end = clock.now() + timedelta(days=366)
        while (next_at := series.row.next_at) and next_at < end:
            series.until_next()
        assert series.charges() == [2000] * charges

    def test_covered_fees_are_charged_every_time(self, series: Series) -> None:
        series.start(cover_fees=True)
        series.until_next()
        first, second = series.charges()
        assert first == second > 2000

    def test_a_campaign_that_closed_ends_it(self, series: Series) -> None:
        series.start()
        Campaign.objects.update(status="COMPLETED")
        series.until_next()
        series.sweep()
        assert (series.row.status, series.row.ended_why) == ("ended", "campaign_ended")
        assert [fact["why"] for fact in facts("ended")] == ["campaign_ended"]
        assert series.charges() == [2000]
        assert series.row.due_at is None

    def test_bounds_that_a_campaign_sets_later_do_not_touch_what_was_agreed(self, series: Series) -> None:
        series.start()
        Campaign.objects.update(min_amount=5000)
        series.until_next()
        assert series.charges() == [2000, 2000]


class TestChanges:
    def test_another_amount_counts_from_the_next_period(self, series: Series) -> None:
        series.start()
        changed = series.do("", {"amount": "35.00"}, method="PATCH")
        assert changed.json()["amount"] == "35.00"
        assert series.do("", {"amount": "35.00"}, method="PATCH").status_code == 200
        series.until_next()
        assert series.charges() == [2000, 3500]
        assert [fact["change"] for fact in facts("changed")] == ["amount"]

    def test_too_little_is_refused(self, series: Series) -> None:
        series.start()
        refused = series.do("", {"amount": "4.00"}, method="PATCH")
        assert (refused.status_code, refused.json()["minimum"]) == (422, "5.00")
        assert series.row.amount == 2000

    def test_a_pause_charges_nothing_and_resuming_nothing_of_the_past(self, series: Series) -> None:
        series.start()
        paused = series.do("/pause").json()
        assert (paused["status"], paused["next_at"]) == ("paused", None)
        assert series.do("/pause").status_code == 200
        series.clock.move(100 * DAY)
        series.sweep()
        assert series.charges() == [2000]
        resumed = series.do("/resume").json()
        assert resumed["status"] == "active"
        series.sweep()
        assert series.charges() == [2000]
        series.until_next()
        assert series.charges() == [2000, 2000]
        assert [fact["change"] for fact in facts("changed")] == ["paused", "resumed"]

    def test_a_skipped_period_is_left_out(self, series: Series) -> None:
        series.start()
        left_out = series.row.next_at
        after = series.do("/skip").json()["next_at"]
        assert left_out is not None
        series.clock.to(left_out + DAY)
        series.sweep()
        assert series.charges() == [2000]
        series.until_next()
        assert series.charges() == [2000, 2000]
        assert series.periods() == [(0, "paid"), (1, "skipped"), (2, "paid")]
        assert after > left_out.isoformat()

    def test_nobody_skips_for_ever(self, series: Series) -> None:
        series.start()
        for _ in range(rules.MOST_SKIPPED):
            assert series.do("/skip").status_code == 200
        assert series.do("/skip").json()["code"] == "conflict"

    def test_skipping_twice_with_one_key_skips_once(self, series: Series) -> None:
        series.start()
        key = uuid.uuid4()
        for _ in range(2):
            assert series.donor("POST", f"/recurring/{series.id}/skip", key=key).status_code == 200
        assert series.periods() == [(0, "paid"), (1, "skipped")]

    def test_what_was_canceled_never_charges_again(self, series: Series) -> None:
        series.start()
        assert series.do("/cancel").json()["ended_why"] == "canceled"
        assert series.do("/cancel").status_code == 200
        series.clock.move(70 * DAY)
        series.sweep()
        assert series.charges() == [2000]
        assert [fact["why"] for fact in facts("ended")] == ["canceled"]
        assert series.row.due_at is None

    @pytest.mark.parametrize("verb", ["/pause", "/resume", "/skip"])
    @pytest.mark.parametrize("state", ["starting", "ended"])
    def test_what_has_not_begun_or_has_ended_is_not_changed(self, series: Series, verb: str, state: str) -> None:
        if state == "starting":
            series.created = series.ask().json()
        else:
            series.start()
            series.do("/cancel")
        before = series.row
        refused = series.do(verb)
        assert (refused.status_code, refused.json()["code"]) == (409, "recurring_not_changeable")
        assert refused.json()["recurring_status"] == state
        assert series.row.status == before.status

    def test_one_that_is_paused_skips_nothing(self, series: Series) -> None:
        series.start()
        series.do("/pause")
        assert series.do("/skip").json()["code"] == "recurring_not_changeable"

    def test_a_closed_campaign_is_not_resumed(self, series: Series) -> None:
        series.start()
        series.do("/pause")
        Campaign.objects.update(status="CANCELLED")
        assert series.do("/resume").json()["code"] == "campaign_not_accepting"
        assert series.row.status == "paused"


class TestWhoSees:
    def test_a_donor_lists_their_own(self, series: Series) -> None:
        series.start()
        series.start(interval="yearly")
        page = series.donor("GET", "/recurring?limit=1").json()
        assert [one["interval"] for one in page["results"]] == ["yearly"]
        assert page["next"] is not None
        assert person()("GET", "/recurring").json()["results"] == []

    def test_another_donor_finds_nothing(self, series: Series) -> None:
        series.start()
        stranger = person()
        assert stranger("GET", f"/recurring/{series.id}").status_code == 404
        assert stranger("GET", f"/recurring?user_id={series.donor.sub}").status_code == 404
        for verb in ("pause", "resume", "skip", "cancel", "pay"):
            answer = stranger("POST", f"/recurring/{series.id}/{verb}", key=uuid.uuid4())
            assert answer.status_code == 404, verb
        assert stranger("PATCH", f"/recurring/{series.id}", {"amount": "50.00"}).status_code == 404
        body = {"payment_method_id": "pm_card_visa"}
        assert stranger("POST", f"/recurring/{series.id}/method", body, key=uuid.uuid4()).status_code == 404
        assert series.row.status == "active"

    @pytest.mark.parametrize("who", ["support", "finance", "auditor"])
    def test_staff_read_and_change_nothing(self, series: Series, who: str) -> None:
        series.start()
        staff = person(who)
        assert staff("GET", f"/recurring/{series.id}").json()["status"] == "active"
        assert len(staff("GET", f"/recurring?user_id={series.donor.sub}").json()["results"]) == 1
        assert staff("POST", f"/recurring/{series.id}/cancel").status_code in (403, 404)
        assert series.row.status == "active"

    def test_the_platform_reads_whose_it_names(self, series: Series) -> None:
        series.start()
        monolith = service("monolith")
        assert len(monolith("GET", f"/recurring?user_id={series.donor.sub}").json()["results"]) == 1
        assert monolith("GET", "/recurring").status_code == 422


class TestDatabase:
    def test_it_knows_the_moves_of_the_rules(self) -> None:
        guard = import_module("payments_svc.recurring.migrations.0002_guard")
        assert {now: sorted(onward) for now, onward in rules.MOVES.items() if onward} == guard.MOVES
        assert {now: sorted(onward) for now, onward in rules.PERIOD_MOVES.items() if onward} == guard.PERIOD_MOVES

    def test_no_path_revives_an_ended_series_or_deletes_a_period(self, series: Series) -> None:
        series.start()
        series.do("/cancel")
        for change in (
            lambda: RecurringGift.objects.filter(id=series.id).update(status="paused", ended_why=None, ended_at=None),
            lambda: RecurringGift.objects.filter(id=series.id).update(currency="USD"),
            lambda: Period.objects.filter(recurring=series.id).update(state="dropped"),
            lambda: Period.objects.filter(recurring=series.id).update(payment_id=uuid.uuid4()),
            lambda: Period.objects.filter(recurring=series.id)._raw_delete("default"),
        ):
            with pytest.raises(DatabaseError), transaction.atomic():
                change()
