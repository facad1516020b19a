"""What happened to a payment, newest first: its recorded facts, Stripe's events, and what is still to come."""

from __future__ import annotations

from django.urls import reverse

from bh_sdk.server.admin import parts
from bh_sdk.server.events.models import RecordedEvent
from payments_svc.donations.models import Handoff, Payment
from payments_svc.gateway.models import StripeEvent
from payments_svc.ledger import queries as ledger

_FACTS = {
    "payments.donation.created.v1": "Payment opened",
    "payments.donation.succeeded.v1": "Charged and booked",
    "payments.donation.failed.v1": "A try failed",
    "payments.donation.canceled.v1": "Given up",
    "payments.refund.requested.v1": "A refund was asked for",
    "payments.refund.approved.v1": "The refund was approved",
    "payments.refund.rejected.v1": "The refund will not be made",
    "payments.refund.succeeded.v1": "Refunded",
    "payments.refund.failed.v1": "A refund failed",
    "payments.dispute.opened.v1": "Disputed by the donor's bank",
    "payments.dispute.answered.v1": "Evidence went to the bank",
    "payments.dispute.closed.v1": "Dispute decided",
    "payments.fraud.warned.v1": "The card network warned of fraud",
}


def of(payment: Payment) -> list[parts.Moment]:
    """Every moment of a payment. A look that is due stands first."""
    moments = [
        parts.Moment(
            _FACTS.get(event.type, event.type), event.created_at, who=_who(event.actor), note=_note(event.payload)
        )
        for event in RecordedEvent.objects.filter(aggregatetype="payment", aggregateid=payment.id)
    ]
    moments += [
        parts.Moment(f"Stripe told: {event.type}", event.received_at, who=event.id, note=event.note or "")
        for event in StripeEvent.objects.filter(intent_id=payment.intent_id or "")
    ]
    moments += [
        parts.Moment(
            f"Booked: {journal.kind.replace('_', ' ')}",
            journal.created_at,
            who=journal.actor or "",
            note=ledger.audit_words(journal),
            href=reverse("admin:payments_ledger_journal_change", args=(journal.pk,)),
        )
        for journal in ledger.journals_of(payment.id)
    ]
    told = Handoff.objects.filter(kind=Handoff.CONTACT_TO_NOTIFY, entity_id=payment.donor_id, done_at__isnull=False)
    moments += [parts.Moment("Notifications know the guest's address", row.done_at) for row in told if row.done_at]
    moments.sort(key=lambda moment: moment.when, reverse=True)
    if payment.look_again_at is not None:
        moments.insert(0, parts.Moment("We ask Stripe again", payment.look_again_at, due=True))
    return moments


def _who(actor: str) -> str:
    return "" if actor == "system" else actor


def _note(payload: dict[str, object]) -> str:
    if "reason" in payload:
        return f"reason: {payload['reason']}"
    if "refunded_total" in payload:
        return f"{payload['amount']} {payload['currency']}, {payload['refunded_total']} in all"
    return str(payload.get("outcome") or "")
