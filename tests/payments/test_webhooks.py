"""Stripe tells, once or five times, in any order, early or late: the books end the same."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import time
import uuid
from datetime import timedelta
from typing import Any

import pytest
import stripe
from django.conf import settings

from bh_sdk.errors import Conflict
from bh_sdk.server.events.models import RecordedEvent
from bh_sdk.server.ops import clock
from payments_svc.donations.models import FailedTry, Payment
from payments_svc.gateway import commands
from payments_svc.gateway.models import StripeEvent
from payments_svc.gateway.tasks import mirror_events, work_events
from payments_svc.ledger import queries as ledger
from payments_svc.ledger.models import Journal
from payments_svc.refunds.models import Refund
from tests.payments.conftest import Caller, StandIn, deliver
from tests.payments.test_reports import signed_in

pytestmark = pytest.mark.django_db


def browser_pays(standin: StandIn, opened: dict[str, Any]) -> None:
    """What Stripe.js does: the money moves without a call of ours."""
    standin.stripe.v1.payment_intents.confirm(opened["payment_intent_id"], {"payment_method": "pm_card_visa"})


def signature(body: bytes, secret: str, stamp: int) -> str:
    return hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()


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

    def test_a_rotation_loses_no_event(self, db: None, settings: Any) -> None:
        """Old alone, both while Stripe signs with both, new alone: the runbook's three steps."""
        steps = [(["whsec_old"], "whsec_old"), (["whsec_new", "whsec_old"], "whsec_old"), (["whsec_new"], "whsec_new")]
        for number, (held, used) in enumerate(steps):
            settings.STRIPE_WEBHOOK_SECRETS = held
            event = {"id": f"evt_r{number}", "type": "x", "livemode": False, "data": {"object": {}}}
            assert deliver(event, secret=used).status_code == 200
        assert deliver(self.body, secret="whsec_old").status_code == 400
        assert StripeEvent.objects.count() == 3

    def test_one_of_several_signatures_is_enough(self, client: Any, db: None, settings: Any) -> None:
        settings.STRIPE_WEBHOOK_SECRETS = ["whsec_new"]
        stamp = int(time.time())
        signatures = ",".join(f"v1={signature(self.body, key, stamp)}" for key in ("whsec_old", "whsec_new"))
        header = {"Stripe-Signature": f"t={stamp},{signatures},v0=abc"}
        answer = client.post(
            "/api/v1/payments/webhooks/stripe", self.body, content_type="application/json", headers=header
        )
        assert answer.status_code == 200

    def test_no_secret_no_event(self, db: None, settings: Any) -> None:
        settings.STRIPE_WEBHOOK_SECRETS = []
        assert deliver(self.body, secret="whsec_any").status_code == 400

    def test_a_body_over_the_limit_is_refused(self, db: None) -> None:
        huge = json.dumps({"id": "evt_1", "type": "x" * 2**20, "livemode": False, "data": {"object": {}}}).encode()
        assert deliver(huge).status_code == 413
        assert StripeEvent.objects.count() == 0


@pytest.mark.parametrize(
    "kind",
    [
        "some.new.thing",
        "v2.core.account.updated",
        "invoice.paid",
        "issuing_dispute.created",
        "customer.deleted",
        "Ünknown",
    ],
)
def test_unknown_types_are_stored_and_ignored(db: None, kind: str) -> None:
    event = {"id": "evt_9", "type": kind, "livemode": False, "data": {"object": {"id": "x"}}}
    if not kind.isascii():
        assert deliver(event).status_code == 400
        return
    assert deliver(event).status_code == 200
    row = StripeEvent.objects.get()
    assert (row.state, row.due_at, row.note) == ("ignored", None, "nobody works events of this type")


class TestAccount:
    def told(self, standin: StandIn, opened: dict[str, Any], account: str) -> StripeEvent:
        (event, *_) = [e for e in standin.events(opened["payment_intent_id"]) if e["type"].endswith("succeeded")]
        assert deliver(event | {"account": account}).status_code == 200
        work_events()
        return StripeEvent.objects.get()

    def test_an_event_of_a_connected_account_moves_no_money_of_ours(
        self, standin: StandIn, donor: Caller, campaign: Any
    ) -> None:
        opened = donor.open(campaign).json()
        browser_pays(standin, opened)
        row = self.told(standin, opened, "acct_somebody")
        assert row.state == "ignored"
        assert "acct_somebody" in str(row.note)
        assert outcome(opened)[0] == "requires_payment_method"

    def test_one_that_names_our_own_account_is_ours(
        self, standin: StandIn, donor: Caller, campaign: Any, settings: Any
    ) -> None:
        settings.STRIPE_ACCOUNT_ID = "acct_us"
        opened = donor.open(campaign).json()
        browser_pays(standin, opened)
        row = self.told(standin, opened, "acct_us")
        assert (row.state, row.account) == ("done", None)
        assert outcome(opened)[0] == "succeeded"

    @pytest.mark.parametrize("account", [1, "", "a b", ["acct_us"]])
    def test_an_account_that_is_no_id_is_no_event(self, db: None, account: Any) -> None:
        event = {"id": "evt_1", "type": "x", "livemode": False, "account": account, "data": {"object": {}}}
        assert deliver(event).status_code == 400
        assert StripeEvent.objects.count() == 0


def test_every_failed_try_is_kept_although_the_next_succeeded_first(
    standin: StandIn, donor: Caller, campaign: Any
) -> None:
    opened = donor.open(campaign).json()
    for card in ("pm_card_visa_chargeDeclined", "pm_card_visa_chargeDeclinedInsufficientFunds"):
        with pytest.raises(stripe.CardError):
            standin.stripe.v1.payment_intents.confirm(opened["payment_intent_id"], {"payment_method": card})
    browser_pays(standin, opened)
    deliver_all(standin, opened, times=2)
    status, _, journals, told = outcome(opened)
    assert (status, journals) == ("succeeded", ["payment:donation"])
    assert told.count("payments.donation.failed.v1") == 2
    codes = set(FailedTry.objects.values_list("code", flat=True))
    assert codes == {"generic_decline", "insufficient_funds"}
    assert Payment.objects.get().failure_code is None


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


def test_masking_keeps_what_is_worked_with_and_hides_who_it_was() -> None:
    from payments_svc.gateway.masking import masked

    campaign = str(uuid.uuid4())
    shown = masked(
        {
            "id": "ch_3PqZ0000000000000000abcd",
            "amount": 2500,
            "currency": "gbp",
            "created": 1_732_300_000,
            "status": "succeeded",
            "billing_details": {"name": "Ruth Adler", "phone": None, "address": {"city": "Leeds"}},
            "description": "Gift of ruth@demo.test",
            "receipt_email": "ruth@demo.test",
            "client_secret": "pi_1_secret_2",
            "payment_method_details": {
                "type": "card",
                "card": {
                    "brand": "visa",
                    "last4": "4242",
                    "exp_month": 12,
                    "exp_year": 2031,
                    "fingerprint": "Xt5",
                    "iin": "4",
                },
            },
            "outcome": {"network_decline_code": "51", "reason": "insufficient_funds"},
            "metadata": {"campaign_id": campaign, "donor": "Ruth", "donor_name": "GB", "note": "call +44 7700 900123"},
            "evidence": {
                "customer_name": "Ruth",
                "uncategorized_text": "Ruth said",
                "receipt": "file_1abc",
                "service_date": None,
            },
            "lines": [{"ip": "10.1.2.3"}, "seen at 10.1.2.3", "4242 4242 4242 4242"],
        }
    )
    assert shown == {
        "id": "ch_3PqZ0000000000000000abcd",
        "amount": 2500,
        "currency": "gbp",
        "created": 1_732_300_000,
        "status": "succeeded",
        "billing_details": "•••",
        "description": "•••",
        "receipt_email": "•••",
        "client_secret": "•••",
        "payment_method_details": {
            "type": "card",
            "card": {
                "brand": "visa",
                "last4": "4242",
                "exp_month": "•••",
                "exp_year": "•••",
                "fingerprint": "•••",
                "iin": "•••",
            },
        },
        "outcome": {"network_decline_code": "51", "reason": "insufficient_funds"},
        "metadata": {"campaign_id": campaign, "donor": "•••", "donor_name": "•••", "note": "•••"},
        "evidence": {"customer_name": "•••", "uncategorized_text": "•••", "receipt": "file_1abc", "service_date": None},
        "lines": [{"ip": "•••"}, "•••", "•••"],
    }


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


def test_a_customer_deleted_at_stripe_holds_up_no_copy(standin: StandIn, donor: Caller, campaign: Any) -> None:
    from djstripe.models import Customer

    Customer.objects.create(
        id="cus_gone", email="ruth@demo.test", livemode=False, stripe_data={"id": "cus_gone", "name": "Ruth"}
    )
    standin.http.delete("/_standin/requests")
    gone = {"id": "cus_gone", "object": "customer", "deleted": True}
    deliver({"id": "evt_c1", "type": "customer.deleted", "livemode": False, "data": {"object": gone}})
    deliver(
        {"id": "evt_c2", "type": "customer.deleted", "livemode": False, "data": {"object": gone | {"id": "cus_new"}}}
    )
    opened = donor.give(campaign)
    deliver_all(standin, opened)
    while mirror_events():
        pass
    assert StripeEvent.objects.filter(mirror_due_at__isnull=False).count() == 0
    kept = Customer.objects.get()
    assert (kept.email, kept.stripe_data["deleted"], "name" in kept.stripe_data) == ("", True, False)
    assert standin.asked("/v1/customers*") == []


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


def test_a_type_that_nobody_works_is_not_replayed(db: None) -> None:
    deliver({"id": "evt_9", "type": "invoice.paid", "livemode": False, "data": {"object": {"id": "in_1"}}})
    with pytest.raises(Conflict, match="nobody works"):
        commands.replay_event(event_id="evt_9")
    assert StripeEvent.objects.get().state == "ignored"


def test_a_worker_that_died_leaves_its_events_to_the_next(standin: StandIn, donor: Caller, campaign: Any) -> None:
    opened = donor.open(campaign).json()
    browser_pays(standin, opened)
    for event in standin.events(opened["payment_intent_id"]):
        deliver(event)
    assert commands.claim_events(50)
    work_events()
    assert outcome(opened)[0] == "requires_payment_method"
    StripeEvent.objects.update(due_at=clock.now() - timedelta(seconds=1))
    work_events()
    assert outcome(opened)[0] == "succeeded"


class TestATextMadeToBeSlow:
    LONG = 1_000_000
    MADE = (
        "a", "a@", "@", ".", "a.", "a@.", "eyJ-", "+1(", " 00", "1-", "1:", "a:", "_secret", "0 ", "4242,",
        "12345678-1234-1234-1234-123456789012 ",
    )  # fmt: skip

    @pytest.mark.parametrize("part", MADE)
    def test_is_masked_whole_or_looked_through_once(self, part: str) -> None:
        from payments_svc.gateway.masking import _LONGEST, MASK, masked

        assert masked({"note": part * (self.LONG // len(part))}) == {"note": MASK}
        pieces = [(part * _LONGEST)[:_LONGEST]] * 100
        assert len(masked(pieces)) == 100

    def test_a_deep_one_is_cut(self) -> None:
        from payments_svc.gateway.masking import MASK, masked

        deep: Any = "end"
        for _ in range(900):
            deep = [deep]
        shown = json.dumps(masked(deep), ensure_ascii=False)
        assert MASK in shown
        assert "end" not in shown

    def test_an_address_at_the_end_of_a_long_one_is_not_shown(self) -> None:
        from payments_svc.gateway.masking import MASK, masked

        for text in ("x" * 300 + "@demo.test", "a@b " * 1000 + "ruth@demo.test", "4242/4242/4242/4242"):
            assert masked({"note": text}) == {"note": MASK}

    def test_an_event_with_one_is_stored_copied_no_further_than_it_can_be_and_shown(
        self, standin: StandIn, db: None
    ) -> None:
        odd = {"id": "pi_1", "object": "payment_intent", "description": "a" * 900_000, "metadata": {}}
        deliver({"id": "evt_long", "type": "payment_intent.x", "livemode": False, "data": {"object": odd}})
        mirror_events()
        row = StripeEvent.objects.get(id="evt_long")
        page = signed_in("finance").get(f"/admin/payments_gateway/stripeevent/{row.pk}/change/")
        assert page.status_code == 200
        assert "•••" in page.content.decode()
        assert "aaaaaaaaaaaaaaaaaaaa" not in page.content.decode()


def test_a_copy_whose_worker_dies_each_time_is_given_up_and_says_so(db: None) -> None:
    from payments_svc.gateway import mirror

    odd = {"id": "pi_1", "object": "payment_intent", "metadata": {}}
    for name in ("evt_poison", "evt_other"):
        deliver({"id": name, "type": "payment_intent.x", "livemode": False, "data": {"object": odd}})
    StripeEvent.objects.filter(id="evt_other").update(mirror_due_at=clock.now() + timedelta(days=1))
    for _ in range(6):
        claimed = mirror.claim()
        assert claimed is not None
        assert claimed.id == "evt_poison"
        StripeEvent.objects.filter(id="evt_poison").update(mirror_due_at=clock.now())
    assert mirror.claim() is None
    row = StripeEvent.objects.get(id="evt_poison")
    assert (row.mirror_due_at, row.mirror_note) == (None, "given up after 6 tries: no try came to an end")
    assert StripeEvent.objects.get(id="evt_other").mirror_attempts == 0
    page = signed_in("finance").get(f"/admin/payments_gateway/stripeevent/{row.pk}/change/").content.decode()
    assert "given up after 6 tries" in page
