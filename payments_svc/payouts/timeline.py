"""What happened to a payout, newest first: who did what, what was booked, and what is still to come."""

from __future__ import annotations

from uuid import UUID

from bh_sdk.server.admin import parts
from payments_svc.ledger import queries as ledger
from payments_svc.payouts import queries
from payments_svc.payouts.models import Payout
from payments_svc.payouts.rules import IN_FLIGHT

_BOOKED = {
    "approved": "Booked: in flight",
    "paid": "Booked: paid out",
    "returned": "Booked: owed to the campaign again",
    "reversal": "Booked: a part came back from Stripe",
}


def of(payout: Payout) -> list[parts.Moment]:
    """Every moment of a payout. What is due stands first."""
    people = queries.names([payout.first_approved_by, payout.second_approved_by, payout.closed_by, payout.sent_by])

    def who(person: UUID | None) -> str:
        if person is None:
            return ""
        return "the organiser" if person == payout.owner_id else people.get(person, str(person)[:8])

    moments = [parts.Moment("Asked for", payout.created_at, who="the organiser")]
    if payout.first_approved_at:
        first = "Approved, first of two" if payout.needs_second else "Approved"
        moments.append(parts.Moment(first, payout.first_approved_at, who=who(payout.first_approved_by)))
    if payout.second_approved_at:
        moments.append(parts.Moment("Approved", payout.second_approved_at, who=who(payout.second_approved_by)))
    if payout.sent_at:
        sent = "Sent to Stripe" if payout.method == "stripe_transfer" else "Bank transfer begun"
        moments.append(parts.Moment(sent, payout.sent_at, who=who(payout.sent_by)))
    if payout.settled_at and payout.status in ("rejected", "canceled"):
        said = "Rejected" if payout.status == "rejected" else "Taken back"
        moments.append(parts.Moment(said, payout.settled_at, who=who(payout.closed_by), note=payout.reason or ""))
    if payout.settled_at and payout.status == "failed":
        moments.append(parts.Moment("Failed", payout.settled_at, note=payout.reason or "", late=True))
    for journal in ledger.journals_under(f"payout:{payout.id}:"):
        what = journal.reference.split(":")[2]
        moments.append(parts.Moment(_BOOKED.get(what, what), journal.created_at, note=journal.source or ""))
    moments.sort(key=lambda moment: moment.when)
    moments.reverse()
    if payout.look_again_at and payout.status in IN_FLIGHT:
        due = "Goes to Stripe" if payout.status == "approved" else "We ask Stripe how it stands"
        moments.insert(0, parts.Moment(due, payout.look_again_at, note=payout.waits_for or "", due=True))
    return moments
