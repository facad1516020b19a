"""Approving payouts: who may, how many, and that nothing goes around it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import Error, connection, transaction

from bh_sdk.errors import BHError, FundsNotAvailable, PayoutNotOpen, SecondPersonNeeded
from bh_sdk.money import CURRENCIES
from bh_sdk.server.events.models import RecordedEvent
from bh_sdk.server.ops import clock
from payments_svc.ledger import commands as ledger
from payments_svc.ledger import queries
from payments_svc.ledger import rules as postings
from payments_svc.ledger.models import Journal
from payments_svc.payouts import commands, sending
from payments_svc.payouts.errors import PayoutOnHold
from payments_svc.payouts.migrations import __name__ as migrations_name
from payments_svc.payouts.models import Payout
from payments_svc.payouts.rules import MOVES, per_currency
from tests.payments.paying_out import ANNA, BEN, CLARA, approved, asked, funded, hold

pytestmark = pytest.mark.django_db
BIG = 60_000


def approve(payout: Payout, by: UUID) -> Payout:
    return commands.approve_payout(payout_id=payout.id, by=by)


def now_is(payout: Payout) -> str:
    return Payout.objects.get(id=payout.id).status


def test_one_person_approves_a_small_one_and_its_money_is_in_flight() -> None:
    payout = approve(asked(), ANNA)
    assert (payout.status, payout.first_approved_by, payout.method) == ("approved", ANNA, "bank_transfer")
    (journal,) = queries.journals_under(f"payout:{payout.id}:")
    assert {entry.account: entry.amount for entry in journal.entries.all()} == {
        "campaign_payable": 30_000,
        "payouts_in_flight": -30_000,
    }
    assert RecordedEvent.objects.filter(type="payments.payout.approved.v1").count() == 1


def test_a_large_one_takes_two_people_and_moves_nothing_before_the_second() -> None:
    payout = asked(BIG)
    assert approve(payout, ANNA).status == "approved_once"
    assert not Journal.objects.filter(reference__startswith="payout:").exists()
    with pytest.raises(SecondPersonNeeded):
        approve(payout, ANNA)
    assert now_is(payout) == "approved_once"
    assert approve(payout, BEN).status == "approved"
    assert RecordedEvent.objects.filter(type="payments.payout.approved.v1").count() == 1


@pytest.mark.parametrize("amount", [30_000, BIG])
def test_nobody_approves_or_rejects_their_own_money(amount: int) -> None:
    payout = asked(amount)
    with pytest.raises(SecondPersonNeeded):
        approve(payout, payout.owner_id)
    with pytest.raises(SecondPersonNeeded):
        commands.reject_payout(payout_id=payout.id, note="Never mind", by=payout.owner_id)
    assert now_is(payout) == "requested"


def test_an_organiser_is_not_the_second_person_either() -> None:
    payout = asked(BIG)
    approve(payout, ANNA)
    with pytest.raises(SecondPersonNeeded):
        approve(payout, payout.owner_id)


def test_nothing_is_approved_twice() -> None:
    payout = approve(asked(), ANNA)
    with pytest.raises(PayoutNotOpen):
        approve(payout, BEN)
    assert Journal.objects.filter(reference__startswith="payout:").count() == 1


def test_what_went_back_to_donors_meanwhile_is_not_paid_out() -> None:
    payout = asked(100_000)
    ledger.post(
        reference="refund:x:succeeded",
        kind="refund",
        campaign_id=payout.campaign_id,
        currency="GBP",
        postings=postings.refund(amount=1),
        at=clock.now(),
    )
    with pytest.raises(FundsNotAvailable):
        approve(payout, ANNA)
    assert now_is(payout) == "requested"


def test_a_rejected_payout_says_why_and_frees_its_money() -> None:
    payout = asked(100_000)
    rejected = commands.reject_payout(payout_id=payout.id, note="The account's name differs", by=ANNA)
    assert (rejected.status, rejected.reason, rejected.closed_by) == ("rejected", "The account's name differs", ANNA)
    told = RecordedEvent.objects.get(type="payments.payout.rejected.v1")
    assert told.payload["withdrawn"] is False
    assert "name" not in str(told.payload)


def test_an_approved_payout_that_is_rejected_is_owed_again() -> None:
    payout = approved()
    commands.reject_payout(payout_id=payout.id, note="The bank's details are wrong", by=CLARA)
    assert queries.owed_to(payout.campaign_id) == {"GBP": 100_000}
    assert queries.imbalance() == {"GBP": 0}


@pytest.mark.parametrize("kind", ["campaign", "user"])
def test_a_hold_stops_every_approval_until_it_is_lifted(kind: str) -> None:
    payout = asked(BIG)
    approve(payout, ANNA)
    about = payout.campaign_id if kind == "campaign" else payout.owner_id
    hold_id = hold(about, kind)
    with pytest.raises(PayoutOnHold):
        approve(payout, BEN)
    assert now_is(payout) == "approved_once"
    commands.note_lifted(hold_id=hold_id, entity_kind=kind, entity_id=about, lifted_at=clock.now())
    assert approve(payout, BEN).status == "approved"


def test_a_hold_on_somebody_else_stops_nothing() -> None:
    payout = asked()
    hold(uuid4())
    hold(payout.campaign_id, "user")
    assert approve(payout, ANNA).status == "approved"


def test_a_lifting_that_is_heard_before_its_hold_leaves_nothing_behind() -> None:
    payout, hold_id = asked(), uuid4()
    about: dict[str, Any] = {"hold_id": hold_id, "entity_kind": "campaign", "entity_id": payout.campaign_id}
    commands.note_lifted(**about, lifted_at=clock.now())
    commands.note_hold(**about, placed_at=clock.now())
    assert approve(payout, ANNA).status == "approved"


@pytest.mark.parametrize(
    "change",
    [
        {"status": "approved"},
        {"status": "paid"},
        {"status": "submitting"},
        {"status": "nonsense"},
        {"amount": 1},
        {"owner_id": uuid4()},
        {"requested_by": ANNA},
        {"approvals_needed": 1},
        {"second_person_above": 10**9, "approvals_needed": 1},
        {"second_approved_by": BEN},
    ],
    ids=str,
)
def test_no_saving_goes_around_the_rules(change: dict[str, Any]) -> None:
    payout = asked(BIG)
    with pytest.raises(Error), transaction.atomic():
        Payout.objects.filter(id=payout.id).update(**change)
    for name, value in change.items():
        setattr(payout, name, value)
    with pytest.raises(Error), transaction.atomic():
        payout.save()
    assert Payout.objects.get().first_approved_by is None


@pytest.mark.parametrize(("amount", "above"), [(90_000, 10**9), (50_001, 50_001), (100, 10**9)])
def test_no_row_raises_what_one_approval_is_enough_for(amount: int, above: int) -> None:
    known = asked()
    with pytest.raises(Error, match="takes a second person"), transaction.atomic():
        Payout.objects.create(
            campaign=known.campaign,
            owner_id=known.owner_id,
            amount=amount,
            currency=known.currency,
            requested_by=known.owner_id,
            second_person_above=above,
            approvals_needed=1,
            created_at=clock.now(),
        )
    assert Payout.objects.count() == 1


def test_no_setting_raises_it_either(settings: Any) -> None:
    settings.PAYOUT_SECOND_PERSON_ABOVE = {"*": "100000"}
    assert asked(BIG).approvals_needed == 2


def test_the_figures_of_the_settings_are_those_of_the_database(settings: Any) -> None:
    with connection.cursor() as cursor:
        for code in CURRENCIES:
            cursor.execute("SELECT payments_payouts_second_above(%s)", [code])
            assert cursor.fetchone()[0] == per_currency(settings.PAYOUT_SECOND_PERSON_ABOVE, code).minor, code


@pytest.mark.parametrize("who", ["owner", "same"])
def test_no_statement_makes_one_person_two(who: str) -> None:
    payout = approve(asked(BIG), ANNA)
    second = payout.owner_id if who == "owner" else ANNA
    with pytest.raises(Error), transaction.atomic():
        Payout.objects.filter(id=payout.id).update(status="approved", second_approved_by=second)
    with pytest.raises(Error), transaction.atomic():
        Payout.objects.filter(id=payout.id).update(first_approved_by=None, status="requested")
    with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM payments_payouts_payout")


def test_an_approval_without_its_journal_does_not_commit() -> None:
    payout = asked()
    with pytest.raises(Error, match="without a journal"):
        _commit(payout, status="approved", first_approved_by=ANNA, method="bank_transfer")


def test_a_payout_that_comes_to_nothing_gives_its_money_back_or_does_not_commit() -> None:
    payout = approved()
    with pytest.raises(Error, match="not given back"):
        _commit(payout, status="rejected")


def test_the_database_knows_the_hold_too() -> None:
    payout = asked(BIG)
    hold(payout.campaign_id)
    with pytest.raises(Error, match="a hold stops"), transaction.atomic():
        Payout.objects.filter(id=payout.id).update(status="approved_once", first_approved_by=ANNA)


def test_a_payout_is_not_born_approved() -> None:
    payout = asked(BIG)
    payout.pk, payout.status, payout.first_approved_by, payout.second_approved_by = uuid4(), "approved", ANNA, BEN
    with pytest.raises(Error), transaction.atomic():
        payout.save(force_insert=True)


def _commit(payout: Payout, **change: Any) -> None:
    """What the end of a transaction asks, at once."""
    with transaction.atomic(), connection.cursor() as cursor:
        Payout.objects.filter(id=payout.id).update(**change)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_code_and_database_share_one_table_of_moves() -> None:
    from importlib import import_module

    guard = import_module(f"{migrations_name}.0002_guard")
    assert {status: sorted(onward) for status, onward in MOVES.items() if onward} == guard.MOVES


class TestAtOnce:
    pytestmark = pytest.mark.django_db(transaction=True)

    def together(self, *calls: Any) -> list[Any]:
        def run(call: Any) -> Any:
            try:
                return call()
            except BHError as refusal:
                return refusal.code
            finally:
                connection.close()

        with ThreadPoolExecutor(len(calls)) as pool:
            return list(pool.map(run, calls))

    def test_two_approvers_of_a_small_one_approve_it_once(self) -> None:
        payout = asked()
        answers = self.together(lambda: approve(payout, ANNA), lambda: approve(payout, BEN))
        assert sorted(answer if isinstance(answer, str) else "done" for answer in answers) == [
            "done",
            "payout_not_open",
        ]
        assert Journal.objects.filter(reference__startswith="payout:").count() == 1

    def test_the_same_person_twice_at_once_is_one_person(self) -> None:
        payout = asked(BIG)
        answers = self.together(*[lambda: approve(payout, ANNA)] * 4)
        assert answers.count("second_person_needed") == 3
        assert now_is(payout) == "approved_once"

    def test_two_payouts_of_everything_at_once_are_one(self) -> None:
        campaign, owner = funded()
        ask = lambda: commands.request_payout(campaign_id=campaign.id, amount=None, by=owner.sub)  # noqa: E731
        answers = self.together(*[ask] * 6)
        assert sum(isinstance(answer, Payout) for answer in answers) == 1
        assert Payout.objects.count() == 1

    def test_two_people_who_take_on_one_bank_transfer_make_it_once(self) -> None:
        payout = approved(BIG)
        begin = lambda by: lambda: sending.begin_bank_transfer(payout_id=payout.id, by=by)  # noqa: E731
        answers = self.together(begin(ANNA), begin(BEN), begin(CLARA))
        assert answers.count("payout_not_open") == 2
