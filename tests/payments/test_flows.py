"""The ways a payment can take besides a card that is charged at once: the bank's question, declines, giving up, debits."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Barrier
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connections

from bh_sdk.server.events.models import RecordedEvent
from bh_sdk.server.ops import clock
from bh_sdk.server.ops.settings import setting
from payments_svc.donations import declines
from payments_svc.donations.models import FailedTry, Payment
from payments_svc.donations.tasks import look_again
from payments_svc.gateway.tasks import work_events
from payments_svc.ledger.models import Journal
from tests.payments.conftest import Caller, StandIn, deliver, person
from tests.payments.factories import CampaignFactory
from tests.payments.test_reports import signed_in

pytestmark = pytest.mark.django_db
ASKED = "pm_card_authenticationRequired"


def sweep() -> None:
    Payment.objects.filter(look_again_at__isnull=False).update(look_again_at=clock.now())
    look_again()


def facts(payment_id: str) -> list[str]:
    rows = RecordedEvent.objects.filter(aggregateid=payment_id).order_by("sequence")
    return [row.type.removeprefix("payments.donation.").removesuffix(".v1") for row in rows]


def site() -> str:
    return str(min(setting("BH_ALLOWED_ORIGINS")))


def confirm(donor: Caller, opened: dict[str, Any], card: str | None, **more: Any) -> Any:
    body = {"payment_intent_id": opened["payment_intent_id"], "client_secret": opened["client_secret"]} | more
    return donor("POST", "/confirm", body | ({"payment_method_id": card} if card else {}), key=uuid.uuid4())


def cancel(donor: Caller, opened: dict[str, Any], **body: Any) -> Any:
    return donor("POST", f"/{opened['payment_id']}/cancel", body)


class TestTheBanksQuestion:
    """3-D Secure."""

    @pytest.mark.parametrize("told_by", ["poll", "webhook", "sweep"])
    def test_answered_it_charges_the_card(self, standin: StandIn, guest: Caller, campaign: Any, told_by: str) -> None:
        opened = guest.open(campaign).json()
        asked = confirm(guest, opened, ASKED, return_url=f"{site()}/thanks?gift=1").json()
        assert (asked["status"], asked["next_action"]["type"]) == ("requires_action", "redirect_to_url")
        assert (Journal.objects.count(), facts(opened["payment_id"])) == (0, ["created"])

        back = urlsplit(standin.answer_the_bank(asked["next_action"]).headers["location"])
        assert f"{back.scheme}://{back.netloc}{back.path}" == f"{site()}/thanks"
        assert parse_qs(back.query)["redirect_status"] == ["succeeded"]

        if told_by == "poll":
            assert confirm(guest, opened, None).json()["status"] == "succeeded"
        elif told_by == "webhook":
            deliver(standin.events(opened["payment_intent_id"])[-1])
            work_events()
        else:
            sweep()
        assert Payment.objects.get().status == "succeeded"
        assert (Journal.objects.count(), facts(opened["payment_id"])) == (1, ["created", "succeeded"])

    def test_failed_it_can_be_tried_again_on_the_same_intent(
        self, standin: StandIn, donor: Caller, campaign: Any
    ) -> None:
        opened = donor.open(campaign).json()
        asked = confirm(donor, opened, ASKED, return_url=site()).json()
        standin.answer_the_bank(asked["next_action"], "fail")
        failed = confirm(donor, opened, None).json()
        assert (failed["status"], failed["failure_code"]) == ("requires_payment_method", "authentication_required")
        assert Journal.objects.count() == 0

        again = confirm(donor, opened, ASKED, return_url=site()).json()
        assert (again["status"], again["failure_code"]) == ("requires_action", None)
        standin.answer_the_bank(again["next_action"])
        assert confirm(donor, opened, None).json()["status"] == "succeeded"
        assert facts(opened["payment_id"]) == ["created", "failed", "succeeded"]
        assert len(standin.intents(opened["payment_id"])) == 1

    def test_a_card_that_passes_the_question_may_still_be_declined(
        self, standin: StandIn, donor: Caller, campaign: Any
    ) -> None:
        opened = donor.open(campaign).json()
        card = "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds"
        asked = confirm(donor, opened, card, return_url=site()).json()
        standin.answer_the_bank(asked["next_action"])
        told = confirm(donor, opened, None).json()
        assert (told["status"], told["failure_code"]) == ("requires_payment_method", "insufficient_funds")

    def test_without_a_way_back_stripes_own_script_asks(self, standin: StandIn, donor: Caller, campaign: Any) -> None:
        asked = confirm(donor, donor.open(campaign).json(), ASKED).json()
        assert asked["next_action"] == {"type": "use_stripe_sdk", "url": None}

    @pytest.mark.parametrize(
        "url",
        [
            "https://evil.test/thanks",
            "{site}.evil.test/",
            "{site}@evil.test/",
            "//evil.test",
            "javascript:alert(1)",
            "{s}",
        ],
    )
    def test_the_way_back_leads_to_our_site_alone(
        self, standin: StandIn, donor: Caller, campaign: Any, url: str
    ) -> None:
        opened = donor.open(campaign).json()
        refused = confirm(donor, opened, ASKED, return_url=url.format(site=site(), s=site().partition("://")[2]))
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid")
        assert refused.json()["errors"][0]["pointer"] == "#/return_url"
        assert Payment.objects.get().status == "requires_payment_method"


class TestDeclines:
    @pytest.mark.parametrize(
        ("card", "safe", "raw"),
        [
            ("pm_card_visa_chargeDeclined", "generic_decline", "generic_decline"),
            ("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds", "insufficient_funds"),
            ("pm_card_visa_chargeDeclinedLostCard", "generic_decline", "lost_card"),
            ("pm_card_visa_chargeDeclinedStolenCard", "generic_decline", "stolen_card"),
            ("pm_card_chargeDeclinedFraudulent", "generic_decline", "fraudulent"),
            ("pm_card_radarBlock", "generic_decline", "fraudulent"),
            ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
            ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_details", "incorrect_cvc"),
            ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
            ("pm_card_visa_chargeDeclinedVelocityLimitExceeded", "limit_exceeded", "card_velocity_exceeded"),
        ],
    )
    def test_the_donor_hears_a_safe_reason_and_staff_the_banks(
        self, standin: StandIn, donor: Caller, campaign: Any, card: str, safe: str, raw: str
    ) -> None:
        opened = donor.open(campaign).json()
        told = donor.confirm(opened, card).json()
        assert (told["status"], told["failure_code"]) == ("requires_payment_method", safe)
        assert told["failure_message"] == declines.words(raw)
        assert FailedTry.objects.get().code == Payment.objects.get().failure_code == raw
        recorded = RecordedEvent.objects.get(type="payments.donation.failed.v1")
        assert recorded.payload["reason"] == safe
        page = signed_in("support").get(f"/admin/payments_donations/payment/{opened['payment_id']}/change/")
        assert f">{raw}<" in re.sub(r">\s+|\s+<", lambda gap: gap[0].strip(), page.content.decode())

    def test_nothing_that_is_not_known_to_be_harmless_goes_out(self) -> None:
        for code in ("stolen_card", "pickup_card", "merchant_blacklist", "restricted_card", "one_of_next_year", ""):
            assert declines.safe_code(code) == "generic_decline"
            assert declines.words(code) == declines.words("generic_decline")

    def test_each_try_is_a_fact_and_all_are_one_payment(self, standin: StandIn, donor: Caller, campaign: Any) -> None:
        opened = donor.open(campaign).json()
        for card in ("pm_card_visa_chargeDeclined", "pm_card_visa_chargeDeclined", "pm_card_chargeDeclinedExpiredCard"):
            assert donor.confirm(opened, card).json()["status"] == "requires_payment_method"
        sweep()
        assert donor.confirm(opened).json()["failure_code"] is None
        assert facts(opened["payment_id"]) == ["created", "failed", "failed", "failed", "succeeded"]
        assert (Payment.objects.count(), FailedTry.objects.count(), Journal.objects.count()) == (1, 3, 1)
        assert len(standin.intents(opened["payment_id"])) == 1


class TestGivingUp:
    def test_a_payer_gives_it_up_once_however_often_they_say_so(
        self, standin: StandIn, donor: Caller, campaign: Any
    ) -> None:
        opened = donor.open(campaign).json()
        for _ in range(3):
            answer = cancel(donor, opened)
            assert (answer.status_code, answer.json()["status"]) == (200, "canceled"), answer.json()
        assert facts(opened["payment_id"]) == ["created", "canceled"]
        assert standin.stripe.v1.payment_intents.retrieve(opened["payment_intent_id"]).status == "canceled"
        refused = donor.confirm(opened)
        assert (refused.status_code, refused.json()["code"]) == (409, "payment_not_confirmable")

    def test_a_guest_proves_it_with_the_secret(self, standin: StandIn, guest: Caller, campaign: Any) -> None:
        opened = guest.open(campaign).json()
        for body in ({}, {"client_secret": "pi_1_secret_2"}):
            assert cancel(guest, opened, **body).status_code == 404
        assert cancel(person("finance"), opened).status_code == 404
        assert Payment.objects.get().status == "requires_payment_method"
        assert cancel(guest, opened, client_secret=opened["client_secret"]).json()["status"] == "canceled"

    def test_others_payments_are_not_there(self, standin: StandIn, donor: Caller, campaign: Any) -> None:
        opened = donor.open(campaign).json()
        assert cancel(person(), opened).status_code == 404
        assert cancel(donor, {"payment_id": str(uuid.uuid4())}).status_code == 404

    def test_while_the_bank_asks(self, standin: StandIn, donor: Caller, campaign: Any) -> None:
        opened = donor.open(campaign).json()
        confirm(donor, opened, ASKED)
        assert cancel(donor, opened).json()["status"] == "canceled"

    def test_a_gift_that_arrived_is_refunded_instead(self, standin: StandIn, donor: Caller, campaign: Any) -> None:
        opened = donor.give(campaign)
        refused = cancel(donor, opened)
        assert (refused.status_code, refused.json()["code"]) == (409, "payment_not_cancelable")
        assert refused.json()["payment_status"] == Payment.objects.get().status == "succeeded"

    @pytest.mark.parametrize("effect", ["lose_answer", "error_after", "error_before"])
    def test_a_lost_answer_is_found_out(self, standin: StandIn, donor: Caller, campaign: Any, effect: str) -> None:
        opened = donor.open(campaign).json()
        standin.pull(method="POST", path="/v1/payment_intents/*/cancel", effect=effect)
        assert cancel(donor, opened).status_code == 502
        assert Payment.objects.get().status == "unknown"
        assert cancel(donor, opened).json()["status"] == "canceled"
        assert facts(opened["payment_id"]) == ["created", "canceled"]

    def test_a_payment_whose_intent_was_lost_is_found_first(
        self, standin: StandIn, donor: Caller, campaign: Any
    ) -> None:
        standin.pull(method="POST", path="/v1/payment_intents", effect="lose_answer")
        lost = donor.open(campaign).json()
        assert cancel(donor, lost).json()["status"] == "canceled"
        assert [intent.status for intent in standin.intents(lost["payment_id"])] == ["canceled"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("card", ["pm_card_visa", "pm_card_visa_chargeDeclined", ASKED])
def test_charging_giving_up_and_stripes_word_at_once_end_as_stripe_says(standin: StandIn, card: str) -> None:
    campaign, donor = CampaignFactory.create(), person()
    payments = [donor.open(campaign).json() for _ in range(2)]
    for opened in payments:
        created = standin.events(opened["payment_intent_id"])[0]
        _at_once(
            partial(donor.confirm, opened, card),
            partial(cancel, donor, opened),
            partial(_told, created),
            partial(cancel, donor, opened),
        )
        sweep()
        at_stripe = standin.stripe.v1.payment_intents.retrieve(opened["payment_intent_id"]).status
        row = Payment.objects.get(id=opened["payment_id"])
        assert row.status == at_stripe
        assert row.status in ("succeeded", "canceled")
        told = [fact for fact in facts(opened["payment_id"]) if fact not in ("created", "failed")]
        assert told == [row.status]
        assert Journal.objects.filter(payment_id=row.id).count() == (1 if row.status == "succeeded" else 0)


def _told(event: dict[str, Any]) -> None:
    deliver(event)
    work_events()


def _at_once(*calls: Callable[[], Any]) -> None:
    barrier = Barrier(len(calls))

    def run(call: Callable[[], Any]) -> None:
        try:
            barrier.wait(timeout=30)
            call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        for done in [pool.submit(run, call) for call in calls]:
            done.result(timeout=60)


class TestBankDebits:
    """They are `processing` for days."""

    @pytest.fixture
    def slow_bank(self, standin: StandIn) -> Iterator[StandIn]:
        standin.http.post("/_standin/settings", json={"debit_settles_after": None}).raise_for_status()
        yield standin
        standin.http.delete("/_standin/settings").raise_for_status()

    @pytest.fixture
    def dollars(self, db: None) -> Any:
        return CampaignFactory.create(currency="USD")

    def test_the_donor_sees_it_on_its_way_and_the_books_wait(
        self, slow_bank: StandIn, donor: Caller, dollars: Any
    ) -> None:
        opened = donor.open(dollars).json()
        told = donor.confirm(opened, "pm_usBankAccount_success").json()
        assert (told["status"], told["failure_code"]) == ("processing", None)
        assert donor("GET", f"/{opened['payment_id']}").json()["status"] == "processing"
        assert (Journal.objects.count(), facts(opened["payment_id"])) == (0, ["created"])
        refused = cancel(donor, opened)
        assert (refused.status_code, refused.json()["code"]) == (409, "payment_not_cancelable")

        slow_bank.settle_debit(opened["payment_intent_id"])
        sweep()
        row = Payment.objects.get()
        assert (row.status, row.method) == ("succeeded", "us_bank_account")
        assert (Journal.objects.count(), facts(opened["payment_id"])) == (1, ["created", "succeeded"])

    def test_refused_by_the_bank_days_later_it_can_be_tried_again(
        self, slow_bank: StandIn, donor: Caller, dollars: Any
    ) -> None:
        opened = donor.open(dollars).json()
        donor.confirm(opened, "pm_usBankAccount_accountClosed")
        # However long it takes, it is not given up.
        Payment.objects.update(created_at=clock.now() - timedelta(days=9))
        sweep()
        assert Payment.objects.get().status == "processing"
        Payment.objects.update(created_at=clock.now())
        slow_bank.settle_debit(opened["payment_intent_id"])
        sweep()
        told = confirm(donor, opened, None).json()
        assert (told["status"], told["failure_code"]) == ("requires_payment_method", "bank_account_refused")
        assert donor.confirm(opened).json()["status"] == "succeeded"
        assert facts(opened["payment_id"]) == ["created", "failed", "succeeded"]


class TestAbandoned:
    @pytest.mark.parametrize("card", [None, ASKED, "pm_card_visa_chargeDeclined"])
    def test_after_a_week_it_is_given_up(
        self, standin: StandIn, donor: Caller, campaign: Any, card: str | None
    ) -> None:
        opened = donor.open(campaign).json()
        if card:
            confirm(donor, opened, card)
        Payment.objects.update(created_at=clock.now() - timedelta(days=6))
        sweep()
        assert Payment.objects.get().status != "canceled"
        Payment.objects.update(created_at=clock.now() - timedelta(days=8))
        sweep()
        assert Payment.objects.get().status == "canceled"
        assert standin.stripe.v1.payment_intents.retrieve(opened["payment_intent_id"]).status == "canceled"


def test_methods_that_lead_away_for_good_are_off(standin: StandIn, donor: Caller, campaign: Any) -> None:
    (intent,) = standin.intents(donor.open(campaign).json()["payment_id"])
    assert intent.automatic_payment_methods.allow_redirects == "never"
