"""The catalogue of public events: what happened, in the past tense, as other services may rely on it.

A fact's payload carries ids, codes, counts and decimal strings; never a name, an address, free text or a float. Added
fields are optional; anything else is a new version. `docs/asyncapi.yaml` and `docs/events.md` are generated from here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

PaymentStatus = Literal[
    "created", "requires_payment_method", "requires_action", "processing", "succeeded", "canceled", "unknown"
]
EntityKind = Literal["campaign", "user"]
Tier = Literal["NEW", "RISING", "STEADY", "TRUSTED", "STAR"]


class Fact(BaseModel):
    """One kind of event. `type` names it, `aggregate` the kind of subject whose facts stay in order."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: ClassVar[str]
    aggregate: ClassVar[str]

    def payload(self) -> dict[str, Any]:
        """The JSON payload: strings, whole numbers, booleans and nulls only."""
        return self.model_dump(mode="json")


class Event(BaseModel):
    """A CloudEvents 1.0 envelope. `number` and `epoch` are set by our own feeds and absent on events from outside."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    specversion: Literal["1.0"] = "1.0"
    id: UUID
    source: str
    type: str
    subject: str
    time: datetime
    datacontenttype: str = "application/json"
    traceparent: str | None = None
    number: int | None = None
    epoch: UUID | None = None
    data: dict[str, Any]

    def fact(self) -> Fact | None:
        """The typed payload, or None for a type this catalogue does not hold."""
        kind = CATALOGUE.get(self.type)
        return kind.model_validate(self.data) if kind else None


# --- payments ---------------------------------------------------------------------------------------------------------


class _Payment(Fact):
    aggregate = "payment"

    payment_id: UUID
    campaign_id: UUID
    donor_id: UUID = Field(description="The person: a user's id, or the id that stands for a guest")
    guest: bool
    amount: str = Field(description="The gift, a decimal string in major units")
    charged: str = Field(description="What the card pays: the gift and the fees the donor covers")
    currency: str


class DonationCreated(_Payment):
    """A donor means to give; nothing has been charged."""

    type = "payments.donation.created.v1"


class DonationSucceeded(_Payment):
    """The gift arrived and is in the ledger. Once per payment."""

    type = "payments.donation.succeeded.v1"

    anonymous: bool
    net: str = Field(description="What the campaign receives after fees")
    cluster: str | None = Field(
        None, description="Keyed hash of the card's fingerprint: one for all accounts of one hand"
    )


class DonationFailed(_Payment):
    """One try failed; the donor may try again. Once per try."""

    type = "payments.donation.failed.v1"

    reason: str = Field(description="Stripe's decline code, or `failed`")


class DonationCanceled(_Payment):
    """The payment was given up before money moved."""

    type = "payments.donation.canceled.v1"


class RefundSucceeded(Fact):
    """Money went back to the donor and the ledger says so. Once per refund."""

    type = "payments.refund.succeeded.v1"
    aggregate = "payment"

    refund_id: UUID
    payment_id: UUID
    campaign_id: UUID
    donor_id: UUID
    guest: bool
    amount: str
    currency: str
    refunded_total: str = Field(description="Everything refunded of this payment so far")
    full: bool
    for_cause: bool = Field(description="Fraud or a campaign that did not keep its word, not a donor's second thought")


class RefundFailed(Fact):
    """A refund did not reach the donor. `reversed` when it had succeeded before, so that its amount counts again."""

    type = "payments.refund.failed.v1"
    aggregate = "payment"

    refund_id: UUID
    payment_id: UUID
    campaign_id: UUID
    donor_id: UUID
    amount: str
    currency: str
    refunded_total: str
    reversed: bool
    reason: str


class DisputeOpened(Fact):
    """A donor's bank asks the money back."""

    type = "payments.dispute.opened.v1"
    aggregate = "payment"

    payment_id: UUID
    campaign_id: UUID
    amount: str
    currency: str


class DisputeClosed(Fact):
    """The bank decided."""

    type = "payments.dispute.closed.v1"
    aggregate = "payment"

    payment_id: UUID
    campaign_id: UUID
    amount: str
    currency: str
    outcome: Literal["won", "lost"]


# --- trust ------------------------------------------------------------------------------------------------------------


class ScoreChanged(Fact):
    """A score moved to another tier, or by a point or more. Scores are decimal strings with two decimals."""

    type = "trust.score.changed.v1"
    aggregate = "score"

    entity_kind: EntityKind
    entity_id: UUID
    owner_id: UUID | None = Field(description="The organiser, for a campaign; the user itself for a user")
    score: str
    previous_score: str | None
    tier: Tier
    previous_tier: Tier | None
    rated: bool


class ReportFiled(Fact):
    """Somebody reported a campaign or a user."""

    type = "trust.report.filed.v1"
    aggregate = "report"

    report_id: UUID
    entity_kind: EntityKind
    entity_id: UUID
    kind: Literal["fraud", "spam", "inappropriate", "misleading", "other"]


# --- notifications ----------------------------------------------------------------------------------------------------


class DeliverySent(Fact):
    """A message was handed to its channel. Once per delivery."""

    type = "notifications.delivery.sent.v1"
    aggregate = "delivery"

    delivery_id: UUID
    notification_id: UUID
    recipient_id: UUID
    channel: Literal["email", "push", "in_app", "sms"]
    notification_type: str


class DeliveryFailed(Fact):
    """A message will not be delivered, after every try its channel allows."""

    type = "notifications.delivery.failed.v1"
    aggregate = "delivery"

    delivery_id: UUID
    notification_id: UUID
    recipient_id: UUID
    channel: Literal["email", "push", "in_app", "sms"]
    notification_type: str
    reason: str


# --- the platform: facts the monolith pushes to POST /api/v1/events ---------------------------------------------------


class CampaignCreated(Fact):
    type = "platform.campaign.created.v1"
    aggregate = "campaign"

    campaign_id: UUID
    owner_id: UUID
    category: str | None = None
    need_type: Literal["EMERGENCY", "COMMUNITY_LONG_TERM"] | None = None
    currency: str | None = None
    goal: str | None = None
    ends_at: datetime | None = None


class CampaignUpdatePosted(Fact):
    """An organiser posted an update. Its words stay with the platform, which sends them through notifications."""

    type = "platform.campaign.update_posted.v1"
    aggregate = "campaign"

    campaign_id: UUID
    update_id: UUID


class UserJoined(Fact):
    type = "platform.user.joined.v1"
    aggregate = "user"

    user_id: UUID


class UserVerified(Fact):
    type = "platform.user.verified.v1"
    aggregate = "user"

    user_id: UUID
    item: Literal["email", "phone", "identity", "bank", "registry", "beneficiary", "endorsement", "address"]
    expires_at: datetime | None = None


def _catalogue(root: type[Fact]) -> dict[str, type[Fact]]:
    found = {root.type: root} if "type" in vars(root) else {}
    for child in root.__subclasses__():
        found |= _catalogue(child)
    return found


CATALOGUE: dict[str, type[Fact]] = dict(sorted(_catalogue(Fact).items()))
