"""What other services and the platform tell, translated into evidence. The event's id is the fact's id."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from bh_sdk.events import (
    CampaignCreated,
    CampaignEnded,
    CampaignMilestoneDecided,
    CampaignProgressed,
    CampaignQuestionAnswered,
    CampaignQuestionAsked,
    CampaignUpdatePosted,
    CampaignVerificationRevoked,
    CampaignVerified,
    DisputeClosed,
    DisputeOpened,
    DonationSucceeded,
    FraudWarned,
    RefundFailed,
    RefundSucceeded,
    UserJoined,
    UserVerificationRevoked,
    UserVerified,
)
from bh_sdk.server.events import Delivered, handles
from trust_svc.evidence import commands
from trust_svc.evidence.rules import NewFact, clean


def _take(event: Delivered[Any], type: str, kind: str, subject: UUID, **data: Any) -> None:
    said = {name: value for name, value in data.items() if value is not None}
    fact = NewFact(event.id, type, event.time, kind, subject, clean(type, said))
    commands.take_in(facts=[fact], source=event.source)


@handles(DonationSucceeded)
def donation_succeeded(event: Delivered[DonationSucceeded]) -> None:
    gift = event.data
    _take(
        event,
        "payment.succeeded",
        "campaign",
        gift.campaign_id,
        payment_id=str(gift.payment_id),
        donor_id=str(gift.donor_id),
        amount=gift.amount,
        currency=gift.currency,
        cluster=gift.cluster,
    )


@handles(RefundSucceeded)
def refund_succeeded(event: Delivered[RefundSucceeded]) -> None:
    """A part given back without cause leaves the gift a gift."""
    refund = event.data
    if refund.full or refund.for_cause:
        said = {
            "payment_id": str(refund.payment_id),
            "for_cause": refund.for_cause,
            "refund_id": str(refund.refund_id),
        }
        _take(event, "payment.refunded", "campaign", refund.campaign_id, **said)


@handles(RefundFailed)
def refund_failed(event: Delivered[RefundFailed]) -> None:
    """One that had succeeded before and came back un-does what was told of it; any other never counted."""
    refund = event.data
    if refund.reversed:
        said = {"payment_id": str(refund.payment_id), "refund_id": str(refund.refund_id)}
        _take(event, "payment.refund_reversed", "campaign", refund.campaign_id, **said)


@handles(DisputeOpened)
def dispute_opened(event: Delivered[DisputeOpened]) -> None:
    said = {"payment_id": str(event.data.payment_id), "stage": "opened"}
    _take(event, "payment.disputed", "campaign", event.data.campaign_id, **said)


@handles(DisputeClosed)
def dispute_closed(event: Delivered[DisputeClosed]) -> None:
    said = {"payment_id": str(event.data.payment_id), "stage": event.data.outcome}
    _take(event, "payment.disputed", "campaign", event.data.campaign_id, **said)


@handles(FraudWarned)
def fraud_warned(event: Delivered[FraudWarned]) -> None:
    said = {"payment_id": str(event.data.payment_id), "stage": "early_warning"}
    _take(event, "payment.disputed", "campaign", event.data.campaign_id, **said)


@handles(CampaignCreated)
def campaign_created(event: Delivered[CampaignCreated]) -> None:
    said = event.data.model_dump(mode="json", exclude={"campaign_id"})
    _take(event, "campaign.created", "campaign", event.data.campaign_id, **said)


@handles(CampaignUpdatePosted)
def update_posted(event: Delivered[CampaignUpdatePosted]) -> None:
    said = {"update_id": str(event.data.update_id)}
    _take(event, "campaign.update_posted", "campaign", event.data.campaign_id, **said)


@handles(CampaignProgressed)
def campaign_progressed(event: Delivered[CampaignProgressed]) -> None:
    shown = event.data
    elapsed = None if shown.elapsed is None else float(shown.elapsed)
    _take(event, "campaign.progress", "campaign", shown.campaign_id, progress=float(shown.progress), elapsed=elapsed)


@handles(CampaignQuestionAsked)
def question_asked(event: Delivered[CampaignQuestionAsked]) -> None:
    said = {"question_id": str(event.data.question_id)}
    _take(event, "campaign.question_asked", "campaign", event.data.campaign_id, **said)


@handles(CampaignQuestionAnswered)
def question_answered(event: Delivered[CampaignQuestionAnswered]) -> None:
    said = {"question_id": str(event.data.question_id)}
    _take(event, "campaign.question_answered", "campaign", event.data.campaign_id, **said)


@handles(CampaignMilestoneDecided)
def milestone_decided(event: Delivered[CampaignMilestoneDecided]) -> None:
    said = {"milestone_id": str(event.data.milestone_id), "kept": event.data.kept}
    _take(event, "campaign.milestone", "campaign", event.data.campaign_id, **said)


@handles(CampaignEnded)
def campaign_ended(event: Delivered[CampaignEnded]) -> None:
    said = event.data.model_dump(mode="json", exclude={"campaign_id"})
    _take(event, "campaign.ended", "campaign", event.data.campaign_id, **said)


@handles(CampaignVerified)
def campaign_verified(event: Delivered[CampaignVerified]) -> None:
    said = event.data.model_dump(mode="json", exclude={"campaign_id"})
    _take(event, "verification.granted", "campaign", event.data.campaign_id, **said)


@handles(CampaignVerificationRevoked)
def campaign_verification_revoked(event: Delivered[CampaignVerificationRevoked]) -> None:
    _take(event, "verification.revoked", "campaign", event.data.campaign_id, item=event.data.item)


@handles(UserJoined)
def user_joined(event: Delivered[UserJoined]) -> None:
    _take(event, "user.joined", "user", event.data.user_id)


@handles(UserVerified)
def user_verified(event: Delivered[UserVerified]) -> None:
    said = event.data.model_dump(mode="json", exclude={"user_id"})
    _take(event, "verification.granted", "user", event.data.user_id, **said)


@handles(UserVerificationRevoked)
def user_verification_revoked(event: Delivered[UserVerificationRevoked]) -> None:
    _take(event, "verification.revoked", "user", event.data.user_id, item=event.data.item)
