"""Booking what Stripe says of a payment's disputes, and of warnings that one may come."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Sum

from bh_sdk.errors import Conflict
from bh_sdk.events import DisputeAnswered, DisputeClosed, DisputeOpened, FraudWarned
from bh_sdk.server.events import record
from bh_sdk.server.ops import clock
from payments_svc.disputes import rules
from payments_svc.disputes.models import Dispute, Movement, Warned
from payments_svc.gateway.standing import DisputeStanding, Standing
from payments_svc.ledger import commands as ledger
from payments_svc.ledger.rules import Posting

if TYPE_CHECKING:
    from payments_svc.donations.models import Payment


def bring_to(payment: Payment, standing: Standing, *, at: datetime) -> None:
    """Make disputes, ledger and facts of a succeeded payment say what Stripe says.

    The caller holds the payment's lock. States move forward only and every balance transaction is booked once, so looks in
    any order end in the same books.
    """
    changed = [_bring_dispute(payment, dispute, at=at) for dispute in standing.disputes]
    if any(changed):
        payment.dispute_status = rules.dispute_status(list(payment.disputes.values_list("status", flat=True)))
        payment.save(update_fields=["dispute_status"])


def _bring_dispute(payment: Payment, told: DisputeStanding, *, at: datetime) -> bool:
    """True when there was something to do; most looks find everything known."""
    if told.amount.code != payment.currency:
        raise Conflict("The dispute is in another currency than the payment", payment_id=str(payment.id))
    # Staff may be writing at the case, under its own lock.
    case = Dispute.objects.select_for_update().filter(stripe_id=told.id).first() or Dispute(
        payment=payment,
        stripe_id=told.id,
        amount=told.amount.minor,
        currency=told.amount.code,
        status="inquiry",
        stripe_status=told.stripe_status,
        created_at=at,
    )
    before = case.status
    case.status = rules.next_status(before, told.state)
    if not case._state.adding and case.status == before and _knows(case, told):
        return False
    if case._state.adding or case.status == told.state:
        case.stripe_status, case.reason = told.stripe_status, told.reason
        case.evidence_due_at, case.opened_at = told.due_at, told.opened_at
    case.submissions = max(case.submissions, told.submissions)
    case.save()
    _book(payment, case, told, at=at)
    _tell_opened(payment, case, at=at)
    _tell_answered(payment, case, at=at)
    if case.wanted == "submit" and case.submissions:
        case.wanted, case.due_at, case.last_error = None, None, None
    if case.status != before and not rules.DISPUTE_MOVES[case.status]:
        _close(payment, case, at=at)
    case.save()
    return True


def _knows(case: Dispute, told: DisputeStanding) -> bool:
    """Whether this look says nothing that an earlier one did not. One that is older than the last says nothing new either."""
    if {move.id for move in told.moves} - set(case.movements.values_list("stripe_id", flat=True)):
        return False
    seen = (case.stripe_status, case.reason, case.evidence_due_at, case.opened_at)
    same = case.status != told.state or seen == (told.stripe_status, told.reason, told.due_at, told.opened_at)
    return same and told.submissions <= case.submissions


def _book(payment: Payment, case: Dispute, told: DisputeStanding, *, at: datetime) -> None:
    for move in told.moves:
        _, new = Movement.objects.get_or_create(
            stripe_id=move.id, defaults={"dispute": case, "amount": move.amount, "fee": move.fee, "created_at": at}
        )
        if new:
            kind = "dispute" if move.amount < 0 else "dispute_won"
            _post(payment, case, rules.moved(amount=move.amount, fee=move.fee), kind=kind, what=move.id, at=at)
    if case.status == "lost":
        for kept in case.movements.filter(written_off=False):
            lines = rules.written_off(amount=-kept.amount)
            _post(payment, case, lines, kind="dispute_lost", what=f"{kept.stripe_id}:lost", at=at)
            kept.written_off = True
            kept.save(update_fields=["written_off"])
    case.fee = case.movements.aggregate(total=Sum("fee"))["total"] or 0


def _post(payment: Payment, case: Dispute, lines: list[Posting], *, kind: str, what: str, at: datetime) -> None:
    if not lines:
        return
    ledger.post(
        reference=f"dispute:{case.stripe_id}:{what}",
        kind=kind,
        # Writing off moves nothing at Stripe.
        source=None if kind == "dispute_lost" else case.stripe_id,
        payment_id=payment.id,
        campaign_id=payment.campaign_id,
        currency=payment.currency,
        postings=lines,
        at=at,
    )


def _tell_opened(payment: Payment, case: Dispute, *, at: datetime) -> None:
    if case.disputed_at is None and case.status in rules.DISPUTED:
        case.disputed_at = at
        record(DisputeOpened(**_said(payment, case), evidence_due_at=case.evidence_due_at), subject=payment.id)


def _tell_answered(payment: Payment, case: Dispute, *, at: datetime) -> None:
    if case.answered_at is None and case.submissions and case.disputed_at is not None:
        case.answered_at = at
        record(DisputeAnswered(**_said(payment, case)), subject=payment.id)


def _close(payment: Payment, case: Dispute, *, at: datetime) -> None:
    case.closed_at, case.wanted, case.due_at, case.last_error = at, None, None, None
    if case.status in ("won", "lost"):
        fee = payment.money(case.fee).decimal
        record(DisputeClosed(**_said(payment, case), outcome=case.status, fee=fee), subject=payment.id)


def _said(payment: Payment, case: Dispute) -> dict[str, object]:
    return {
        "payment_id": payment.id,
        "campaign_id": payment.campaign_id,
        "donor_id": payment.donor_id,
        "dispute_id": case.id,
        "amount": case.money.decimal,
        "currency": case.currency,
        "reason": case.reason,
    }


def note_warning(payment: Payment, *, stripe_id: str, fraud_type: str) -> None:
    """Keep an early fraud warning, once. The caller holds the payment's lock."""
    _, new = Warned.objects.get_or_create(
        stripe_id=stripe_id, defaults={"payment": payment, "fraud_type": fraud_type[:60], "created_at": clock.now()}
    )
    if new:
        fact = FraudWarned(payment_id=payment.id, campaign_id=payment.campaign_id, donor_id=payment.donor_id)
        record(fact, subject=payment.id)
