"""What happened to a refund, newest first: the steps of its record, and whom the road has told."""

from __future__ import annotations

from uuid import UUID

from bh_sdk.server.admin import parts
from bh_sdk.server.events.models import FeedEntry, RecordedEvent
from payments_svc.refunds import queries
from payments_svc.refunds.models import Refund, RefundStep

_STEPS = {
    "asked": "Asked for",
    "approved": "Approved",
    "rejected": "Rejected",
    "withdrawn": "Withdrawn",
    "sent": "Sent to Stripe",
    "unanswered": "Stripe's answer was lost: we ask, and send nothing twice",
    "accepted": "Accepted by Stripe",
    "booked": "Booked in the ledger",
    "reversed": "Booking reversed in the ledger",
    "succeeded": "Refunded",
    "failed": "Came back: the donor has not got the money",
    "closed": "Case closed",
}
# Facts that the other services act upon, and what they do with them.
_TOLD = {
    "payments.refund.succeeded.v1": ("Trust told", "Donor told"),
    "payments.refund.failed.v1": ("Trust told that it came back", "Donor told that it came back"),
}


def of(refund: Refund) -> list[parts.Moment]:
    """Every moment of a refund. What is due stands first."""
    steps = queries.steps(refund)
    names = queries.names({step.by for step in steps if step.by is not None})
    moments = [_moment(step, refund, names) for step in steps] + _told(refund)
    moments.sort(key=lambda moment: moment.when)
    moments.reverse()
    if refund.due_at is not None and refund.status in ("approved", "submitting", "pending"):
        what = "Goes to Stripe" if refund.status == "approved" else "We ask Stripe how it stands"
        moments.insert(0, parts.Moment(what, refund.due_at, due=True))
    return moments


def _moment(step: RefundStep, refund: Refund, names: dict[UUID, str]) -> parts.Moment:
    what = _STEPS.get(step.name, step.name)
    if step.name == "approved" and step.by is None:
        what = "Approved: nobody else was needed"
    who = names.get(step.by, f"{str(step.by)[:8]} (no staff account here)") if step.by is not None else ""
    late = step.name in ("failed", "unanswered") and not refund.closed_at
    return parts.Moment(what, step.at, who=who, note=step.note, late=late)


def _told(refund: Refund) -> list[parts.Moment]:
    facts = RecordedEvent.objects.filter(
        aggregatetype="payment",
        aggregateid=refund.payment_id,
        type__in=list(_TOLD),
        payload__refund_id=str(refund.id),
    )
    numbers = {entry.position_id: entry for entry in FeedEntry.objects.filter(position__in=facts)}
    moments = []
    for fact in facts.order_by("position"):
        entry = numbers.get(fact.position)
        for what in _TOLD[fact.type]:
            if entry is None:
                moments.append(
                    parts.Moment(what, fact.created_at, due=True, note="as soon as the road has passed it on")
                )
            else:
                moments.append(parts.Moment(what, entry.numbered_at, note=f"by fact number {entry.number}"))
    return moments
