"""A donor's bank asks for the money back: every move of money is booked once, in whatever order we hear of it."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.utils import InternalError

from bh_sdk.server.events.models import RecordedEvent
from payments_svc.disputes.models import Dispute, Movement, Warned
from payments_svc.disputes.rules import DISPUTE_MOVES, dispute_status, next_status
from payments_svc.donations import settling
from payments_svc.donations.models import Payment
from payments_svc.gateway.models import StripeEvent
from payments_svc.gateway.tasks import mirror_events, work_events
from payments_svc.ledger import queries as ledger
from payments_svc.ledger.models import Entry, Journal
from tests.payments.conftest import Caller, StandIn, deliver, person

pytestmark = pytest.mark.django_db
# What the stand-in takes for a case in GBP.
FEE = 2000


def balance(account: str) -> int:
    return sum(Entry.objects.filter(account=account).values_list("amount", flat=True))


def told() -> list[str]:
    rows = RecordedEvent.objects.filter(type__startswith="payments.dispute").order_by("sequence")
    return [row.type.split(".")[2] for row in rows]


def last_fact() -> dict[str, Any]:
    row = RecordedEvent.objects.filter(type__startswith="payments.dispute").order_by("-sequence").first()
    assert row is not None
    payload: dict[str, Any] = row.payload
    return payload


def dispute(standin: StandIn, payment: Payment, **body: Any) -> str:
    answer = standin.http.post(f"/_standin/charges/{payment.charge_id}/dispute", json=body).raise_for_status()
    return str(answer.json()["id"])


def decide(standin: StandIn, stripe_id: str, status: str) -> None:
    standin.http.post(f"/_standin/disputes/{stripe_id}", json={"status": status}).raise_for_status()


@pytest.fixture
def given(standin: StandIn, donor: Caller, campaign: Any) -> Payment:
    opened = donor.give(campaign)
    return Payment.objects.get(id=opened["payment_id"])


@pytest.fixture
def disputed(standin: StandIn, given: Payment) -> Payment:
    dispute(standin, given)
    return settling.settle(given.id)


def test_an_open_dispute_takes_the_money_aside_and_its_fee_from_us(disputed: Payment) -> None:
    assert disputed.dispute_status == "open"
    assert balance("disputes") == 2500
    assert balance("processing_fees") == FEE
    assert balance("stripe_balance") == disputed.charged - disputed.processing_fee - 2500 - FEE
    assert ledger.owed_to(disputed.campaign_id) == {"GBP": disputed.net}
    assert ledger.imbalance() == {"GBP": 0}
    case = Dispute.objects.get()
    assert (case.status, case.stripe_status, case.reason, case.fee) == ("open", "needs_response", "fraudulent", FEE)
    assert case.evidence_due_at is not None
    said = last_fact()
    assert said["dispute_id"] == str(case.id)
    assert said["donor_id"] == str(disputed.donor_id)
    assert said["reason"] == "fraudulent"
    assert datetime.fromisoformat(said["evidence_due_at"]) == case.evidence_due_at


@pytest.mark.parametrize(("outcome", "lost"), [("won", 0), ("lost", 2500)])
def test_a_decision_is_booked_once_however_often_it_is_told(
    standin: StandIn, disputed: Payment, outcome: str, lost: int
) -> None:
    decide(standin, Dispute.objects.get().stripe_id, outcome)
    for _ in range(3):
        payment = settling.settle(disputed.id)
    assert payment.dispute_status == outcome
    assert balance("disputes") == 0
    assert balance("processing_fees") == FEE
    assert ledger.owed_to(payment.campaign_id) == {"GBP": payment.net - lost}
    assert told() == ["opened", "closed"]
    assert (last_fact()["outcome"], last_fact()["fee"], last_fact()["amount"]) == (outcome, "20.00", "25.00")
    assert ledger.imbalance() == {"GBP": 0}


def test_a_decision_that_is_the_first_we_hear_tells_the_whole_story(standin: StandIn, given: Payment) -> None:
    decide(standin, dispute(standin, given), "lost")
    payment = settling.settle(given.id)
    assert (payment.dispute_status, told()) == ("lost", ["opened", "closed"])
    assert ledger.owed_to(payment.campaign_id) == {"GBP": payment.net - 2500}


def test_parts_of_one_gift_may_be_disputed_apart(standin: StandIn, given: Payment) -> None:
    first, second = dispute(standin, given, amount=1000), dispute(standin, given, amount=700)
    assert settling.settle(given.id).dispute_status == "open"
    assert balance("disputes") == 1700
    decide(standin, first, "won")
    decide(standin, second, "lost")
    payment = settling.settle(given.id)
    assert payment.dispute_status == "lost"
    assert balance("disputes") == 0
    assert balance("processing_fees") == 2 * FEE
    assert ledger.owed_to(payment.campaign_id) == {"GBP": payment.net - 700}
    assert sorted(told()) == ["closed", "closed", "opened", "opened"]


def test_an_inquiry_moves_no_money_and_leaves_the_gift_refundable(standin: StandIn, given: Payment) -> None:
    asked = dispute(standin, given, inquiry=True)
    payment = settling.settle(given.id)
    assert (payment.dispute_status, Dispute.objects.get().status, told()) == ("none", "inquiry", [])
    assert Movement.objects.count() == 0
    standin.stripe.v1.refunds.create({"payment_intent": str(given.intent_id)})
    assert settling.settle(given.id).refunded == 2500
    decide(standin, asked, "warning_closed")
    payment = settling.settle(given.id)
    assert (payment.dispute_status, Dispute.objects.get().status, told()) == ("none", "closed", [])


def test_evidence_given_in_stripes_dashboard_is_an_answer_too(standin: StandIn, disputed: Payment) -> None:
    case = Dispute.objects.get()
    standin.stripe.v1.disputes.update(case.stripe_id, {"evidence": {"product_description": "A well"}})
    for _ in range(2):
        settling.settle(disputed.id)
    case.refresh_from_db()
    assert (case.status, case.stripe_status, case.submissions) == ("answered", "under_review", 1)
    assert told() == ["opened", "answered"]
    assert settling.settle(disputed.id).dispute_status == "open"


def test_events_of_a_dispute_in_any_order_end_in_the_same_books(standin: StandIn, donor: Caller, campaign: Any) -> None:
    ends = set()
    for seed in range(6):
        given = Payment.objects.get(id=donor.give(campaign)["payment_id"])
        case = dispute(standin, given, amount=900)
        other = dispute(standin, given, amount=500)
        standin.stripe.v1.disputes.update(case, {"evidence": {"uncategorized_text": "winning_evidence"}})
        decide(standin, other, "lost")
        events = standin.events(str(given.intent_id)) * 2
        random.Random(seed).shuffle(events)
        for event in events:
            deliver(event)
            if seed % 2:
                work_events()
        work_events()
        journals = Journal.objects.filter(payment_id=given.id)
        lines = sorted(Entry.objects.filter(journal__in=journals).values_list("account", "line", "amount"))
        facts = sorted(RecordedEvent.objects.filter(aggregateid=given.id).values_list("type", flat=True))
        ends.add((tuple(lines), tuple(facts), tuple(sorted(given.disputes.values_list("status", flat=True)))))
    assert len(ends) == 1, ends
    assert StripeEvent.objects.filter(state="pending").count() == 0


class TestRules:
    def test_an_older_look_takes_nothing_back(self) -> None:
        order = ["inquiry", "open", "answered"]
        for place, known in enumerate(order):
            for older in order[: place + 1]:
                assert next_status(known, older) == known
        for final in ("won", "lost", "closed"):
            for other in DISPUTE_MOVES:
                assert next_status(final, other) == final

    def test_a_dispute_that_the_bank_takes_back_is_won(self) -> None:
        assert (next_status("open", "closed"), next_status("inquiry", "closed")) == ("won", "closed")

    @pytest.mark.parametrize(
        ("states", "shown"),
        [
            ([], "none"),
            (["inquiry", "closed"], "none"),
            (["won", "answered"], "open"),
            (["lost", "won"], "lost"),
            (["closed", "won"], "won"),
        ],
    )
    def test_what_a_payment_shows(self, states: list[str], shown: str) -> None:
        assert dispute_status(states) == shown

    def test_the_database_knows_the_same_moves(self) -> None:
        frozen = import_module("payments_svc.disputes.migrations.0003_guards").MOVES
        assert {now: sorted(onward) for now, onward in DISPUTE_MOVES.items() if onward} == frozen


class TestDatabase:
    @pytest.mark.parametrize(("was", "becomes"), [("lost", "won"), ("won", "open"), ("answered", "open")])
    def test_no_dispute_moves_back(self, disputed: Payment, was: str, becomes: str) -> None:
        Dispute.objects.update(status=was)
        with pytest.raises(IntegrityError, match="does not move"), transaction.atomic():
            Dispute.objects.update(status=becomes)
        assert Dispute.objects.get().status == was

    @pytest.mark.parametrize("change", [{"amount": 1}, {"currency": "USD"}, {"stripe_id": "du_x"}])
    def test_what_a_dispute_is_does_not_change(self, disputed: Payment, change: dict[str, Any]) -> None:
        with pytest.raises(IntegrityError, match="does not change"), transaction.atomic():
            Dispute.objects.update(**change)

    @pytest.mark.parametrize("sql", ["UPDATE {} SET amount = 0", "UPDATE {} SET written_off = false", "DELETE FROM {}"])
    def test_what_moved_is_kept(self, disputed: Payment, sql: str) -> None:
        with pytest.raises((IntegrityError, InternalError)), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql.format("payments_disputes_movement"))
        assert Movement.objects.get().amount == -2500


def warning(given: Payment, number: int = 1) -> dict[str, Any]:
    said: dict[str, Any] = {"id": f"issfr_{number}", "charge": given.charge_id, "payment_intent": given.intent_id}
    said |= {"fraud_type": "made_with_stolen_card", "actionable": True}
    kind = "radar.early_fraud_warning.created"
    return {"id": f"evt_w{number}", "type": kind, "livemode": False, "data": {"object": said}}


def test_an_early_fraud_warning_is_kept_and_told_once(given: Payment) -> None:
    updated = warning(given) | {"id": "evt_w9", "type": "radar.early_fraud_warning.updated"}
    for event in (warning(given), updated, warning(given)):
        assert deliver(event).status_code == 200
    work_events()
    kept = Warned.objects.get()
    assert (kept.payment_id, kept.fraud_type) == (given.id, "made_with_stolen_card")
    assert RecordedEvent.objects.filter(type="payments.fraud.warned.v1").count() == 1
    assert Payment.objects.get().dispute_status == "none"


def test_the_payer_sees_it(disputed: Payment) -> None:
    payer = person(sub=disputed.user_id)
    assert payer("GET", f"/{disputed.id}").json()["dispute_status"] == "open"


def test_a_deadline_is_stripes(disputed: Payment, standin: StandIn) -> None:
    case = Dispute.objects.get()
    there = standin.stripe.v1.disputes.retrieve(case.stripe_id)
    assert there.evidence_details.due_by is not None
    assert case.evidence_due_at == datetime.fromtimestamp(there.evidence_details.due_by, UTC)


def test_the_copy_of_a_dispute_says_nothing_of_the_donor(standin: StandIn, disputed: Payment) -> None:
    from djstripe.models import Dispute as Copied

    draft: Any = {
        "evidence": {"customer_name": "Ruth Adler", "uncategorized_text": "Ruth wrote to us"},
        "submit": False,
    }
    standin.stripe.v1.disputes.update(Dispute.objects.get().stripe_id, draft)
    for event in standin.events(str(disputed.intent_id)):
        deliver(event)
    while mirror_events():
        pass
    copied = Copied.objects.get()
    assert copied.stripe_data["reason"] == "fraudulent"
    assert "Ruth" not in str(copied.stripe_data)
