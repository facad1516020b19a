"""Asking for campaign funds, deciding on it, and what may stop it. Sending is in `sending.py`."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from bh_sdk.errors import Invalid, NotFound, PayoutNotOpen, ProviderUnavailable
from bh_sdk.events import PayoutApproved, PayoutRejected, PayoutRequested
from bh_sdk.money import Money
from bh_sdk.server.events import record
from bh_sdk.server.ops import clock
from bh_sdk.server.ops.doorbell import ring
from payments_svc.donations import queries as donations
from payments_svc.gateway import transfers
from payments_svc.gateway.errors import OutcomeUnknown, RequestRefused
from payments_svc.ledger import commands as ledger
from payments_svc.ledger import rules as postings
from payments_svc.payouts import queries
from payments_svc.payouts.errors import PayoutOnHold
from payments_svc.payouts.models import Hold, Payout, PayoutAccount
from payments_svc.payouts.rules import (
    MOVES,
    WAITING,
    Status,
    amount_to_pay,
    approvals_needed,
    check_approver,
)


@transaction.atomic
def request_payout(*, campaign_id: UUID, amount: str | None, by: UUID) -> Payout:
    """Ask for what a campaign is owed; the amount is reserved. Without `amount` everything that is available.

    Raises NotFound for a campaign of somebody else, Conflict for one whose gifts go back, PayoutTooEarly,
    FundsNotAvailable, and AmountOutOfBounds below the minimum.
    """
    campaign = donations.campaign(campaign_id)
    if campaign.owner_id != by:
        raise NotFound("There is no such campaign")
    queries.lock_escrow(campaign_id)
    now = clock.now()
    wanted = None if amount is None else Money.parse(amount, campaign.currency)
    money = amount_to_pay(wanted, queries.terms(campaign_id), at=now)
    above = queries.second_person_above(campaign.currency)
    payout = Payout.objects.create(
        campaign_id=campaign_id,
        owner_id=campaign.owner_id,
        amount=money.minor,
        currency=money.code,
        requested_by=by,
        second_person_above=above.minor,
        approvals_needed=approvals_needed(money, second_person_above=above),
        created_at=now,
    )
    record(PayoutRequested(**told_of(payout)), subject=payout.id, actor=str(by))
    return payout


def told_of(payout: Payout) -> dict[str, Any]:
    """What every fact about a payout says."""
    return {
        "payout_id": payout.id,
        "campaign_id": payout.campaign_id,
        "owner_id": payout.owner_id,
        "amount": payout.money.decimal,
        "currency": payout.currency,
    }


def move(payout: Payout, to: Status) -> None:
    """Put a payout into another state. Raises PayoutNotOpen when it cannot go there."""
    if to not in MOVES[payout.status]:  # type: ignore[index]
        raise PayoutNotOpen(f"The payout is {payout.status.replace('_', ' ')}", payout_status=payout.status)
    payout.status = to


def check_holds(payout: Payout) -> None:
    """Raise PayoutOnHold while trust holds the campaign or its organiser."""
    if queries.is_held(payout.campaign_id, payout.owner_id):
        raise PayoutOnHold


@transaction.atomic
def cancel_payout(*, payout_id: UUID, by: UUID) -> Payout:
    """The organiser takes a payout back before it is approved. Raises NotFound for somebody else's, PayoutNotOpen."""
    payout = queries.payout_for_update(payout_id)
    if payout.owner_id != by:
        raise NotFound("There is no such payout")
    move(payout, "canceled")
    payout.closed_by, payout.settled_at = by, clock.now()
    payout.save()
    record(PayoutRejected(**told_of(payout), withdrawn=True), subject=payout.id, actor=str(by))
    return payout


@transaction.atomic
def approve_payout(*, payout_id: UUID, by: UUID) -> Payout:
    """Approve a payout. Above the threshold the second approval, of another person, makes it so: its amount is booked as in
    flight and it is sent, or waits for its bank transfer.

    Raises SecondPersonNeeded, PayoutOnHold, PayoutNotOpen, and FundsNotAvailable when money went back to donors since.
    """
    payout = queries.payout_for_update(payout_id)
    if payout.status not in WAITING:
        raise PayoutNotOpen(f"The payout is {payout.status.replace('_', ' ')}", payout_status=payout.status)
    check_approver(
        by=by,
        requested_by=payout.requested_by,
        owner_id=payout.owner_id,
        first_approved_by=payout.first_approved_by,
    )
    check_holds(payout)
    queries.check_still_there(payout)
    now = clock.now()
    if payout.first_approved_by is None:
        _settle_destination(payout)
        payout.first_approved_by, payout.first_approved_at = by, now
        move(payout, "approved_once" if payout.needs_second else "approved")
    else:
        payout.second_approved_by, payout.second_approved_at = by, now
        move(payout, "approved")
    if payout.status == "approved":
        if payout.method == "stripe_transfer":
            payout.look_again_at = now
            ring("payments.payouts.send_due")
        book(payout, "approved", debit="campaign_payable", credit="payouts_in_flight", line="payout", at=now)
        record(PayoutApproved(**told_of(payout)), subject=payout.id, actor=str(by))
    payout.save()
    return payout


def _settle_destination(payout: Payout) -> None:
    """Where it goes is settled with the first approval: a changed account afterwards changes nothing that was approved."""
    account = queries.payout_account(payout.owner_id)
    if account is not None and account.account_id is not None and account.transfers_active:
        payout.method, payout.destination = "stripe_transfer", account.account_id
    else:
        payout.method = "bank_transfer"


def book(
    payout: Payout,
    what: str,
    *,
    debit: postings.Account,
    credit: postings.Account,
    line: postings.Line,
    at: datetime,
    amount: int | None = None,
    source: str | None = None,
) -> None:
    """Post one journal of a payout: `payout:<id>:<what>`."""
    ledger.post(
        reference=f"payout:{payout.id}:{what}",
        kind=f"payout_{what.partition(':')[0]}",
        source=source,
        campaign_id=payout.campaign_id,
        currency=payout.currency,
        postings=postings.move(payout.amount if amount is None else amount, debit=debit, credit=credit, line=line),
        at=at,
    )


def give_back(payout: Payout, *, at: datetime) -> None:
    """What was in flight is owed to the campaign again."""
    book(payout, "returned", debit="payouts_in_flight", credit="campaign_payable", line="payout_reversal", at=at)


@transaction.atomic
def reject_payout(*, payout_id: UUID, note: str, by: UUID) -> Payout:
    """Refuse a payout that is not on its way yet; the organiser reads the note. Raises PayoutNotOpen, SecondPersonNeeded for
    one's own."""
    payout = queries.payout_for_update(payout_id)
    check_approver(by=by, requested_by=payout.requested_by, owner_id=payout.owner_id, first_approved_by=None)
    booked = payout.status == "approved"
    move(payout, "rejected")
    now = clock.now()
    payout.reason, payout.closed_by, payout.settled_at, payout.look_again_at = note, by, now, None
    if booked:
        give_back(payout, at=now)
    payout.save()
    record(PayoutRejected(**told_of(payout)), subject=payout.id, actor=str(by))
    return payout


def set_payout_account(*, owner_id: UUID, account_id: str | None, by: str) -> PayoutAccount:
    """Say where an organiser is paid to; None takes it away. Stripe is asked whether it may receive.

    Raises Invalid for an account that Stripe does not let us pay to, ProviderUnavailable when Stripe is away.
    """
    active = False
    if account_id is not None:
        try:
            active = transfers.account(account_id).transfers_active
        except RequestRefused as refusal:
            raise Invalid(errors=[{"pointer": "#/account_id", "message": str(refusal)}]) from refusal
        except OutcomeUnknown:
            raise ProviderUnavailable from None
    told = {"account_id": account_id, "transfers_active": active, "set_by": by, "changed_at": clock.now()}
    row, _ = PayoutAccount.objects.update_or_create(owner_id=owner_id, defaults=told)
    return row


def refresh_account(account_id: str) -> bool:
    """Ask Stripe whether an account may receive by now; False when no organiser is paid to it. Raises OutcomeUnknown when
    Stripe is away."""
    rows = PayoutAccount.objects.filter(account_id=account_id)
    if not rows.exists():
        return False
    try:
        active = transfers.account(account_id).transfers_active
    except RequestRefused:
        # Stripe does not let us pay to it any more.
        active = False
    rows.update(transfers_active=active)
    return True


@transaction.atomic
def note_hold(*, hold_id: UUID, entity_kind: str, entity_id: UUID, placed_at: datetime) -> None:
    """Trust put a hold on a campaign or a person. A hold whose lifting was heard first stays lifted."""
    told = {"entity_kind": entity_kind, "entity_id": entity_id, "placed_at": placed_at}
    Hold.objects.update_or_create(id=hold_id, defaults=told)


@transaction.atomic
def note_lifted(*, hold_id: UUID, entity_kind: str, entity_id: UUID, lifted_at: datetime) -> None:
    """Trust lifted a hold: what it stopped is looked at again at once."""
    told = {"entity_kind": entity_kind, "entity_id": entity_id, "lifted_at": lifted_at}
    Hold.objects.update_or_create(id=hold_id, defaults=told)
    about = {"campaign_id": entity_id} if entity_kind == "campaign" else {"owner_id": entity_id}
    stopped = Payout.objects.filter(status="approved", method="stripe_transfer", **about)
    stopped.update(look_again_at=clock.now())
