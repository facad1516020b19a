"""When the saved card does not pay: tries, notices, another card, the donor's own hand, and the end."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from bh_sdk.server.events.models import RecordedEvent
from bh_sdk.server.ops import clock
from payments_svc.donations.models import Payment
from payments_svc.recurring import rules
from payments_svc.recurring.models import Period
from tests.payments.conftest import person
from tests.payments.series import DAY, Series
from tests.payments.test_recurring import facts, series, time
from tests.payments.test_reports import signed_in

__all__ = ["series", "time"]
pytestmark = pytest.mark.django_db
# One that can be saved and then declines, as a card does whose owner has no money left.
EMPTY = "pm_card_chargeCustomerFail"


def tries(series: Series) -> int:
    """How often Stripe was really asked to charge the open period."""
    payment = Payment.objects.order_by("-created_at").first()
    assert payment is not None
    return len(series.standin.asked(f"/v1/payment_intents/{payment.intent_id}/confirm", "POST"))


def in_trouble(series: Series, card: str = EMPTY) -> Series:
    """A series whose second period has just failed for the first time."""
    series.start()
    series.use(card)
    series.until_next()
    return series


def climb(series: Series) -> None:
    """Let the time of the next try come."""
    period = Period.objects.get(recurring=series.id, state="open")
    assert period.next_try_at is not None
    series.clock.to(period.next_try_at + timedelta(minutes=1))
    series.sweep()


def test_a_failed_charge_is_tried_three_more_times_and_then_it_ends(series: Series) -> None:
    in_trouble(series)
    first = Period.objects.get(recurring=series.id, state="open")
    assert first.first_failed_at is not None
    for number, pause in enumerate(rules.RETRY_AFTER, start=1):
        period = Period.objects.get(recurring=series.id, state="open")
        assert (period.tries, period.next_try_at) == (number, first.first_failed_at + pause)
        assert tries(series) == number
        climb(series)
    series.sweep()
    assert tries(series) == 4
    assert (series.row.status, series.row.ended_why) == ("ended", "charges_failed")
    told = facts("charge_failed")
    assert [fact["tries"] for fact in told] == [1, 2, 3, 4]
    assert [fact["next_try_at"] is None for fact in told] == [False, False, False, True]
    assert {fact["reason"] for fact in told} == {"generic_decline"}
    assert [fact["why"] for fact in facts("ended")] == ["charges_failed"]
    assert series.charges() == [2000]
    payment = Payment.objects.order_by("-created_at").first()
    assert payment is not None
    assert payment.status == "canceled"
    assert series.row.due_at is None


def test_looking_too_often_neither_tries_nor_tells_more(series: Series) -> None:
    in_trouble(series)
    for _ in range(3):
        series.sweep()
    assert tries(series) == 1
    assert len(facts("charge_failed")) == 1


def test_the_donor_sees_what_is_wrong_in_safe_words(series: Series) -> None:
    in_trouble(series)
    trouble = series.seen()["trouble"]
    assert (trouble["reason"], trouble["tries"]) == ("generic_decline", 1)
    assert trouble["next_try_at"] is not None


def test_a_try_that_succeeds_ends_the_trouble_and_keeps_the_calendar(series: Series) -> None:
    in_trouble(series)
    anchor = series.row.anchor_at
    assert anchor is not None
    series.use("pm_card_visa")
    climb(series)
    assert series.charges() == [2000, 2000]
    assert series.seen()["trouble"] is None
    assert series.row.next_at == rules.slot(anchor, "monthly", 2)


def test_a_week_paid_late_stands_for_the_next_one(series: Series) -> None:
    series.start(interval="weekly")
    series.use(EMPTY)
    series.until_next()
    climb(series)
    climb(series)
    series.use("pm_card_visa")
    climb(series)
    series.sweep()
    # Seven days later the next week is due as well; nobody is charged twice on one day.
    assert series.charges() == [2000, 2000]
    assert series.row.next_at > clock.now() + 6 * DAY  # type: ignore[operator]


def test_a_pause_ends_the_tries_and_resuming_does_not_take_them_up(series: Series) -> None:
    in_trouble(series)
    series.do("/pause")
    series.sweep()
    assert series.periods() == [(0, "paid"), (1, "dropped")]
    series.clock.move(2 * DAY)
    series.sweep()
    series.do("/resume")
    series.use("pm_card_visa")
    series.sweep()
    assert tries(series) == 1
    assert series.charges() == [2000]
    payment = Payment.objects.order_by("-created_at").first()
    assert payment is not None
    assert payment.status == "canceled"
    series.until_next()
    assert series.periods() == [(0, "paid"), (1, "dropped"), (2, "paid")]


def test_canceling_ends_the_tries(series: Series) -> None:
    in_trouble(series)
    series.do("/cancel")
    series.sweep()
    series.clock.move(30 * DAY)
    series.sweep()
    assert tries(series) == 1
    assert series.periods() == [(0, "paid"), (1, "dropped")]


class TestTheBanksQuestion:
    def test_a_card_whose_bank_wants_its_holder_is_not_tried_in_vain(self, series: Series) -> None:
        in_trouble(series, "pm_card_authenticationRequired")
        assert facts("charge_failed")[0]["reason"] == "authentication_required"
        climb(series)
        climb(series)
        assert tries(series) == 1
        assert [fact["tries"] for fact in facts("charge_failed")] == [1, 2, 3]

    def test_the_donor_pays_by_hand(self, series: Series) -> None:
        in_trouble(series, "pm_card_authenticationRequired")
        to_pay = series.do("/pay").json()
        assert to_pay["payment"]["recurring_id"] == str(series.id)
        opened = to_pay["payment"] | {"client_secret": to_pay["client_secret"]}
        assert series.donor.confirm(opened).json()["status"] == "succeeded"
        series.sweep()
        assert series.periods() == [(0, "paid"), (1, "paid")]
        assert series.seen()["trouble"] is None
        climb_to = clock.now() + 8 * DAY
        series.clock.to(climb_to)
        series.sweep()
        assert series.charges() == [2000, 2000]

    def test_while_the_donor_is_at_the_bank_nobody_tries(self, series: Series) -> None:
        in_trouble(series)
        to_pay = series.do("/pay").json()
        opened = to_pay["payment"] | {"client_secret": to_pay["client_secret"]}
        assert series.donor.confirm(opened, "pm_card_authenticationRequired").json()["status"] == "requires_action"
        before = tries(series)
        climb(series)
        assert tries(series) == before
        assert series.charges() == [2000]

    def test_there_is_nothing_to_pay_when_nothing_failed(self, series: Series) -> None:
        series.start()
        refused = series.do("/pay")
        assert (refused.status_code, refused.json()["code"]) == (409, "nothing_to_pay")

    def test_a_bank_that_forbids_another_try_is_heeded(self, series: Series) -> None:
        in_trouble(series)
        Period.objects.filter(recurring=series.id, state="open").update(reason="stolen_card")
        climb(series)
        assert tries(series) == 1
        assert [fact["reason"] for fact in facts("charge_failed")] == ["generic_decline", "generic_decline"]


class TestAnotherCard:
    def change(self, series: Series, **body: Any) -> Any:
        return series.do("/method", body)

    def test_it_is_charged_from_now_on_and_at_once_for_what_is_owed(self, series: Series) -> None:
        in_trouble(series)
        changed = self.change(series, payment_method_id="pm_card_mastercard").json()
        assert (changed["method"]["brand"], changed["next_action"]) == ("mastercard", None)
        series.sweep()
        assert series.charges() == [2000, 2000]
        series.until_next()
        assert series.charges() == [2000, 2000, 2000]
        assert [fact["change"] for fact in facts("changed")] == ["method"]

    def test_a_bank_that_asks_is_answered_first(self, series: Series) -> None:
        series.start()
        asked = self.change(series, payment_method_id="pm_card_authenticationRequiredOnSetup").json()
        assert (asked["method"]["last4"], asked["next_action"]["type"]) == ("4242", "use_stripe_sdk")
        early = self.change(series, setup_intent_id=asked["setup_intent_id"]).json()
        assert early["method"]["last4"] == "4242"
        secret = asked["client_secret"]
        page = f"/authenticate/{asked['setup_intent_id']}?client_secret={secret}"
        assert series.standin.http.post(page, data={"result": "complete"}).status_code == 200
        taken = self.change(series, setup_intent_id=asked["setup_intent_id"]).json()
        assert (taken["method"]["last4"], taken["next_action"]) == ("3155", None)
        series.until_next()
        assert series.charges() == [2000, 2000]

    def test_a_bank_whose_question_was_not_answered_changes_nothing(self, series: Series) -> None:
        series.start()
        asked = self.change(series, payment_method_id="pm_card_authenticationRequired").json()
        page = f"/authenticate/{asked['setup_intent_id']}?client_secret={asked['client_secret']}"
        series.standin.http.post(page, data={"result": "fail"})
        refused = self.change(series, setup_intent_id=asked["setup_intent_id"])
        assert (refused.status_code, refused.json()["code"]) == (422, "method_refused")
        assert refused.json()["failure_code"] == "authentication_required"
        assert series.row.last4 == "4242"

    @pytest.mark.parametrize(
        ("card", "code"),
        [
            ("pm_card_chargeDeclined", "generic_decline"),
            ("pm_card_visa_chargeDeclinedStolenCard", "generic_decline"),
            ("pm_card_chargeDeclinedExpiredCard", "expired_card"),
            ("pm_nothing", "generic_decline"),
        ],
    )
    def test_one_that_the_bank_refuses_is_refused(self, series: Series, card: str, code: str) -> None:
        series.start()
        refused = self.change(series, payment_method_id=card)
        assert (refused.status_code, refused.json()["code"], refused.json()["failure_code"]) == (
            422,
            "method_refused",
            code,
        )
        assert series.row.last4 == "4242"

    def test_another_donors_setup_is_none(self, series: Series) -> None:
        series.start()
        other = Series(person(), series.standin, series.clock, series.campaign).start()
        theirs = self.change(other, payment_method_id="pm_card_mastercard").json()
        refused = self.change(series, setup_intent_id=theirs["setup_intent_id"])
        assert refused.json()["code"] == "method_refused"
        assert series.row.brand == "visa"

    def test_exactly_one_way_is_named(self, series: Series) -> None:
        series.start()
        assert self.change(series).status_code == 422
        both = {"payment_method_id": "pm_card_visa", "setup_intent_id": "seti_x"}
        assert self.change(series, **both).status_code == 422

    def test_the_bank_leads_back_to_our_site_alone(self, series: Series) -> None:
        series.start()
        refused = self.change(series, payment_method_id="pm_card_visa", return_url="https://evil.example/")
        assert refused.status_code == 422

    def test_a_card_that_was_removed_at_stripe_fails_like_any_other(self, series: Series) -> None:
        series.start()
        series.standin.stripe.v1.payment_methods.detach(str(series.row.method_id))
        series.until_next()
        assert len(facts("charge_failed")) == 1
        assert series.row.status == "active"
        self.change(series, payment_method_id="pm_card_visa")
        series.sweep()
        assert series.charges() == [2000, 2000]


class TestOldCards:
    def expire(self, series: Series, year: int, month: int) -> None:
        method = str(series.row.method_id)
        series.standin.stripe.v1.payment_methods.update(method, {"card": {"exp_year": year, "exp_month": month}})
        type(series.row).objects.filter(id=series.id).update(exp_year=year, exp_month=month)

    def test_the_donor_is_told_once_before_the_charge(self, series: Series) -> None:
        series.start(interval="yearly")
        next_at = series.row.next_at
        assert next_at is not None
        gone = next_at - 40 * DAY
        self.expire(series, gone.year, gone.month)
        series.sweep()
        assert facts("card_expiring") == []
        series.clock.to(next_at - 29 * DAY)
        for _ in range(3):
            series.sweep()
        assert [fact["expires"] for fact in facts("card_expiring")] == [f"{gone.year}-{gone.month:02}"]

    def test_a_card_that_its_bank_renewed_is_no_news(self, series: Series) -> None:
        series.start()
        next_at = series.row.next_at
        assert next_at is not None
        old = next_at - 40 * DAY
        type(series.row).objects.filter(id=series.id).update(exp_year=old.year, exp_month=old.month)
        series.sweep()
        assert facts("card_expiring") == []
        assert (series.row.exp_year, series.row.exp_month) == (2034, 12)

    def test_another_card_that_ends_is_told_of_again(self, series: Series) -> None:
        series.start()
        next_at = series.row.next_at
        assert next_at is not None
        old = next_at - 40 * DAY
        self.expire(series, old.year, old.month)
        series.sweep()
        assert series.do("/method", {"payment_method_id": "pm_card_visa"}).status_code == 200
        self.expire(series, old.year, old.month)
        series.sweep()
        assert len(facts("card_expiring")) == 2


def test_a_failed_period_is_told_of_as_such(series: Series) -> None:
    in_trouble(series)
    (failed,) = RecordedEvent.objects.filter(type="payments.donation.failed.v1").values_list("payload", flat=True)
    assert failed["off_session"] is True


class TestDesk:
    LIST = "/admin/payments_recurring/recurringgift/"

    def page(self, series: Series) -> str:
        return signed_in("support").get(f"{self.LIST}{series.id}/change/").content.decode()

    def end(self, series: Series, *roles: str, note: str = "Asked by phone") -> Any:
        """What the dialog's button sends."""
        client = signed_in(*roles)
        address = f"{self.LIST}{series.id}/end-for-donor/"
        found = re.findall(r'"(/admin/[^"]*end[^"]*)"', self.page(series))
        body = {"_form_submitted": "True", "note": note}
        return client.post(found[0] if found else address, body, headers={"HX-Request": "true"})

    def test_a_series_tells_its_story(self, series: Series) -> None:
        in_trouble(series)
        page = self.page(series)
        for words in ("20.00", "Card failed", "Waiting for the next try", "Started", "A charge failed", "ending in"):
            assert words in page, words
        payment = Payment.objects.order_by("-created_at").first()
        assert payment is not None
        assert f"/admin/payments_donations/payment/{payment.id}/change/" in page
        found = signed_in("support").get(self.LIST, {"q": str(payment.id)}).content.decode()
        assert str(series.id) in found

    def test_the_first_page_leads_to_the_cards_that_failed(self, series: Series) -> None:
        in_trouble(series)
        healthy = Series(person(), series.standin, series.clock, series.campaign).start()
        client = signed_in("support")
        assert "Cards that failed" in client.get("/admin/").content.decode()
        shown = client.get(f"{self.LIST}?card=failed").content.decode()
        assert str(series.id) in shown
        assert str(healthy.id) not in shown

    def test_support_ends_it_for_the_donor_and_says_why(self, series: Series) -> None:
        series.start()
        assert self.end(series, "support").status_code == 200
        row = series.row
        assert (row.status, row.ended_why, row.ended_note) == ("ended", "canceled", "Asked by phone")
        assert row.ended_by not in (None, row.donor_id)
        (ended,) = RecordedEvent.objects.filter(type="payments.recurring.ended.v1")
        assert ended.actor == str(row.ended_by)
        assert "Asked by phone" in self.page(series)

    def test_without_a_note_nothing_ends(self, series: Series) -> None:
        series.start()
        self.end(series, "support", note="")
        assert series.row.status == "active"

    @pytest.mark.parametrize("role", ["auditor", "editor"])
    def test_who_may_not_ends_nothing(self, series: Series, role: str) -> None:
        series.start()
        assert self.end(series, role).status_code in (302, 403)
        assert series.row.status == "active"

    def test_finance_takes_the_list_along(self, series: Series) -> None:
        series.start()
        row = signed_in("finance").get("/staff/reports/recurring/?format=json&interval=monthly").json()["results"][0]
        assert (row["amount"], row["interval"], row["status"]) == ("20.00", "monthly", "active")
        assert signed_in("editor").get("/staff/reports/recurring/?format=json").status_code == 403
