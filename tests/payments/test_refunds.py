"""Asking for a refund and deciding on it: who may, how much, what stands in the way."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from bh_sdk.errors import GiftNotReceiptable, RefundDecided, SecondPersonNeeded
from bh_sdk.server.api.models import IdempotencyKey
from bh_sdk.server.events.models import RecordedEvent
from bh_sdk.server.ops import clock
from payments_svc.donations import settling
from payments_svc.donations.models import Payment
from payments_svc.receipts import commands as receipts
from payments_svc.receipts.models import Receipt
from payments_svc.receipts.rules import Recipient
from payments_svc.refunds.commands import withdraw_refund
from payments_svc.refunds.models import Refund, RefundStep
from tests.payments.conftest import Caller, StandIn, person, service
from tests.payments.factories import CampaignFactory
from tests.payments.refunding import ask, at_stripe, balances, decide, facts_of, work

pytestmark = pytest.mark.django_db


@pytest.fixture
def support() -> Caller:
    return person("support")


@pytest.fixture
def finance() -> Caller:
    return person("finance")


@pytest.fixture
def payment(standin: StandIn, donor: Caller, campaign: Any) -> str:
    return str(donor.give(campaign, "25.00")["payment_id"])


@pytest.fixture
def large(standin: StandIn, donor: Caller, campaign: Any) -> str:
    return str(donor.give(campaign, "900.00")["payment_id"])


def test_support_asks_and_the_money_goes_back_when_the_worker_has_run(
    standin: StandIn, support: Caller, payment: str
) -> None:
    asked = ask(support, payment, "10.00")
    assert asked.status_code == 202, asked.json()
    body = asked.json()
    assert (body["status"], body["amount"], body["currency"], body["second_person"]) == (
        "approved",
        "10.00",
        "GBP",
        False,
    )
    assert body["requested_by"] == str(support.sub)
    assert at_stripe(standin, payment) == []
    assert work() == 1
    (made,) = at_stripe(standin, payment)
    assert (made.amount, made.reason, made.metadata["refund_id"]) == (1000, "requested_by_customer", body["refund_id"])
    seen = support("GET", f"/refunds/{body['refund_id']}").json()
    assert (seen["status"], seen["failure_reason"], seen["reopened"]) == ("succeeded", None, False)
    assert facts_of(payment) == ["requested", "approved", "succeeded"]
    assert [step.name for step in RefundStep.objects.all()] == [
        "asked",
        "approved",
        "sent",
        "accepted",
        "booked",
        "succeeded",
    ]
    assert Payment.objects.get().refunded == 1000
    assert balances()["campaign_payable"] == -(Payment.objects.get().net - 1000)


def test_without_an_amount_everything_that_is_left_goes_back(standin: StandIn, support: Caller, payment: str) -> None:
    ask(support, payment, "10.00")
    assert ask(support, payment).json()["amount"] == "15.00"
    work()
    assert sorted(made.amount for made in at_stripe(standin, payment)) == [1000, 1500]
    assert Payment.objects.get().refund_status == "full"


def test_more_than_was_charged_is_refused_and_nothing_is_written(support: Caller, payment: str) -> None:
    ask(support, payment, "20.00")
    refused = ask(support, payment, "20.00")
    assert (refused.status_code, refused.json()["code"]) == (409, "payment_not_refundable")
    assert refused.json()["left"] == "5.00"
    assert Refund.objects.count() == 1
    assert facts_of(payment) == ["requested", "approved"]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"amount": "0.00"}, 422, "amount_invalid"),
        ({"amount": "1.001"}, 422, "amount_invalid"),
        ({"amount": "-1.00"}, 422, "amount_invalid"),
        ({"amount": 5}, 422, "invalid"),
        ({"reason": "because"}, 422, "invalid"),
        ({"reason": "other"}, 422, "invalid"),
        ({"reason": "other", "notes": "   "}, 422, "invalid"),
        ({"approved_by": str(uuid.uuid4())}, 422, "invalid"),
        ({"payment_id": str(uuid.uuid4())}, 404, "not_found"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_written(
    support: Caller, payment: str, change: dict[str, Any], status: int, code: str
) -> None:
    refused = support("POST", "/refund", {"payment_id": payment, "reason": "duplicate"} | change, key=uuid.uuid4())
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert Refund.objects.count() == 0


def test_another_reason_needs_a_note_and_keeps_it(support: Caller, payment: str) -> None:
    asked = ask(support, payment, "5.00", reason="other", notes="The donor typed one zero too many.")
    assert (asked.status_code, asked.json()["notes"]) == (202, "The donor typed one zero too many.")
    assert "zero" not in str(list(RecordedEvent.objects.values_list("payload", flat=True)))


def test_a_payment_that_was_never_charged_has_nothing_to_refund(
    standin: StandIn, donor: Caller, support: Caller, campaign: Any
) -> None:
    opened = donor.open(campaign).json()
    refused = ask(support, opened["payment_id"])
    assert (refused.status_code, refused.json()["code"], refused.json()["left"]) == (
        409,
        "payment_not_refundable",
        "0.00",
    )


def test_yen_are_refunded_as_yen(standin: StandIn, donor: Caller, support: Caller) -> None:
    opened = donor.give(CampaignFactory.create(currency="JPY"), "500")
    assert ask(support, opened["payment_id"], "200").json()["amount"] == "200"
    assert ask(support, opened["payment_id"], "1.50").json()["code"] == "amount_invalid"
    work()
    assert [made.amount for made in at_stripe(standin, opened["payment_id"])] == [200]


class TestWho:
    @pytest.mark.parametrize("roles", [("donor",), ("recipient",), ("analyst",), ("editor",), ("auditor",)])
    def test_others_may_not_ask(self, payment: str, roles: tuple[str, ...]) -> None:
        assert ask(person(*roles), payment, "1.00").status_code == 403
        assert Refund.objects.count() == 0

    def test_neither_may_guests_or_the_platform(self, guest: Caller, payment: str) -> None:
        assert ask(guest, payment, "1.00").status_code == 401
        assert ask(service("monolith"), payment, "1.00").status_code == 403

    def test_support_may_not_approve(self, support: Caller, large: str) -> None:
        asked = ask(support, large, "900.00").json()
        assert decide(person("support"), "approve", asked["refund_id"]).status_code == 403
        assert Refund.objects.get().status == "pending_approval"

    def test_an_auditor_reads(self, support: Caller, payment: str) -> None:
        asked = ask(support, payment, "1.00").json()
        seen = person("auditor")("GET", f"/refunds/{asked['refund_id']}")
        assert (seen.status_code, seen.json()["amount"]) == (200, "1.00")
        listed = person("auditor")("GET", f"/refunds?payment_id={payment}&status=approved").json()["results"]
        assert [row["refund_id"] for row in listed] == [asked["refund_id"]]
        assert person("auditor")("GET", f"/refunds?payment_id={uuid.uuid4()}").json()["results"] == []

    def test_the_donor_does_not(self, donor: Caller, support: Caller, payment: str) -> None:
        asked = ask(support, payment, "1.00").json()
        assert donor("GET", f"/refunds/{asked['refund_id']}").status_code == 403


class TestTheSecondPerson:
    def test_above_the_threshold_somebody_of_finance_approves(
        self, standin: StandIn, support: Caller, finance: Caller, large: str
    ) -> None:
        asked = ask(support, large, "500.01").json()
        assert (asked["status"], asked["second_person"]) == ("pending_approval", True)
        assert work() == 0
        approved = decide(finance, "approve", asked["refund_id"], "Spoke to the donor")
        assert (approved.status_code, approved.json()["status"]) == (200, "approved")
        assert approved.json()["approved_by"] == str(finance.sub)
        work()
        assert [made.amount for made in at_stripe(standin, large)] == [50001]
        actors = RecordedEvent.objects.filter(type="payments.refund.approved.v1").values_list("actor", flat=True)
        assert list(actors) == [str(finance.sub)]

    def test_up_to_it_nobody_else_is_needed(self, support: Caller, large: str) -> None:
        assert ask(support, large, "500.00").json()["status"] == "approved"

    def test_a_sum_cut_into_pieces_is_that_sum(self, support: Caller, large: str) -> None:
        assert ask(support, large, "300.00").json()["status"] == "approved"
        assert ask(support, large, "200.00").json()["status"] == "approved"
        assert ask(support, large, "0.01").json()["status"] == "pending_approval"

    def test_who_may_approve_never_approves_what_they_asked_for(self, finance: Caller, payment: str) -> None:
        asked = ask(finance, payment, "1.00").json()
        assert asked["status"] == "pending_approval"
        for verb in ("approve", "reject"):
            refused = decide(finance, verb, asked["refund_id"])
            assert (refused.status_code, refused.json()["code"]) == (403, "second_person_needed")
        assert Refund.objects.get().status == "pending_approval"
        assert decide(person("finance"), "approve", asked["refund_id"]).status_code == 200

    def test_being_admin_changes_nothing(self, payment: str) -> None:
        admin = person("admin", "finance", "support")
        asked = ask(admin, payment, "1.00").json()
        assert asked["status"] == "pending_approval"
        assert decide(admin, "approve", asked["refund_id"]).json()["code"] == "second_person_needed"

    def test_whoever_becomes_finance_later_is_still_the_maker(self, support: Caller, large: str) -> None:
        asked = ask(support, large).json()
        promoted = person("finance", sub=support.sub)
        assert decide(promoted, "approve", asked["refund_id"]).json()["code"] == "second_person_needed"

    def test_what_is_rejected_is_free_again(self, support: Caller, finance: Caller, large: str) -> None:
        asked = ask(support, large).json()
        assert ask(support, large, "1.00").json()["left"] == "0.00"
        rejected = decide(finance, "reject", asked["refund_id"], "The donor changed their mind").json()
        assert (rejected["status"], rejected["decision_notes"]) == ("rejected", "The donor changed their mind")
        assert facts_of(large) == ["requested", "rejected"]
        assert ask(support, large, "1.00").status_code == 202

    @pytest.mark.parametrize("said", [{}, {"notes": None}, {"notes": ""}, {"notes": "  "}])
    def test_a_rejection_says_why(self, support: Caller, finance: Caller, large: str, said: dict[str, Any]) -> None:
        asked = ask(support, large).json()
        refused = finance("POST", f"/refunds/{asked['refund_id']}/reject", said, key=uuid.uuid4())
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "#/notes")
        assert (Refund.objects.get().status, facts_of(large)) == ("pending_approval", ["requested"])

    @pytest.mark.parametrize("verb", ["approve", "reject"])
    def test_nothing_is_decided_twice(self, support: Caller, finance: Caller, large: str, verb: str) -> None:
        asked = ask(support, large).json()
        decide(finance, "reject", asked["refund_id"])
        again = decide(person("finance"), verb, asked["refund_id"])
        assert (again.status_code, again.json()["code"], again.json()["refund_status"]) == (
            409,
            "refund_decided",
            "rejected",
        )

    def test_a_refund_nobody_knows_is_a_404(self, finance: Caller, db: None) -> None:
        assert decide(finance, "approve", uuid.uuid4()).status_code == 404


class TestKeys:
    def test_one_key_asks_once(self, support: Caller, payment: str) -> None:
        key = uuid.uuid4()
        first, second = ask(support, payment, "5.00", key=key), ask(support, payment, "5.00", key=key)
        assert first.json() == second.json()
        assert second.headers["Idempotent-Replayed"] == "true"
        assert Refund.objects.count() == 1

    def test_two_equal_ones_with_two_keys_are_two(self, standin: StandIn, support: Caller, payment: str) -> None:
        ask(support, payment, "5.00")
        ask(support, payment, "5.00")
        work()
        assert [made.amount for made in at_stripe(standin, payment)] == [500, 500]
        assert Payment.objects.get().refunded == 1000

    def test_a_repeat_after_the_stored_answer_was_lost_finds_the_refund(self, support: Caller, payment: str) -> None:
        key = uuid.uuid4()
        first = ask(support, payment, "5.00", key=key).json()
        IdempotencyKey.objects.all().delete()
        assert ask(support, payment, "5.00", key=key).json()["refund_id"] == first["refund_id"]
        IdempotencyKey.objects.all().delete()
        assert ask(support, payment, "6.00", key=key).json()["code"] == "idempotency_key_reused"
        assert Refund.objects.count() == 1

    def test_none_is_a_400(self, support: Caller, payment: str) -> None:
        refused = support("POST", "/refund", {"payment_id": payment, "reason": "duplicate"})
        assert (refused.status_code, refused.json()["code"]) == (400, "idempotency_key_missing")


class TestALostDispute:
    """The donor's bank has paid the donor: what it took is not refunded a second time."""

    def lose(self, standin: StandIn, amount: int) -> None:
        payment = Payment.objects.get()
        opened = standin.http.post(f"/_standin/charges/{payment.charge_id}/dispute", json={"amount": amount})
        self.close(standin, opened.raise_for_status().json()["id"], "lost")

    def close(self, standin: StandIn, dispute_id: str, outcome: str) -> None:
        settling.settle(Payment.objects.get().id)
        told = standin.http.post(f"/_standin/disputes/{dispute_id}", json={"status": outcome})
        told.raise_for_status()
        settling.settle(Payment.objects.get().id)

    def test_of_everything_leaves_nothing(self, standin: StandIn, support: Caller, large: str) -> None:
        self.lose(standin, 90000)
        for amount in ("1.00", None):
            refused = ask(support, large, amount)
            body = refused.json()
            assert (refused.status_code, body["code"], body["left"]) == (409, "payment_not_refundable", "0.00")
            assert "took 900.00 GBP back in a dispute that was lost" in body["detail"]
        assert Refund.objects.count() == 0

    def test_of_a_part_leaves_the_rest(self, standin: StandIn, support: Caller, payment: str) -> None:
        self.lose(standin, 1000)
        refused = ask(support, payment, "15.01")
        assert (refused.status_code, refused.json()["left"]) == (409, "15.00")
        asked = ask(support, payment)
        assert (asked.status_code, asked.json()["amount"]) == (202, "15.00")

    def test_a_won_one_leaves_everything(self, standin: StandIn, support: Caller, payment: str) -> None:
        charge = Payment.objects.get().charge_id
        opened = standin.http.post(f"/_standin/charges/{charge}/dispute", json={}).raise_for_status().json()
        self.close(standin, opened["id"], "won")
        assert ask(support, payment).json()["amount"] == "25.00"

    def test_stops_what_waited_for_approval(
        self, standin: StandIn, support: Caller, finance: Caller, large: str
    ) -> None:
        asked = ask(support, large, "800.00").json()
        charge = Payment.objects.get().charge_id
        opened = standin.http.post(f"/_standin/charges/{charge}/dispute", json={"amount": 20000}).raise_for_status()
        self.close(standin, opened.json()["id"], "lost")
        refused = decide(finance, "approve", asked["refund_id"])
        assert (refused.status_code, refused.json()["code"], refused.json()["left"]) == (
            409,
            "payment_not_refundable",
            "700.00",
        )
        assert Refund.objects.get().status == "pending_approval"
        assert facts_of(large) == ["requested"]
        # By hand neither.
        with pytest.raises(DatabaseError), transaction.atomic():
            Refund.objects.update(status="approved", approved_by=finance.sub)
        with pytest.raises(DatabaseError), transaction.atomic():
            Refund.objects.create(
                payment_id=large,
                source="staff",
                amount=1,
                currency="GBP",
                status="requested",
                requested_by=support.sub,
                second_person=True,
                created_at=clock.now(),
            )
        assert decide(finance, "reject", asked["refund_id"]).status_code == 200
        assert ask(support, large).json()["amount"] == "700.00"


class TestAnOpenDispute:
    @pytest.fixture
    def disputed(self, standin: StandIn, large: str) -> str:
        charge = Payment.objects.get().charge_id
        standin.http.post(f"/_standin/charges/{charge}/dispute", json={}).raise_for_status()
        return large

    def settle(self) -> None:
        settling.settle(Payment.objects.get().id)

    def test_blocks_asking_and_says_the_way_forward(self, support: Caller, disputed: str) -> None:
        self.settle()
        refused = ask(support, disputed, "1.00")
        assert (refused.status_code, refused.json()["code"]) == (409, "refund_blocked_by_dispute")
        assert "ask again" in refused.json()["detail"]
        assert Refund.objects.count() == 0

    def test_blocks_approving(self, support: Caller, finance: Caller, large: str, standin: StandIn) -> None:
        asked = ask(support, large).json()
        charge = Payment.objects.get().charge_id
        standin.http.post(f"/_standin/charges/{charge}/dispute", json={}).raise_for_status()
        self.settle()
        refused = decide(finance, "approve", asked["refund_id"])
        assert refused.json()["code"] == "refund_blocked_by_dispute"
        assert Refund.objects.get().status == "pending_approval"

    def test_stops_what_was_approved_before_it_leaves(self, standin: StandIn, support: Caller, disputed: str) -> None:
        ask(support, disputed, "1.00")
        self.settle()
        work()
        refund = Refund.objects.get()
        assert (refund.status, refund.failure_reason) == ("rejected", "refund_blocked_by_dispute")
        assert standin.asked("/v1/refunds", "POST")[-1:] == [] or at_stripe(standin, disputed) == []
        assert facts_of(disputed) == ["requested", "approved", "rejected"]

    def test_that_only_stripe_knows_of_is_refused_by_stripe(
        self, standin: StandIn, support: Caller, disputed: str
    ) -> None:
        ask(support, disputed, "1.00")
        work()
        refund = Refund.objects.get()
        assert (refund.status, refund.failure_reason, refund.due_at) == ("rejected", "charge_disputed", None)
        assert facts_of(disputed) == ["requested", "approved", "rejected"]
        assert balances()["campaign_payable"] == -Payment.objects.get().net


def test_who_asked_takes_it_back_before_it_left(support: Caller, large: str) -> None:
    asked = ask(support, large).json()
    with pytest.raises(SecondPersonNeeded):
        withdraw_refund(refund_id=uuid.UUID(asked["refund_id"]), by=uuid.uuid4())
    withdraw_refund(refund_id=uuid.UUID(asked["refund_id"]), by=support.sub)
    assert Refund.objects.get().status == "canceled"
    assert facts_of(large) == ["requested", "rejected"]
    with pytest.raises(RefundDecided):
        withdraw_refund(refund_id=uuid.UUID(asked["refund_id"]), by=support.sub)


class TestAnIssuedReceipt:
    @pytest.fixture
    def receipted(self, standin: StandIn, large: str) -> str:
        receipt = receipts.issue(
            payment_ids=[uuid.UUID(large)], to=Recipient("Ruth Adler"), by=str(uuid.uuid4()), request_digest="r"
        )
        return str(receipt[0].number)

    def test_blocks_the_refund_and_names_what_has_to_be_voided(
        self, support: Caller, large: str, receipted: str
    ) -> None:
        refused = ask(support, large, "1.00")
        assert (refused.status_code, refused.json()["code"]) == (409, "refund_blocked_by_receipt")
        assert refused.json()["receipt"] == receipted
        assert "voids it" in refused.json()["detail"]
        assert Refund.objects.count() == 0

    def test_voided_it_blocks_nothing(self, support: Caller, large: str, receipted: str) -> None:
        number = Receipt.objects.get()
        receipts.void(receipt_id=number.id, by=str(uuid.uuid4()), reason="to be refunded")
        assert ask(support, large, "1.00").status_code == 202

    def test_none_is_issued_over_a_refund_that_is_under_way(self, support: Caller, large: str) -> None:
        ask(support, large)
        with pytest.raises(GiftNotReceiptable):
            receipts.issue(
                payment_ids=[uuid.UUID(large)], to=Recipient("Ruth Adler"), by=str(uuid.uuid4()), request_digest="r"
            )
