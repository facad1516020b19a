"""Asking for refunds and deciding on them. What goes over the network is in `saga.py`, what Stripe says in `books.py`.

Every command locks the payment before the refund: what is left to refund belongs to the payment.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction

from bh_sdk.errors import (
    AmountInvalid,
    CurrencyMismatch,
    IdempotencyKeyReused,
    Invalid,
    PaymentNotRefundable,
    RefundBlockedByDispute,
    RefundBlockedByReceipt,
    RefundDecided,
    SecondPersonNeeded,
)
from bh_sdk.events import RefundApproved, RefundRequested
from bh_sdk.money import Money
from bh_sdk.server.events import record
from bh_sdk.server.ops import clock
from bh_sdk.server.ops.doorbell import ring
from payments_svc.donations import queries as donations
from payments_svc.gateway.standing import Standing
from payments_svc.receipts import queries as receipts
from payments_svc.refunds import books, facts, queries
from payments_svc.refunds.models import Refund
from payments_svc.refunds.rules import REASONS, UNSENT, Reason, needs_second_person

if TYPE_CHECKING:
    from payments_svc.donations.models import Payment

SWEEP = "payments.refunds.sweep"


def bring_to(payment: Payment, standing: Standing, *, at: datetime) -> None:
    """Make refunds, ledger and facts of a succeeded payment say what Stripe says. The caller holds the payment's lock."""
    books.follow(payment, standing.refunds, at=at)


@transaction.atomic
def request_refund(
    *,
    payment_id: UUID,
    amount: Money | None,
    reason: Reason,
    by: UUID,
    may_approve: bool,
    request_digest: str,
    notes: str = "",
    retry_of: UUID | None = None,
    batch_id: UUID | None = None,
) -> Refund:
    """Reserve the money and open a refund; without an amount, of everything that is left. The saga sends it to Stripe as
    soon as nobody has to agree any more. The same `request_digest` again answers the refund that it opened.

    `may_approve` is whether the caller may approve others' refunds: then somebody else approves theirs.
    Raises Invalid, CurrencyMismatch, AmountInvalid; PaymentNotRefundable when less is left; RefundBlockedByDispute and
    RefundBlockedByReceipt with the way forward.
    """
    if reason not in REASONS:
        raise Invalid(errors=[{"pointer": "#/reason", "message": f"one of {', '.join(REASONS)}"}])
    if reason == "other" and not notes.strip():
        raise Invalid(errors=[{"pointer": "#/notes", "message": "say what the reason is"}])
    payment = donations.payment_for_update(payment_id)
    if (known := queries.asked_before(request_digest)) is not None:
        return _same(known, payment_id, amount, reason)
    check_refundable(payment)
    instead_of = _came_back(retry_of, payment) if retry_of else None
    amount = _fitting(payment, amount)
    before, limit = queries.agreed_alone(payment), queries.alone_up_to(payment.currency)
    second_person = needs_second_person(amount, before=before, limit=limit, may_approve=may_approve)
    now = clock.now()
    refund = Refund.objects.create(
        payment=payment,
        source="staff",
        amount=amount.minor,
        currency=amount.code,
        status="requested",
        reason=reason,
        notes=notes.strip(),
        request_digest=request_digest,
        requested_by=by,
        second_person=second_person,
        alone_up_to=limit.minor - before.minor,
        retry_of=instead_of,
        batch_id=batch_id,
        created_at=now,
    )
    books.note(refund, "asked", at=now, by=by, text=refund.notes)
    record(
        RefundRequested(**facts.common(payment, refund), reason=reason, second_person=second_person),
        subject=payment.id,
        actor=str(by),
    )
    if second_person:
        refund.status = "pending_approval"
        refund.save(update_fields=["status"])
    else:
        _approved(payment, refund, by=None, notes="", at=now)
    return refund


def _same(known: Refund, payment_id: UUID, amount: Money | None, reason: str) -> Refund:
    fits = amount is None or known.money == amount
    if known.payment_id != payment_id or known.reason != reason or not fits:
        raise IdempotencyKeyReused
    return known


def check_refundable(payment: Payment) -> None:
    """Raise what stands in the way of any refund of a payment, with the way forward."""
    if payment.status != "succeeded":
        raise PaymentNotRefundable("Nothing was charged on this payment", left=payment.money(0).decimal)
    if payment.dispute_status == "open":
        raise RefundBlockedByDispute(
            "The donor's bank disputes this payment and would take the money twice. Answer or accept the dispute; if it is"
            " won, ask again. What is lost the bank has paid the donor."
        )
    number = receipts.receipt_covering(payment.id)
    if number is not None:
        raise RefundBlockedByReceipt(
            f"Tax receipt {number} covers this gift. Finance voids it first (Receipts, {number}, Void), then ask again.",
            receipt=number,
        )


def _fitting(payment: Payment, amount: Money | None) -> Money:
    left = queries.left(payment)
    if amount is None:
        amount = left
    if amount.code != payment.currency:
        raise CurrencyMismatch(f"This payment was made in {payment.currency}", currency=payment.currency)
    if amount.minor % amount.chargeable_step or (amount.minor <= 0 < left.minor):
        raise AmountInvalid("This amount cannot be refunded", currency=amount.code)
    if amount > left or left.minor <= 0:
        raise PaymentNotRefundable(f"{left} is left to refund on this payment{_why_less(payment)}", left=left.decimal)
    return amount


def _why_less(payment: Payment) -> str:
    lost = queries.lost(payment)
    return f": the donor's bank took {lost} back in a dispute that was lost" if lost.minor else ""


def check_still_there(payment: Payment, refund: Refund) -> None:
    """Raise PaymentNotRefundable when a dispute that was lost has taken what a refund was asked for."""
    room = queries.room(payment)
    if room < 0 and queries.lost(payment).minor:
        left = payment.money(max(0, room + refund.amount))
        raise PaymentNotRefundable(f"{left} is left for this refund{_why_less(payment)}", left=left.decimal)


def _came_back(refund_id: UUID, payment: Payment) -> Refund:
    """The refund that a new one is asked instead of."""
    refund = queries.refund_for_update(refund_id)
    if refund.payment_id != payment.id or not queries.is_open_case(refund):
        raise RefundDecided("This refund does not wait for a new one", refund_status=refund.status)
    return refund


@transaction.atomic
def approve_refund(*, refund_id: UUID, by: UUID, notes: str = "") -> Refund:
    """Let a refund go to Stripe; from there it only goes forward.

    Raises SecondPersonNeeded for whoever asked for it, RefundDecided when it does not wait for approval any more, and what
    blocks the payment by now.
    """
    payment, refund = _locked(refund_id)
    _someone_else(refund, by)
    if refund.status != "pending_approval":
        raise RefundDecided(f"The refund is {_say(refund.status)}", refund_status=refund.status)
    check_refundable(payment)
    check_still_there(payment, refund)
    _approved(payment, refund, by=by, notes=notes, at=clock.now())
    return refund


@transaction.atomic
def reject_refund(*, refund_id: UUID, by: UUID, notes: str) -> Refund:
    """Refuse a refund and say why; its amount is free again. Raises Invalid, SecondPersonNeeded, RefundDecided."""
    if not notes.strip():
        raise Invalid(errors=[{"pointer": "#/notes", "message": "say why it is rejected"}])
    payment, refund = _locked(refund_id)
    _someone_else(refund, by)
    if refund.status != "pending_approval":
        raise RefundDecided(f"The refund is {_say(refund.status)}", refund_status=refund.status)
    refund.rejected_by, refund.decision_notes = by, notes.strip()
    books.give_up(payment, refund, status="rejected", why="rejected", at=clock.now(), by=by, text=notes.strip())
    return refund


@transaction.atomic
def withdraw_refund(*, refund_id: UUID, by: UUID, notes: str = "") -> Refund:
    """Take a request back before it went to Stripe; only who asked can. Raises SecondPersonNeeded, RefundDecided."""
    payment, refund = _locked(refund_id)
    if refund.requested_by != by:
        raise SecondPersonNeeded("Only who asked for a refund withdraws it; others reject it")
    if refund.status not in UNSENT:
        raise RefundDecided(f"The refund is {_say(refund.status)}", refund_status=refund.status)
    books.give_up(payment, refund, status="canceled", why="withdrawn", at=clock.now(), by=by, text=notes.strip())
    return refund


@transaction.atomic
def close_case(*, refund_id: UUID, by: UUID, notes: str) -> Refund:
    """Close the case of a refund that came back, without another try: the note says how the donor got the money, or why
    not. Raises Invalid without a note, RefundDecided when there is no open case."""
    if not notes.strip():
        raise Invalid(errors=[{"pointer": "#/notes", "message": "say what became of the money"}])
    _, refund = _locked(refund_id)
    if not queries.is_open_case(refund):
        raise RefundDecided("There is no open case", refund_status=refund.status)
    refund.closed_at = clock.now()
    refund.save(update_fields=["closed_at"])
    books.note(refund, "closed", at=refund.closed_at, by=by, text=notes.strip())
    return refund


def _locked(refund_id: UUID) -> tuple[Payment, Refund]:
    payment = donations.payment_for_update(queries.payment_of(refund_id))
    return payment, queries.refund_for_update(refund_id)


def _someone_else(refund: Refund, by: UUID) -> None:
    if refund.requested_by == by:
        raise SecondPersonNeeded("You asked for this refund; somebody else decides on it")


def _approved(payment: Payment, refund: Refund, *, by: UUID | None, notes: str, at: datetime) -> None:
    refund.status, refund.approved_by, refund.decision_notes = "approved", by, notes.strip()
    refund.decided_at = refund.due_at = at
    refund.save()
    books.note(refund, "approved", at=at, by=by, text=refund.decision_notes)
    record(
        RefundApproved(**facts.common(payment, refund)),
        subject=payment.id,
        actor=str(by) if by is not None else "system",
    )
    ring(SWEEP)


def _say(status: str) -> str:
    return status.replace("_", " ")
