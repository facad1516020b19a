"""What a campaign has: out of the ledger to the minor unit, and never paid out beyond it."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bh_sdk.errors import BHError
from bh_sdk.server.ops import clock
from payments_svc.ledger import commands as ledger
from payments_svc.ledger import queries
from payments_svc.ledger import rules as postings
from payments_svc.payouts import commands, sending
from payments_svc.payouts import queries as payouts
from payments_svc.payouts.models import Payout
from payments_svc.payouts.rules import IN_FLIGHT, WAITING, Balance
from tests.payments.conftest import Caller, StandIn, person, service
from tests.payments.factories import campaign as a_campaign
from tests.payments.paying_out import ANNA, BEN, CLARA, approved, asked, gift, hold

pytestmark = pytest.mark.django_db


def state(caller: Caller, campaign_id: Any) -> Any:
    return caller("GET", f"/campaigns/{campaign_id}/escrow")


def test_an_organiser_sees_where_the_money_is(standin: StandIn, donor: Caller) -> None:
    owner = person("recipient")
    campaign = a_campaign(owner_id=owner.sub)
    donor.give(campaign, "100.00")
    (balance,) = state(owner, campaign.id).json()["balances"]
    assert (balance["raised"], balance["fees"], balance["owed"]) == ("100.00", "5.10", "94.90")
    assert (balance["available"], balance["paid_out"], balance["disputed"]) == ("94.90", "0.00", "0.00")


def test_every_step_of_a_payout_moves_the_figures() -> None:
    payout = asked()
    balance = payouts.escrow(payout.campaign_id).balances[0]
    assert (balance.reserved, balance.available, balance.in_flight) == (30_000, 70_000, 0)
    commands.approve_payout(payout_id=payout.id, by=ANNA)
    balance = payouts.escrow(payout.campaign_id).balances[0]
    assert (balance.reserved, balance.available, balance.in_flight, balance.paid_out) == (0, 70_000, 30_000, 0)
    sending.begin_bank_transfer(payout_id=payout.id, by=BEN)
    sending.record_bank_transfer(payout_id=payout.id, reference="FT-1", by=BEN)
    balance = payouts.escrow(payout.campaign_id).balances[0]
    assert (balance.in_flight, balance.paid_out, balance.owed) == (0, 30_000, 70_000)


def test_a_hold_shows_all_that_it_stops() -> None:
    payout = approved()
    hold(payout.campaign_id)
    answer = state(person(sub=payout.owner_id), payout.campaign_id).json()
    assert (answer["on_hold"], answer["balances"][0]["held"]) == (True, "700.00")


@pytest.mark.parametrize("reader", ["finance", "support", "auditor", "monolith"])
def test_staff_and_the_platform_look_at_any_campaign(reader: str) -> None:
    campaign = a_campaign()
    caller = service(reader) if reader == "monolith" else person(reader)
    answer = state(caller, campaign.id).json()
    assert [one["owed"] for one in answer["balances"]] == ["0.00"]
    assert (answer["minimum"], answer["possible_from"]) == ("25.00", None)


def test_strangers_see_nothing(guest: Caller) -> None:
    campaign = a_campaign()
    assert state(guest, campaign.id).status_code == 401
    for stranger in (person(), person("recipient"), person("analyst")):
        assert state(stranger, campaign.id).status_code == 404
    assert state(person("finance"), uuid.uuid4()).status_code == 404


def parts(one: Balance) -> int:
    return one.raised - one.fees - one.refunded - one.lost - one.in_flight - one.paid_out + one.corrected


class Money(RuleBasedStateMachine):
    """Gifts come, go back and are disputed while payouts are asked for, approved, sent, refused and returned."""

    @initialize()
    def a_new_campaign(self) -> None:
        self.campaign = a_campaign()
        self.open_disputes: list[int] = []
        gift(self.campaign, 10_000, fee=300)

    def balance(self) -> Balance:
        return payouts.escrow(self.campaign.id).balances[0]

    def post(self, kind: str, lines: list[postings.Posting]) -> None:
        ledger.post(
            reference=f"{kind}:{uuid.uuid4()}",
            kind=kind,
            campaign_id=self.campaign.id,
            currency="GBP",
            postings=lines,
            at=clock.now(),
        )

    def payouts(self, *statuses: str) -> list[Payout]:
        return list(Payout.objects.filter(campaign_id=self.campaign.id, status__in=statuses).order_by("created_at"))

    def attempt(self, command: Any, **told: Any) -> bool:
        try:
            command(**told)
        except BHError:
            return False
        return True

    @rule(minor=st.integers(500, 90_000))
    def somebody_gives(self, minor: int) -> None:
        gift(self.campaign, minor, fee=minor // 20)

    @rule(minor=st.integers(1, 20_000))
    def a_gift_goes_back(self, minor: int) -> None:
        self.post("refund", postings.refund(amount=minor))

    @rule(minor=st.integers(1, 20_000))
    def a_bank_disputes(self, minor: int) -> None:
        self.open_disputes.append(minor)
        self.post("dispute", postings.move(minor, debit="disputes", credit="stripe_balance", line="dispute"))

    @precondition(lambda self: self.open_disputes)
    @rule(won=st.booleans())
    def the_bank_decides(self, won: bool) -> None:
        minor = self.open_disputes.pop()
        if won:
            back = postings.move(minor, debit="stripe_balance", credit="disputes", line="dispute_reversal")
        else:
            back = postings.move(minor, debit="campaign_payable", credit="disputes", line="dispute")
        self.post("dispute_closed", back)

    @rule(minor=st.none() | st.integers(2_500, 90_000))
    def the_organiser_asks(self, minor: int | None) -> None:
        free = self.balance().free
        amount = None if minor is None else f"{minor // 100}.{minor % 100:02}"
        asked = self.attempt(
            commands.request_payout, campaign_id=self.campaign.id, amount=amount, by=self.campaign.owner_id
        )
        if asked:
            taken = self.payouts("requested")[-1].amount
            assert taken <= free
            assert self.balance().free == free - taken

    @rule(by=st.sampled_from([ANNA, BEN]))
    def somebody_approves(self, by: Any) -> None:
        for payout in self.payouts(*WAITING)[:1]:
            before = self.balance()
            self.attempt(commands.approve_payout, payout_id=payout.id, by=by)
            payout.refresh_from_db()
            if payout.status == "approved":
                assert payout.amount <= before.owed - before.disputed

    @rule()
    def somebody_rejects(self) -> None:
        for payout in self.payouts("requested", "approved_once", "approved")[:1]:
            assert self.attempt(commands.reject_payout, payout_id=payout.id, note="No", by=CLARA)

    @rule()
    def the_organiser_cancels(self) -> None:
        for payout in self.payouts(*WAITING)[-1:]:
            assert self.attempt(commands.cancel_payout, payout_id=payout.id, by=payout.owner_id)

    @rule()
    def the_bank_transfer_is_made(self) -> None:
        for payout in self.payouts("approved")[:1]:
            before = self.balance()
            if self.attempt(sending.begin_bank_transfer, payout_id=payout.id, by=CLARA):
                assert before.owed - before.disputed >= 0
                assert self.attempt(sending.record_bank_transfer, payout_id=payout.id, reference="FT", by=CLARA)

    @rule()
    def the_bank_sends_it_back(self) -> None:
        for payout in self.payouts("paid")[:1]:
            assert self.attempt(sending.note_bank_return, payout_id=payout.id, note="Closed", by=ANNA)

    @invariant()
    def the_parts_are_the_ledger(self) -> None:
        if not hasattr(self, "campaign"):
            return
        balance = self.balance()
        assert parts(balance) == balance.owed == queries.owed_to(self.campaign.id).get("GBP", 0)
        assert balance.disputed == sum(self.open_disputes)
        assert balance.in_flight == sum(payout.amount for payout in self.payouts(*IN_FLIGHT))
        assert balance.paid_out == sum(payout.amount for payout in self.payouts("paid"))
        assert balance.reserved == sum(payout.amount for payout in self.payouts(*WAITING))
        assert not any(queries.imbalance().values())


@override_settings(PAYOUT_EVERY_HOURS=0)
def test_whatever_happens_no_more_is_paid_than_is_owed_and_escrow_is_the_ledger() -> None:
    run_state_machine_as_test(
        Money,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=timedelta(seconds=60),
            suppress_health_check=list(HealthCheck),
        ),
    )
