"""Stripe tells, once or five times, in any order, early or late: the books end the same."""

from __future__ import annotations

import itertools
import json
import time
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings

from bh_sdk.server.events.models import RecordedEvent
from bh_sdk.server.ops import clock
from payments_svc.donations.models import Payment
from payments_svc.gateway import commands
from payments_svc.gateway.models import StripeEvent
from payments_svc.gateway.tasks import mirror_events, work_events
from payments_svc.ledger import queries as ledger
from payments_svc.ledger.models import Journal
from payments_svc.refunds.models import Refund
from tests.payments.conftest import Caller, StandIn, deliver

pytestmark = pytest.mark.django_db


def browser_pays(standin: StandIn, opened: dict[str, Any]) -> None:
    """What Stripe.js does: the money moves without a call of ours."""
    standin.stripe.v1.payment_intents.confirm(opened["payment_intent_id"], {"payment_method": "pm_card_visa"})


def refund(standin: StandIn, opened: dict[str, Any], amount: int, card: str | None = None) -> Any:
    return standin.stripe.v1.refunds.create({"payment_intent": opened["payment_intent_id"], "amount": amount})


def deliver_all(standin: StandIn, opened: dict[str, Any], times: int = 1) -> None:
    for event in standin.events(opened["payment_intent_id"]) * times:
        assert deliver(event).status_code == 200
    work_events()


def outcome(opened: dict[str, Any]) -> tuple[str, int, list[str], list[str]]:
    payment = Payment.objects.get(id=opened["payment_id"])
    journals = sorted(
        j.reference.split(":", 1)[0] + ":" + j.kind for j in Journal.objects.filter(payment_id=payment.id)
    )
    told = sorted(RecordedEvent.objects.filter(aggregateid=payment.id).values_list("type", flat=True))
    return payment.status, payment.refunded, journals, told


def test_five_deliveries_are_one_success_and_one_journal(standin: StandIn, donor: Caller, campaign: Any) -> None:
    opened = donor.open(campaign).json()
    browser_pays(standin, opened)
    deliver_all(standin, opened, times=5)
    assert outcome(opened) == (
        "succeeded",
        0,
        ["payment:donation"],
        ["payments.donation.created.v1", "payments.donation.succeeded.v1"],
    )
    assert StripeEvent.objects.filter(state="pending").count() == 0


def test_a_repeated_event_says_so(standin: StandIn, donor: Caller, campaign: Any) -> None:
    opened = donor.open(campaign).json()
    event = standin.events(opened["payment_intent_id"])[0]
    assert [deliver(event).json()["repeated"] for _ in range(3)] == [False, True, True]


def test_an_event_before_the_call_came_back_finds_its_payment(standin: StandIn, donor: Caller, campaign: Any) -> None:
    standin.pull(method="POST", path="/v1/payment_intents", effect="lose_answer")
    assert donor.open(campaign).status_code == 502
    payment = Payment.objects.get()
    assert (payment.status, payment.intent_id) == ("unknown", None)
    (intent,) = standin.intents(str(payment.id))
    browser_pays(standin, {"payment_intent_id": intent.id})
    deliver_all(standin, {"payment_intent_id": intent.id}, times=2)
    assert outcome({"payment_id": payment.id})[0] == "succeeded"
    assert Payment.objects.get().intent_id == intent.id


def test_an_event_of_a_payment_nobody_knows_is_parked_and_given_up_after_three_days(standin: StandIn, db: None) -> None:
    stranger = standin.stripe.v1.payment_intents.create({"amount": 1000, "currency": "gbp"})
    deliver_all(standin, {"payment_intent_id": stranger.id})
    row = StripeEvent.objects.get()
    assert (row.state, row.note) == ("pending", "parked: its payment is not known yet")
    assert row.due_at is not None
    assert row.due_at > clock.now()
    StripeEvent.objects.update(due_at=clock.now(), received_at=clock.now() - timedelta(days=4))
    work_events()
    assert StripeEvent.objects.get().state == "ignored"


def test_refunds_from_stripes_side_are_booked_part_by_part(standin: StandIn, donor: Caller, campaign: Any) -> None:
    opened = donor.give(campaign, "25.00")
    refund(standin, opened, 1000)
    deliver_all(standin, opened, times=3)
    assert outcome(opened)[:2] == ("succeeded", 1000)
    refund(standin, opened, 1500)
    deliver_all(standin, opened, times=3)
    status, refunded, journals, told = outcome(opened)
    assert (status, refunded) == ("succeeded", 2500)
    assert journals == ["payment:donation", "refund:refund", "refund:refund"]
    assert told.count("payments.refund.succeeded.v1") == 2
    answer = donor("GET", f"/{opened['payment_id']}").json()
    assert (answer["refund_status"], answer["refunded_amount"]) == ("full", "25.00")
    assert ledger.imbalance() == {"GBP": 0}


def test_a_refund_that_fails_later_is_reversed(standin: StandIn, donor: Caller, campaign: Any) -> None:
    opened = donor.give(campaign, "25.00")
    made = refund(standin, opened, 2500)
    deliver_all(standin, opened)
    assert outcome(opened)[1] == 2500
    standin.settle_refund(made.id, status="failed", failure_reason="lost_or_stolen_card")
    deliver_all(standin, opened, times=2)
    status, refunded, journals, told = outcome(opened)
    assert (status, refunded) == ("succeeded", 0)
    assert journals == ["payment:donation", "refund:refund", "refund:refund_reversal"]
    assert told.count("payments.refund.failed.v1") == 1
    assert Refund.objects.get().status == "failed"
    assert ledger.owed_to(campaign.id) == {"GBP": Payment.objects.get().net}


def test_a_sample_of_orders_of_a_payments_events_ends_in_the_same_books(
    standin: StandIn, donor: Caller, campaign: Any
) -> None:
    ends = set()
    for order in itertools.islice(itertools.permutations(range(5)), 0, 120, 11):
        opened = donor.open(campaign).json()
        browser_pays(standin, opened)
        refund(standin, opened, 700)
        events = standin.events(opened["payment_intent_id"])
        for place in order:
            deliver(events[place % len(events)])
            work_events()
        deliver_all(standin, opened)
        ends.add(json.dumps(outcome(opened)))
    assert len(ends) == 1, ends
    assert ledger.imbalance() == {"GBP": 0}


class TestSignature:
    body = json.dumps({"id": "evt_1", "type": "x", "livemode": False, "data": {"object": {}}}).encode()

    def test_a_wrong_secret_is_refused(self, db: None) -> None:
        assert deliver(self.body, secret="whsec_wrong").json()["code"] == "signature_invalid"
        assert StripeEvent.objects.count() == 0

    @pytest.mark.parametrize("shift", [-301, 60])
    def test_old_and_future_timestamps_are_refused(self, db: None, shift: int) -> None:
        assert deliver(self.body, at=time.time() + shift).status_code == 400
        assert StripeEvent.objects.count() == 0

    def test_one_changed_byte_is_refused(self, client: Any, db: None) -> None:
        from payments_svc.gateway import signatures

        with pytest.raises(Exception, match="does not match"):
            signatures.verify(
                self.body + b" ",
                f"t={int(time.time())},v1={'0' * 64}",
                secrets=settings.STRIPE_WEBHOOK_SECRETS,
                now=clock.now(),
            )

    def test_the_other_mode_of_the_account_is_refused(self, db: None) -> None:
        live = json.dumps({"id": "evt_2", "type": "x", "livemode": True, "data": {"object": {}}}).encode()
        assert deliver(live).status_code == 400
        assert StripeEvent.objects.count() == 0

    @pytest.mark.parametrize(
        "body",
        [
            b"[]",
            b"{}",
            b'"x"',
            b'{"id":1}',
            b"nonsense",
            b"\xff",
            b"[" * 100_000,
            '{"id":"evt_1"}'.encode("utf-16"),
            b'{"id":"evt_1","type":"x","livemode":false,"data":{"object":[]}}',
            b'{"id":"\\ud800","type":"x","livemode":false,"data":{"object":{}}}',
            b'{"id":"evt_1","type":"x","livemode":0,"data":{"object":{}}}',
        ],
    )
    def test_what_is_no_event_is_a_400_even_when_signed(self, db: None, body: bytes) -> None:
        assert deliver(body).status_code == 400
        assert StripeEvent.objects.count() == 0

    def test_both_secrets_hold_during_a_rotation(self, db: None, settings: Any) -> None:
        settings.STRIPE_WEBHOOK_SECRETS = ["whsec_new", "whsec_old"]
        assert deliver(self.body, secret="whsec_old").status_code == 200


def test_unknown_types_are_stored_and_ignored(db: None) -> None:
    event = {"id": "evt_9", "type": "some.new.thing", "livemode": False, "data": {"object": {"id": "x"}}}
    assert deliver(event).status_code == 200
    assert (StripeEvent.objects.get().state, StripeEvent.objects.get().due_at) == ("ignored", None)


def test_one_event_that_cannot_be_worked_does_not_hold_up_the_next(
    standin: StandIn, donor: Caller, campaign: Any
) -> None:
    opened = donor.open(campaign).json()
    browser_pays(standin, opened)
    deliver({"id": "evt_0", "type": "payment_intent.x", "livemode": False, "data": {"object": {"id": "pi_1"}}})
    row = StripeEvent.objects.get(id="evt_0")
    row.body = "no longer JSON"
    row.save(update_fields=["body"])
    deliver_all(standin, opened)
    assert outcome(opened)[0] == "succeeded"
    row.refresh_from_db()
    assert (row.state, row.note) == ("pending", "JSONDecodeError")
    StripeEvent.objects.filter(id="evt_0").update(due_at=clock.now(), received_at=clock.now() - timedelta(days=4))
    work_events()
    row.refresh_from_db()
    assert (row.state, row.note, row.due_at) == ("ignored", "given up: JSONDecodeError", None)


def test_odd_metadata_is_no_payment_of_ours(db: None) -> None:
    odd = {"id": "pi_1", "metadata": [1]}
    deliver({"id": "evt_7", "type": "payment_intent.x", "livemode": False, "data": {"object": odd}})
    work_events()
    assert StripeEvent.objects.get().note == "parked: its payment is not known yet"


def test_personal_data_of_an_event_is_sealed_and_masked(db: None) -> None:
    from django.db import connection

    from payments_svc.gateway.masking import masked

    event = {
        "id": "evt_5",
        "type": "charge.x",
        "livemode": False,
        "data": {"object": {"billing_details": {"name": "Zebedee"}}},
    }
    deliver(event)
    with connection.cursor() as cursor:
        cursor.execute("SELECT body FROM payments_gateway_stripeevent")
        assert b"Zebedee" not in bytes(cursor.fetchone()[0])
    assert "Zebedee" not in json.dumps(masked(event))


def test_the_mirror_copies_and_money_does_not_wait_for_it(standin: StandIn, donor: Caller, campaign: Any) -> None:
    from djstripe.models import PaymentIntent

    opened = donor.give(campaign)
    deliver_all(standin, opened)
    assert mirror_events() > 0
    copied = PaymentIntent.objects.get(id=opened["payment_intent_id"])
    assert copied.stripe_data["status"] == "succeeded"
    assert opened["client_secret"] not in json.dumps(copied.stripe_data)


def test_the_mirror_holds_no_secret_and_nobodys_name(standin: StandIn, donor: Caller, campaign: Any) -> None:
    from django.db import connection

    opened = donor.give(campaign)
    deliver_all(standin, opened)
    while mirror_events():
        pass
    assert StripeEvent.objects.filter(mirror_due_at__isnull=False).count() == 0
    with connection.cursor() as cursor:
        for table in ("djstripe_event", "djstripe_paymentintent", "djstripe_charge"):
            cursor.execute(f"SELECT t::text FROM {table} t")
            rows = [row[0] for row in cursor.fetchall()]
            assert rows, table
            assert all(opened["client_secret"] not in row for row in rows), table


def test_when_stripe_is_away_an_event_stays_due(standin: StandIn, donor: Caller, campaign: Any) -> None:
    opened = donor.open(campaign).json()
    browser_pays(standin, opened)
    standin.pull(path="/v1/payment_intents/*", effect="error_before", times=50)
    deliver_all(standin, opened)
    assert outcome(opened)[0] == "requires_payment_method"
    standin.http.delete("/_standin/levers")
    StripeEvent.objects.filter(state="pending").update(due_at=clock.now())
    work_events()
    assert outcome(opened)[0] == "succeeded"


def test_staff_can_have_an_event_worked_again(standin: StandIn, donor: Caller, campaign: Any) -> None:
    opened = donor.give(campaign)
    deliver_all(standin, opened)
    event = StripeEvent.objects.filter(state="done").first()
    assert event is not None
    before = outcome(opened)
    commands.replay_event(event_id=event.id)
    work_events()
    assert outcome(opened) == before
