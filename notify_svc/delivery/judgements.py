"""What people hear of decisions about them: trust's facts about a campaign or a person, in words. Pure.

The owner is told, and whoever reported or appealed; nobody ever hears who reported, and no reporter what was found.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from bh_sdk.events import (
    AppealDecided,
    AppealFiled,
    CaseDecided,
    Fact,
    HoldLifted,
    HoldPlaced,
    OverrideEnded,
    OverridePlaced,
    ReportDecided,
    VerificationEnded,
    VerificationEnding,
    VerificationGranted,
    VerificationRefused,
)
from notify_svc.delivery.orders import Order

Judgement = (
    ReportDecided
    | CaseDecided
    | HoldPlaced
    | HoldLifted
    | VerificationGranted
    | VerificationRefused
    | VerificationEnding
    | VerificationEnded
    | AppealFiled
    | AppealDecided
    | OverridePlaced
    | OverrideEnded
)
# How a person without a campaign is spoken of: to themselves, and to others.
OWN, OTHER = "your profile", "the person you reported"
ITEMS = {
    "email": "the email address",
    "phone": "the phone number",
    "identity": "the identity",
    "bank": "the bank account",
    "registry": "the registration",
    "beneficiary": "the beneficiary",
    "endorsement": "the endorsement",
    "address": "the address",
}
AGAINST = {
    "score": "the score",
    "report": "the decision on a report",
    "case": "what we found",
    "override": "what our staff had set",
    "hold": "the hold",
    "verification": "the verification",
}
SET = {"score": "the trust score", "tier": "the trust tier", "factor": "a part of the trust score"}


def is_told(fact: Fact) -> bool:
    """Whether somebody hears of it."""
    if isinstance(fact, CaseDecided):
        return fact.outcome == "confirmed"
    if isinstance(fact, OverrideEnded):
        # What takes its place is told by itself.
        return fact.because != "replaced"
    return isinstance(fact, Judgement)


def orders(fact: Judgement, *, title: str, owner_id: UUID, event_id: UUID) -> list[Order]:
    """The notification that a decision causes, with the key that makes it unique. Without a campaign `title` is empty."""
    recipient = _recipient(fact, owner_id)
    kind, about, said = _words(fact, event_id)
    other = isinstance(fact, ReportDecided)
    data = {
        "about": title or (OTHER if other else OWN),
        "is_campaign": fact.entity_kind == "campaign",
        "entity_id": str(fact.entity_id),
    }
    return [Order(recipient_id=recipient, type=kind, dedupe=f"{kind}:{about}", data=data | said)]


def _recipient(fact: Judgement, owner_id: UUID) -> UUID:
    if isinstance(fact, ReportDecided):
        return fact.reporter_id
    return fact.filed_by if isinstance(fact, AppealFiled | AppealDecided) else owner_id


def _words(fact: Judgement, event_id: UUID) -> tuple[str, UUID, dict[str, Any]]:
    """The type, what it is told once about, and what only its words need."""
    match fact:
        case ReportDecided():
            # An appeal may change what was decided; then the reporter hears what stands.
            return "report.decided", uuid5(fact.report_id, fact.outcome), {"upheld": fact.outcome == "upheld"}
        case CaseDecided():
            return "case.confirmed", fact.case_id, {}
        case HoldPlaced():
            return "hold.placed", fact.hold_id, {}
        case HoldLifted():
            return "hold.lifted", fact.hold_id, {}
        case VerificationGranted() | VerificationRefused() | VerificationEnding() | VerificationEnded():
            return _verification(fact, event_id)
        case AppealFiled():
            said = {"against": AGAINST[fact.against], "due_on": _day(fact.due_at)}
            return "appeal.filed", fact.appeal_id, said
        case AppealDecided():
            outcome = {"changed": fact.outcome != "upheld", "in_full": fact.outcome == "reversed"}
            return "appeal.decided", fact.appeal_id, {"against": AGAINST[fact.against]} | outcome
        case OverridePlaced():
            return "override.placed", fact.override_id, {"what": SET[fact.what], "until": _day(fact.expires_at)}
        case OverrideEnded():
            return "override.ended", fact.override_id, {}


def _verification(
    fact: VerificationGranted | VerificationRefused | VerificationEnding | VerificationEnded, event_id: UUID
) -> tuple[str, UUID, dict[str, Any]]:
    item = {"item": ITEMS[fact.item]}
    match fact:
        case VerificationGranted():
            ends = fact.expires_at is not None
            # A line is never empty; without an end the words leave it out.
            ends_on = _day(fact.expires_at) if fact.expires_at is not None else "never"
            return "verification.granted", event_id, item | {"ends": ends, "ends_on": ends_on}
        case VerificationRefused():
            return "verification.refused", event_id, item
        case VerificationEnding():
            return "verification.ending", event_id, item | {"ends_on": _day(fact.expires_at)}
        case VerificationEnded():
            return "verification.ended", event_id, item | {"revoked": fact.revoked}


def _day(at: datetime) -> str:
    return f"{at.day} {at:%B %Y}"
