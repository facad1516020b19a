"""An answer that was lost is not a failure and not a success: it is found out."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest

from bh_sdk.server.events.models import RecordedEvent
from bh_sdk.server.ops import clock
from payments_svc.donations.models import Payment
from payments_svc.donations.tasks import look_again
from payments_svc.ledger import rules
from payments_svc.ledger.commands import post
from payments_svc.ledger.models import Journal
from tests.payments.conftest import Caller, StandIn

pytestmark = pytest.mark.django_db
EFFECTS = ["lose_answer", "error_after", "error_before"]


def sweep() -> None:
    Payment.objects.filter(look_again_at__isnull=False).update(look_again_at=clock.now())
    look_again()


@pytest.mark.parametrize("effect", EFFECTS)
@pytest.mark.parametrize("saved", [True, False])
def test_the_same_key_resumes_the_payment_and_opens_one_intent(
    standin: StandIn, donor: Caller, campaign: Any, effect: str, saved: bool
) -> None:
    key = uuid.uuid4()
    standin.pull(method="POST", path="/v1/payment_intents", effect=effect, saved=saved)
    lost = donor.open(campaign, key=key)
    assert (lost.status_code, lost.json()["code"], lost.headers["Retry-After"]) == (502, "provider_unavailable", "1")
    assert Payment.objects.get().status == "unknown"
    resumed = donor.open(campaign, key=key)
    assert resumed.status_code == 201, resumed.json()
    assert resumed.json()["payment_id"] == lost.json()["payment_id"]
    assert len(standin.intents(lost.json()["payment_id"])) == 1
    assert RecordedEvent.objects.count() == 1


@pytest.mark.parametrize("effect", EFFECTS)
def test_the_sweeper_finds_the_intent_when_nobody_asks_again(
    standin: StandIn, donor: Caller, campaign: Any, effect: str
) -> None:
    standin.pull(method="POST", path="/v1/payment_intents", effect=effect)
    donor.open(campaign)
    sweep()
    payment = Payment.objects.get()
    assert payment.status == "requires_payment_method"
    assert [intent.id for intent in standin.intents(str(payment.id))] == [payment.intent_id]


def test_a_confirmation_whose_answer_was_lost_is_found_out(standin: StandIn, donor: Caller, campaign: Any) -> None:
    opened = donor.open(campaign).json()
    standin.pull(method="POST", path="/v1/payment_intents/*/confirm", effect="lose_answer")
    assert donor.confirm(opened).status_code == 502
    assert Payment.objects.get().status == "unknown"
    assert Journal.objects.count() == 0
    sweep()
    assert Payment.objects.get().status == "succeeded"
    assert Journal.objects.count() == 1


@pytest.mark.parametrize("effect", EFFECTS)
def test_confirming_again_with_the_same_key_charges_once(
    standin: StandIn, donor: Caller, campaign: Any, effect: str
) -> None:
    opened, key = donor.open(campaign).json(), uuid.uuid4()
    standin.pull(method="POST", path="/v1/payment_intents/*/confirm", effect=effect)
    assert donor.confirm(opened, key=key).status_code == 502
    assert donor.confirm(opened, key=key).json()["status"] == "succeeded"
    charges = standin.stripe.v1.charges.list({"payment_intent": opened["payment_intent_id"]}).data
    assert [charge.status for charge in charges] == ["succeeded"]
    assert Journal.objects.count() == 1


def test_an_intent_nobody_paid_for_a_week_is_given_up(standin: StandIn, donor: Caller, campaign: Any) -> None:
    opened = donor.open(campaign).json()
    Payment.objects.update(created_at=clock.now() - timedelta(days=8))
    sweep()
    assert Payment.objects.get().status == "canceled"
    assert standin.stripe.v1.payment_intents.retrieve(opened["payment_intent_id"]).status == "canceled"
    assert donor.confirm(opened).status_code == 409


def test_a_payment_that_is_final_is_never_looked_at_again(standin: StandIn, donor: Caller, campaign: Any) -> None:
    donor.give(campaign)
    assert Payment.objects.get().look_again_at is None


def test_two_workers_share_the_due_payments(standin: StandIn, donor: Caller, campaign: Any) -> None:
    donor.open(campaign)
    Payment.objects.update(look_again_at=clock.now())
    assert look_again() == 1
    assert look_again() == 0


def test_one_payment_that_cannot_be_looked_at_does_not_hold_up_the_others(
    standin: StandIn, donor: Caller, campaign: Any
) -> None:
    first, second = donor.open(campaign).json(), donor.open(campaign).json()
    for opened in (first, second):
        standin.stripe.v1.payment_intents.confirm(opened["payment_intent_id"], {"payment_method": "pm_card_visa"})
    # The first one's journal is there already, so booking it breaks on the unique reference.
    post(
        reference=f"payment:{first['payment_id']}:succeeded",
        kind="donation",
        payment_id=uuid.UUID(first["payment_id"]),
        campaign_id=campaign.id,
        currency="GBP",
        postings=rules.refund(amount=1),
        at=clock.now(),
    )
    Payment.objects.filter(id=first["payment_id"]).update(look_again_at=clock.now() - timedelta(hours=1))
    Payment.objects.filter(id=second["payment_id"]).update(look_again_at=clock.now())
    assert look_again() == 1
    assert Payment.objects.get(id=second["payment_id"]).status == "succeeded"
    broken = Payment.objects.get(id=first["payment_id"])
    assert broken.status == "requires_payment_method"
    assert broken.look_again_at is not None
