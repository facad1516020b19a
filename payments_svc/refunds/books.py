"""Bringing refunds, ledger and facts to what Stripe says. The caller holds the payment's lock.

States and bookings move forward only, so that an older look than the last one changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from bh_sdk.events import RefundRejected
from bh_sdk.server.events import record
from payments_svc.gateway.standing import RefundStanding
from payments_svc.ledger import commands as ledger
from payments_svc.ledger import rules as postings
from payments_svc.refunds import facts, queries
from payments_svc.refunds.models import Refund, RefundStep
from payments_svc.refunds.rules import DEAD, Step, booking, next_look

if TYPE_CHECKING:
    from payments_svc.donations.models import Payment


def follow(payment: Payment, told: Iterable[RefundStanding], *, at: datetime) -> None:
    """Bring every refund that Stripe tells of to where it stands there. The dead come first: what they held may have been
    refunded anew."""
    for each in sorted(told, key=lambda standing: standing.state not in DEAD):
        _follow_one(payment, each, at=at)
    _make_room(payment, at=at)


def note(refund: Refund, name: str, *, at: datetime, by: UUID | None = None, text: str = "") -> None:
    """One more step of the refund's record."""
    RefundStep.objects.create(refund=refund, name=name, by=by, note=text[:1000], at=at)


def give_up(
    payment: Payment, refund: Refund, *, status: str, why: str, at: datetime, by: UUID | None = None, text: str = ""
) -> None:
    """Compensate before the pivot: the amount is free again, and everybody is told."""
    refund.status, refund.failure_reason, refund.decided_at, refund.due_at = status, why[:100] or None, at, None
    refund.save()
    note(refund, "withdrawn" if status == "canceled" else "rejected", at=at, by=by, text=text or why)
    record(
        RefundRejected(**facts.common(payment, refund)),
        subject=payment.id,
        actor=str(by) if by is not None else "system",
    )


def _follow_one(payment: Payment, told: RefundStanding, *, at: datetime) -> None:
    refund = Refund.objects.filter(stripe_id=told.id).first() or _ours(payment, told)
    if refund is None:
        refund = _adopt(payment, told, at=at)
    elif refund.status in DEAD:
        return
    if refund.stripe_id is None:
        refund.stripe_id = told.id
    before = refund.status
    if told.state != before and refund.may_become(told.state):
        refund.status = told.state
    if refund.accepted_at is None:
        refund.accepted_at = at
        note(refund, "accepted", at=at, text=told.id)
    _settle_on(refund, told, before=before, at=at)
    for step in booking(refund.booked, state=refund.status, taken=told.taken):  # type: ignore[arg-type]
        _post(payment, refund, step, at=at)
        refund.booked = step.after
    refund.save()
    if refund.status != before:
        _tell(payment, refund, before=before, at=at)


def _ours(payment: Payment, told: RefundStanding) -> Refund | None:
    """The refund of ours that we sent and whose answer did not come back yet. Anybody with a key to Stripe can write what
    they like into a refund's metadata, so it has to fit."""
    try:
        wanted = UUID(told.refund_id or "")
    except ValueError:
        return None
    return Refund.objects.filter(
        id=wanted,
        payment=payment,
        stripe_id__isnull=True,
        status="submitting",
        amount=told.amount.minor,
        currency=told.amount.code,
    ).first()


def _adopt(payment: Payment, told: RefundStanding, *, at: datetime) -> Refund:
    """One that was made at Stripe's own desk. Nobody here asked for it, and the money leaves all the same."""
    return Refund.objects.create(
        payment=payment,
        source="stripe",
        stripe_id=told.id,
        amount=told.amount.minor,
        currency=told.amount.code,
        status="pending",
        reason=told.reason,
        created_at=at,
    )


def _settle_on(refund: Refund, told: RefundStanding, *, before: str, at: datetime) -> None:
    refund.due_at = None
    if refund.status == "pending":
        refund.due_at = next_look(refund.accepted_at or at, at=at)
    elif refund.status != before:
        refund.settled_at = at
    if refund.status in DEAD:
        # The donor has not got it, so somebody has to see to it.
        refund.failure_reason, refund.reopened_at = told.failure_reason or told.state, at


def _post(payment: Payment, refund: Refund, step: Step, *, at: datetime) -> None:
    lines, kind, name = {
        ("", "in_flight"): (postings.refund_accepted, "refund_accepted", "accepted"),
        ("", "taken"): (postings.refund, "refund", "taken"),
        ("in_flight", "taken"): (postings.refund_left, "refund", "taken"),
        ("in_flight", ""): (postings.refund_dropped, "refund_reversal", "dropped"),
        ("taken", ""): (postings.refund_reversal, "refund_reversal", "failed"),
    }[step.before, step.after]
    ledger.post(
        reference=f"refund:{refund.stripe_id}:{name}",
        kind=kind,
        # Only what moves our balance at Stripe has a balance transaction to be compared with.
        source=refund.stripe_id if "taken" in (step.before, step.after) else None,
        payment_id=payment.id,
        campaign_id=payment.campaign_id,
        currency=payment.currency,
        postings=lines(amount=refund.amount),
        at=at,
        by=_behind(refund),
        reason=refund.reason,
    )
    note(refund, "reversed" if step.after == "" else "booked", at=at, text=kind.replace("_", " "))


def _behind(refund: Refund) -> str | None:
    """Who let it go: the second person, else who asked; nobody of ours for one made at Stripe's own desk."""
    person = refund.approved_by or refund.requested_by
    return str(person) if person is not None else None


def _tell(payment: Payment, refund: Refund, *, before: str, at: datetime) -> None:
    if refund.status == "succeeded":
        payment.refunded += refund.amount
        payment.save(update_fields=["refunded"])
        note(refund, "succeeded", at=at)
        record(facts.succeeded(payment, refund), subject=payment.id)
    elif refund.status in DEAD:
        reversed = before == "succeeded"
        if reversed:
            payment.refunded -= refund.amount
            payment.save(update_fields=["refunded"])
        note(refund, "failed", at=at, text=refund.failure_reason or "")
        record(facts.failed(payment, refund, reversed=reversed), subject=payment.id)


def _make_room(payment: Payment, *, at: datetime) -> None:
    """What was refunded at Stripe's own desk, or lost in a dispute, is gone: requests that were waiting for the same money
    are given up, the newest first. One that Stripe may have heard of is Stripe's to refuse."""
    why = "dispute_lost" if queries.lost(payment).minor else "refunded_at_stripe"
    for refund in queries.unsent_newest_first(payment.id):
        if queries.room(payment) >= 0:
            return
        give_up(payment, refund, status="rejected", why=why, at=at)
