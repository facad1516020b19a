"""Sending what was approved: once, whatever happens to the answer, and not while a hold stands."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.db import Error, transaction

from bh_sdk.errors import Conflict, FundsNotAvailable, Invalid, PayoutNotOpen, SecondPersonNeeded
from bh_sdk.events import Event, Fact, HoldLifted, HoldPlaced
from bh_sdk.money import Money
from bh_sdk.server.events import handlers
from bh_sdk.server.events.models import RecordedEvent
from bh_sdk.server.ops import clock
from payments_svc.gateway.tasks import work_events
from payments_svc.gateway.transfers import TransferStanding
from payments_svc.ledger import commands as ledger
from payments_svc.ledger import queries
from payments_svc.ledger import rules as postings
from payments_svc.ledger.models import Entry, Journal
from payments_svc.payouts import commands, sending
from payments_svc.payouts.errors import PayoutOnHold
from payments_svc.payouts.models import Payout, PayoutAccount
from payments_svc.payouts.tasks import send_due
from tests.payments.conftest import StandIn, deliver, person, service
from tests.payments.paying_out import (
    ANNA,
    BEN,
    CLARA,
    account,
    approved,
    asked,
    hold,
    money_at_stripe,
    paid_by_stripe,
    sent,
    sweep,
)

pytestmark = pytest.mark.django_db
EFFECTS = ["lose_answer", "error_after", "error_before"]


def current() -> Payout:
    return Payout.objects.get()


def balance(account: str) -> int:
    return sum(Entry.objects.filter(account=account).values_list("amount", flat=True))


@pytest.fixture
def payout(standin: StandIn) -> Payout:
    """Approved, for an organiser with an account at Stripe, and money enough to send."""
    money_at_stripe(standin, 30_000)
    waiting = asked()
    paid_by_stripe(standin, waiting.owner_id)
    return commands.approve_payout(payout_id=waiting.id, by=ANNA)


class TestTransfer:
    def test_an_approved_payout_becomes_one_transfer(self, standin: StandIn, payout: Payout) -> None:
        assert send_due() == 1
        (transfer,) = sent(standin, payout)
        assert (transfer.amount, transfer.currency, transfer.destination) == (30_000, "gbp", payout.destination)
        assert (transfer.metadata["payout_id"], transfer.metadata["campaign_id"]) == (
            str(payout.id),
            str(payout.campaign_id),
        )
        now = current()
        assert (now.status, now.transfer_id) == ("paid", transfer.id)
        paid = Journal.objects.get(reference=f"payout:{payout.id}:paid")
        assert (paid.source, paid.campaign_id) == (transfer.id, payout.campaign_id)
        assert (balance("payouts_in_flight"), queries.owed_to(payout.campaign_id)) == (0, {"GBP": 70_000})
        told = RecordedEvent.objects.get(type="payments.payout.paid.v1")
        assert told.payload["method"] == "stripe_transfer"

    @pytest.mark.parametrize("effect", EFFECTS)
    @pytest.mark.parametrize("saved", [True, False])
    def test_a_lost_answer_is_found_out_and_nothing_is_sent_twice(
        self, standin: StandIn, payout: Payout, effect: str, saved: bool
    ) -> None:
        standin.pull(method="POST", path="/v1/transfers", effect=effect, saved=saved)
        send_due()
        assert current().status == "submitting"
        assert balance("payouts_in_flight") == -30_000
        for _ in range(3):
            sweep()
        assert current().status == "paid"
        assert len(sent(standin, payout)) == 1
        assert RecordedEvent.objects.filter(type="payments.payout.paid.v1").count() == 1

    def test_an_answer_lost_twice_and_a_worker_killed_between_still_send_once(
        self, standin: StandIn, payout: Payout
    ) -> None:
        standin.pull(method="POST", path="/v1/transfers", effect="lose_answer")
        standin.pull(method="GET", path="/v1/transfers", effect="error_before", times=2)
        for _ in range(4):
            sweep()
        assert current().status == "paid"
        assert len(sent(standin, payout)) == 1

    def test_stripe_being_away_changes_nothing(self, standin: StandIn, payout: Payout) -> None:
        standin.pull(method="*", path="/v1/transfers", effect="rate_limit", times=4)
        sweep()
        sweep()
        standin.http.delete("/_standin/levers").raise_for_status()
        assert (current().status, sent(standin, payout)) == ("submitting", [])
        sweep()
        assert current().status == "paid"

    def test_pending_money_is_waited_for(self, standin: StandIn) -> None:
        waiting = asked(currency="NOK")
        paid_by_stripe(standin, waiting.owner_id)
        commands.approve_payout(payout_id=waiting.id, by=ANNA)
        for _ in range(2):
            sweep()
            now = current()
            assert (now.status, now.waits_for) == ("approved", "money at Stripe that is still pending")
        assert balance("payouts_in_flight") == -30_000
        money_at_stripe(standin, 30_000, "nok")
        sweep()
        assert (current().status, len(sent(standin, waiting))) == ("paid", 1)

    def test_what_stripe_will_never_do_gives_the_money_back(self, standin: StandIn, payout: Payout) -> None:
        standin.http.post(f"/_standin/accounts/{payout.destination}", json={"transfers": "inactive"})
        send_due()
        now = current()
        assert now.status == "failed"
        assert "capabilities" in str(now.reason)
        assert (queries.owed_to(payout.campaign_id), balance("payouts_in_flight")) == ({"GBP": 100_000}, 0)
        told = RecordedEvent.objects.get(type="payments.payout.failed.v1")
        assert told.payload["reason"] == "insufficient_capabilities_for_transfer"

    def test_a_hold_that_comes_between_approval_and_sending_stops_it(self, standin: StandIn, payout: Payout) -> None:
        hold_id = hold(payout.campaign_id)
        sweep()
        assert (current().status, current().waits_for, sent(standin, payout)) == ("approved", "a hold of trust", [])
        about: dict[str, Any] = {"entity_kind": "campaign", "entity_id": payout.campaign_id}
        commands.note_lifted(hold_id=hold_id, **about, lifted_at=clock.now())
        send_due()
        assert current().status == "paid"

    def test_no_statement_sends_a_held_one(self, payout: Payout) -> None:
        hold(payout.owner_id, "user")
        with pytest.raises(Error, match="a hold stops"), transaction.atomic():
            Payout.objects.update(status="submitting")

    def test_a_hold_after_it_was_sent_does_not_hide_that_it_was(self, standin: StandIn, payout: Payout) -> None:
        standin.pull(method="POST", path="/v1/transfers", effect="lose_answer")
        send_due()
        hold(payout.campaign_id)
        sweep()
        assert current().status == "paid"

    def test_money_that_went_back_to_donors_since_is_not_sent(self, standin: StandIn, payout: Payout) -> None:
        ledger.post(
            reference="refund:y:succeeded",
            kind="refund",
            campaign_id=payout.campaign_id,
            currency="GBP",
            postings=postings.refund(amount=70_001),
            at=clock.now(),
        )
        sweep()
        assert (current().status, sent(standin, payout)) == ("approved", [])
        assert "went back" in str(current().waits_for)

    def test_a_changed_account_changes_nothing_that_was_approved(self, standin: StandIn, payout: Payout) -> None:
        PayoutAccount.objects.update(account_id=account(standin))
        send_due()
        assert sent(standin, payout)[0].destination == payout.destination

    def test_a_reversal_in_parts_and_then_whole(self, standin: StandIn, payout: Payout) -> None:
        send_due()
        transfer = current().transfer_id
        standin.http.post(f"/_standin/transfers/{transfer}/reverse", json={"amount": 10_000}).raise_for_status()
        sweep()
        assert (current().status, current().reversed) == ("paid", 10_000)
        assert queries.owed_to(payout.campaign_id) == {"GBP": 80_000}
        standin.http.post(f"/_standin/transfers/{transfer}/reverse", json={}).raise_for_status()
        for _ in range(2):
            sweep()
        assert (current().status, current().reversed) == ("failed", 30_000)
        assert queries.owed_to(payout.campaign_id) == {"GBP": 100_000}
        told = RecordedEvent.objects.get(type="payments.payout.failed.v1")
        assert told.payload["reason"] == "reversed"

    def test_stripes_doorbell_is_enough(self, standin: StandIn, payout: Payout) -> None:
        standin.pull(method="POST", path="/v1/transfers", effect="lose_answer")
        send_due()
        (transfer,) = sent(standin, payout)
        event = next(
            one
            for one in standin.stripe.v1.events.list({"type": "transfer.created", "limit": 5}).data
            if one.data.object["id"] == transfer.id
        )
        deliver(str(event).encode())
        work_events()
        assert (current().status, current().transfer_id) == ("paid", transfer.id)

    def test_another_transfer_under_its_name_is_not_booked(self, payout: Payout) -> None:
        Payout.objects.update(status="submitting")
        wrong = TransferStanding("tr_1", Money(1, "GBP"), str(payout.destination), str(payout.id))
        with pytest.raises(Conflict):
            sending.bring_to(payout.id, wrong)
        assert current().status == "submitting"


class TestBank:
    def test_two_people_have_to_do_with_a_transfer_by_hand(self) -> None:
        payout = approved()
        for by in (ANNA, payout.owner_id):
            with pytest.raises(SecondPersonNeeded):
                sending.begin_bank_transfer(payout_id=payout.id, by=by)
        sending.begin_bank_transfer(payout_id=payout.id, by=BEN)
        paid = sending.record_bank_transfer(payout_id=payout.id, reference="FT-2026-0042", by=BEN)
        assert (paid.status, paid.bank_reference, paid.sent_by) == ("paid", "FT-2026-0042", BEN)
        assert (balance("bank"), balance("payouts_in_flight")) == (-30_000, 0)
        told = RecordedEvent.objects.get(type="payments.payout.paid.v1")
        assert (told.payload["method"], "FT-2026" in str(told.payload)) == ("bank_transfer", False)

    def test_one_of_the_two_who_approved_a_large_one_may_make_it(self) -> None:
        payout = approved(60_000)
        sending.begin_bank_transfer(payout_id=payout.id, by=ANNA)
        assert sending.record_bank_transfer(payout_id=payout.id, reference="FT-1", by=BEN).sent_by == ANNA

    def test_the_database_knows_that_too(self) -> None:
        payout = approved()
        for by in (ANNA, payout.owner_id):
            with pytest.raises(Error), transaction.atomic():
                Payout.objects.update(status="submitting", sent_by=by)
        with pytest.raises(Error), transaction.atomic():
            Payout.objects.update(status="paid", bank_reference="FT-1", sent_by=BEN)

    def test_a_hold_stops_it_before_it_begins(self) -> None:
        payout = approved()
        hold(payout.campaign_id)
        with pytest.raises(PayoutOnHold):
            sending.begin_bank_transfer(payout_id=payout.id, by=BEN)
        assert current().status == "approved"

    def test_what_went_back_to_donors_stops_it_too(self) -> None:
        payout = approved()
        ledger.post(
            reference="refund:z:succeeded",
            kind="refund",
            campaign_id=payout.campaign_id,
            currency="GBP",
            postings=postings.refund(amount=70_001),
            at=clock.now(),
        )
        with pytest.raises(FundsNotAvailable):
            sending.begin_bank_transfer(payout_id=payout.id, by=BEN)

    def test_one_that_was_not_made_is_left_to_another(self) -> None:
        payout = approved()
        sending.begin_bank_transfer(payout_id=payout.id, by=BEN)
        sending.leave_bank_transfer(payout_id=payout.id, by=BEN)
        assert sending.begin_bank_transfer(payout_id=payout.id, by=CLARA).sent_by == CLARA

    def test_one_that_the_bank_sent_back_is_owed_again(self) -> None:
        payout = approved()
        sending.begin_bank_transfer(payout_id=payout.id, by=BEN)
        with pytest.raises(PayoutNotOpen):
            sending.note_bank_return(payout_id=payout.id, note="Account closed", by=BEN)
        sending.record_bank_transfer(payout_id=payout.id, reference="FT-1", by=BEN)
        back = sending.note_bank_return(payout_id=payout.id, note="Account closed", by=CLARA)
        assert (back.status, back.reason) == ("failed", "Account closed")
        assert (balance("bank"), queries.owed_to(payout.campaign_id)) == (0, {"GBP": 100_000})
        assert RecordedEvent.objects.get(type="payments.payout.failed.v1").payload["reason"] == "bank_returned"

    def test_a_transfer_at_stripe_is_never_recorded_as_one_by_bank(self, standin: StandIn, payout: Payout) -> None:
        with pytest.raises(PayoutNotOpen):
            sending.begin_bank_transfer(payout_id=payout.id, by=BEN)


class TestAccounts:
    def put(self, caller: Any, owner_id: uuid.UUID, account_id: str | None) -> Any:
        return caller("PUT", f"/payout-accounts/{owner_id}", {"account_id": account_id})

    def test_the_platform_says_where_an_organiser_is_paid_to(self, standin: StandIn) -> None:
        owner, account_id = uuid.uuid4(), account(standin)
        answer = self.put(service("monolith"), owner, account_id)
        assert (answer.status_code, answer.json()["transfers_active"]) == (200, True)
        assert PayoutAccount.objects.get(owner_id=owner).account_id == account_id
        assert self.put(service("monolith"), owner, None).json()["account_id"] is None

    def test_an_account_that_may_not_receive_yet_is_paid_by_bank(self, standin: StandIn) -> None:
        payout = asked()
        answer = self.put(service("monolith"), payout.owner_id, account(standin, transfers="pending"))
        assert answer.json()["transfers_active"] is False
        assert commands.approve_payout(payout_id=payout.id, by=ANNA).method == "bank_transfer"

    @pytest.mark.parametrize("connected", [True, False])
    def test_one_that_may_receive_later_is_heard_of(self, standin: StandIn, connected: bool) -> None:
        payout, account_id = asked(), account(standin, transfers="pending")
        self.put(service("monolith"), payout.owner_id, account_id)
        standin.http.post(f"/_standin/accounts/{account_id}", json={"transfers": "active"}).raise_for_status()
        listed = standin.stripe.v1.events.list({"type": "account.updated", "limit": 5}).data
        told = json.loads(str(next(one for one in listed if one.data.object["id"] == account_id)))
        deliver(told | ({"account": account_id} if connected else {}))
        work_events()
        assert PayoutAccount.objects.get().transfers_active is True
        assert commands.approve_payout(payout_id=payout.id, by=ANNA).method == "stripe_transfer"

    def test_an_account_that_stripe_does_not_know_is_refused(self, standin: StandIn) -> None:
        refused = self.put(service("monolith"), uuid.uuid4(), "acct_nobody")
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "#/account_id")
        with pytest.raises(Invalid):
            commands.set_payout_account(owner_id=uuid.uuid4(), account_id="acct_nobody", by="x")
        assert not PayoutAccount.objects.exists()

    @pytest.mark.parametrize("role", ["donor", "recipient", "support", "finance"])
    def test_nobody_sets_their_own(self, standin: StandIn, role: str) -> None:
        caller = person(role)
        assert self.put(caller, caller.sub, "acct_1").status_code == 403
        assert not PayoutAccount.objects.exists()


def test_trusts_facts_stop_and_let_go(standin: StandIn, payout: Payout) -> None:
    told = {"hold_id": uuid.uuid4(), "entity_kind": "campaign", "entity_id": payout.campaign_id}
    hear(HoldPlaced.model_validate(told))
    sweep()
    assert (current().status, sent(standin, payout)) == ("approved", [])
    hear(HoldLifted.model_validate(told))
    send_due()
    assert current().status == "paid"


def hear(fact: Fact) -> None:
    """A fact of trust as the consumer hands it on."""
    handlers.load()
    handlers.handle(
        Event(
            id=uuid.uuid4(),
            source="trust",
            type=fact.type,
            subject=str(uuid.uuid4()),
            time=clock.now(),
            data=fact.payload(),
        )
    )
