"""Sending what was approved: by a transfer at Stripe, or by hand through the bank.

A transfer is sent in three steps, so that no step holds a transaction over the network: the payout is on its way
(`submitting`), the call to Stripe, what Stripe said. An answer that was lost is looked for before anything is sent again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from bh_sdk.errors import Conflict, FundsNotAvailable, PayoutNotOpen
from bh_sdk.events import PayoutFailed, PayoutPaid
from bh_sdk.server.events import record
from bh_sdk.server.ops import clock
from payments_svc.gateway import transfers
from payments_svc.gateway.errors import OutcomeUnknown, RequestRefused
from payments_svc.gateway.transfers import TransferStanding
from payments_svc.ledger import queries as ledger
from payments_svc.payouts import queries
from payments_svc.payouts.commands import book, check_holds, give_back, move, told_of
from payments_svc.payouts.errors import PayoutOnHold
from payments_svc.payouts.models import Payout
from payments_svc.payouts.rules import check_sender, next_try

# How long to wait for money that Stripe has and we may not send yet, or that donors took back.
_MONEY_COMES = timedelta(hours=1)
# A transfer that was paid may be reversed; Stripe tells, and we ask besides.
_ASK_AGAIN, _ASK_FOR = timedelta(days=1), timedelta(days=120)
_HELD = "a hold of trust"


def settle(payout_id: UUID) -> None:
    """Send an approved payout, or find out how a sent one stands. May run any number of times, at any time.

    Raises OutcomeUnknown when Stripe is away; then the payout is due again soon.
    """
    payout, begun = _begin(payout_id)
    if payout is None:
        return
    try:
        if payout.transfer_id is not None:
            standing = transfers.look(payout.transfer_id)
        else:
            standing = (None if begun else transfers.find(payout_id)) or _send(payout)
    except OutcomeUnknown as lost:
        if lost.remembered:
            # Nothing was found, and under this key Stripe can only ever repeat its error.
            _spend_key(payout_id)
        raise
    except RequestRefused as refusal:
        if payout.transfer_id is not None:
            raise
        _refused(payout_id, refusal)
        return
    bring_to(payout_id, standing)


def _send(payout: Payout) -> TransferStanding:
    return transfers.send(
        payout_id=payout.id,
        campaign_id=payout.campaign_id,
        amount=payout.money,
        destination=str(payout.destination),
        keys_spent=payout.keys_spent,
    )


@transaction.atomic
def _begin(payout_id: UUID) -> tuple[Payout | None, bool]:
    """The payout to ask Stripe about, and whether it goes there for the first time; None when there is nothing to ask."""
    payout = queries.payout_for_update(payout_id)
    now = clock.now()
    if payout.method != "stripe_transfer" or payout.status not in ("approved", "submitting", "paid"):
        return None, False
    begun = payout.status == "approved"
    if begun and not _may_go(payout, at=now):
        payout.save()
        return None, False
    if begun:
        move(payout, "submitting")
        payout.sent_at, payout.waits_for, payout.tries = now, None, 0
    payout.tries = min(payout.tries + 1, 30_000)
    payout.look_again_at = next_try(payout.tries, at=now)
    payout.save()
    return payout, begun


def _may_go(payout: Payout, *, at: datetime) -> bool:
    """Whether an approved payout may leave now; if not, it says what it waits for."""
    try:
        check_holds(payout)
        queries.check_still_there(payout, promised=payout.amount)
    except PayoutOnHold:
        # The lifting makes it due.
        payout.waits_for, payout.look_again_at = _HELD, None
        return False
    except FundsNotAvailable as short:
        payout.waits_for, payout.look_again_at = short.detail[:200], at + _MONEY_COMES
        return False
    return True


@transaction.atomic
def _spend_key(payout_id: UUID) -> None:
    payout = queries.payout_for_update(payout_id)
    payout.keys_spent += 1
    payout.save(update_fields=["keys_spent"])


@transaction.atomic
def _refused(payout_id: UUID, refusal: RequestRefused) -> None:
    """Stripe did nothing. Without available money the payout waits; whatever else is wrong, the campaign has it back."""
    payout = queries.payout_for_update(payout_id)
    if payout.status != "submitting":
        return
    now = clock.now()
    if refusal.code == transfers.NOT_YET_AVAILABLE:
        move(payout, "approved")
        payout.keys_spent += 1
        payout.waits_for, payout.look_again_at = "money at Stripe that is still pending", now + _MONEY_COMES
        payout.save()
        return
    _fail(payout, code=refusal.code or "refused", reason=str(refusal), at=now)
    give_back(payout, at=now)


def _fail(payout: Payout, *, code: str, reason: str, at: datetime, by: str = "system") -> None:
    move(payout, "failed")
    payout.reason, payout.settled_at, payout.look_again_at = reason[:500], at, None
    payout.save()
    record(PayoutFailed(**told_of(payout), reason=code), subject=payout.id, actor=by)


@transaction.atomic
def bring_to(payout_id: UUID, standing: TransferStanding) -> None:
    """Make the payout, the ledger and the facts say what Stripe says of its transfer."""
    payout = queries.payout_for_update(payout_id)
    now = clock.now()
    if (standing.amount, standing.destination) != (payout.money, payout.destination):
        raise Conflict("Stripe holds another transfer than the payout", payout_id=str(payout_id))
    if payout.status == "submitting":
        move(payout, "paid")
        payout.transfer_id, payout.settled_at = standing.id, now
        book(
            payout,
            "paid",
            debit="payouts_in_flight",
            credit="stripe_balance",
            line="payout",
            at=now,
            source=standing.id,
        )
        _paid(payout, by="system")
    if payout.status == "paid":
        payout.look_again_at = now + _ASK_AGAIN if now - (payout.settled_at or now) < _ASK_FOR else None
        payout.save()
        _book_reversals(payout, standing, at=now)


def _paid(payout: Payout, *, by: str) -> None:
    fact = PayoutPaid.model_validate(told_of(payout) | {"method": payout.method})
    record(fact, subject=payout.id, actor=by)


def _book_reversals(payout: Payout, standing: TransferStanding, *, at: datetime) -> None:
    """What came back is owed to the campaign again; when all of it came back, the payout failed."""
    booked = {journal.reference for journal in ledger.journals_under(f"payout:{payout.id}:reversal:")}
    for back in standing.reversals:
        if f"payout:{payout.id}:reversal:{back.id}" in booked:
            continue
        payout.reversed += back.amount.minor
        book(
            payout,
            f"reversal:{back.id}",
            debit="stripe_balance",
            credit="campaign_payable",
            line="payout_reversal",
            at=at,
            amount=back.amount.minor,
            source=back.id,
        )
    if payout.reversed == payout.amount:
        _fail(payout, code="reversed", reason="The transfer was reversed at Stripe", at=at)
    else:
        payout.save(update_fields=["reversed"])


@transaction.atomic
def begin_bank_transfer(*, payout_id: UUID, by: UUID) -> Payout:
    """Take a bank transfer on, so that nobody else makes it too. Raises PayoutNotOpen, SecondPersonNeeded, PayoutOnHold, and
    FundsNotAvailable when money went back to donors since."""
    payout = _by_bank(payout_id, "approved")
    _check_sender(payout, by)
    check_holds(payout)
    queries.check_still_there(payout, promised=payout.amount)
    move(payout, "submitting")
    payout.sent_by, payout.sent_at, payout.waits_for = by, clock.now(), None
    payout.save()
    return payout


@transaction.atomic
def leave_bank_transfer(*, payout_id: UUID, by: UUID) -> Payout:
    """The transfer was not made: somebody else may take it on. Raises PayoutNotOpen."""
    payout = _by_bank(payout_id, "submitting")
    _check_sender(payout, by)
    move(payout, "approved")
    payout.sent_by = payout.sent_at = None
    payout.save()
    return payout


@transaction.atomic
def record_bank_transfer(*, payout_id: UUID, reference: str, by: UUID) -> Payout:
    """The bank transfer was made under this reference. Raises PayoutNotOpen, SecondPersonNeeded."""
    payout = _by_bank(payout_id, "submitting")
    _check_sender(payout, by)
    now = clock.now()
    move(payout, "paid")
    payout.bank_reference, payout.settled_at = reference, now
    payout.save()
    book(payout, "paid", debit="payouts_in_flight", credit="bank", line="payout", at=now)
    _paid(payout, by=str(by))
    return payout


@transaction.atomic
def note_bank_return(*, payout_id: UUID, note: str, by: UUID) -> Payout:
    """The bank sent a transfer back: the campaign is owed it again. Raises PayoutNotOpen."""
    payout = _by_bank(payout_id, "paid")
    now = clock.now()
    book(payout, "returned", debit="bank", credit="campaign_payable", line="payout_reversal", at=now)
    payout.reversed = payout.amount
    _fail(payout, code="bank_returned", reason=note, at=now, by=str(by))
    return payout


def _by_bank(payout_id: UUID, status: str) -> Payout:
    payout = queries.payout_for_update(payout_id)
    if payout.method != "bank_transfer" or payout.status != status:
        said = payout.status.replace("_", " ")
        way = "" if payout.method == "bank_transfer" else ", and no bank transfer"
        raise PayoutNotOpen(f"The payout is {said}{way}", payout_status=payout.status)
    return payout


def _check_sender(payout: Payout, by: UUID) -> None:
    check_sender(
        by=by,
        requested_by=payout.requested_by,
        owner_id=payout.owner_id,
        approved_by=(payout.first_approved_by, payout.second_approved_by),
    )
