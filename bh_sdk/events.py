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
VerificationItem = Literal["email", "phone", "identity", "bank", "registry", "beneficiary", "endorsement", "address"]


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

    off_session: bool = Field(False, description="Opened by a recurring gift's schedule; nobody stood before a form")


class DonationSucceeded(_Payment):
    """The gift arrived and is in the ledger. Once per payment."""

    type = "payments.donation.succeeded.v1"

    anonymous: bool
    net: str = Field(description="What the campaign receives after fees")
    cluster: str | None = Field(
        None, description="Keyed hash of the card's fingerprint: one for all accounts of one hand"
    )
    processing_fee: str | None = Field(None, description="What Stripe took")
    platform_fee: str | None = Field(None, description="What the platform earns")
    method: str | None = Field(None, description="How it was paid, in Stripe's words: card, us_bank_account")
    recurring_id: UUID | None = Field(None, description="The recurring gift that this is a period of")
    off_session: bool = Field(
        default=False, description="Charged by a recurring gift's schedule; absent from older facts"
    )


class DonationFailed(_Payment):
    """One try failed; the donor may try again. Once per try."""

    type = "payments.donation.failed.v1"

    reason: str = Field(description="Why, in a word that the donor may hear: insufficient_funds … or generic_decline")
    off_session: bool = Field(
        False,
        description="A period of a recurring gift, charged without the donor: RecurringChargeFailed tells of it too",
    )


class DonationCanceled(_Payment):
    """The payment was given up before money moved."""

    type = "payments.donation.canceled.v1"


class _Refund(Fact):
    aggregate = "payment"

    refund_id: UUID
    payment_id: UUID
    campaign_id: UUID
    donor_id: UUID
    amount: str
    currency: str


class RefundRequested(_Refund):
    """Somebody of the staff asked for a refund; its amount is reserved. No money has moved."""

    type = "payments.refund.requested.v1"

    reason: str
    second_person: bool = Field(description="Somebody else of finance has to approve it first")


class RefundApproved(_Refund):
    """A refund may go to Stripe; from here on it only goes forward."""

    type = "payments.refund.approved.v1"


class RefundRejected(_Refund):
    """A refund will not be made: refused by finance, withdrawn, or refused by Stripe. Its amount is free again."""

    type = "payments.refund.rejected.v1"


class RefundSucceeded(_Refund):
    """Money went back to the donor and the ledger says so. Once per refund."""

    type = "payments.refund.succeeded.v1"

    guest: bool
    refunded_total: str = Field(description="Everything refunded of this payment so far")
    full: bool
    for_cause: bool = Field(description="Fraud or a campaign that did not keep its word, not a donor's second thought")


class RefundFailed(_Refund):
    """A refund did not reach the donor. `reversed` when it had succeeded before, so that its amount counts again."""

    type = "payments.refund.failed.v1"

    guest: bool | None = Field(None, description="Absent from older facts")
    refunded_total: str
    reversed: bool
    reason: str


class _Dispute(Fact):
    aggregate = "payment"

    payment_id: UUID
    campaign_id: UUID
    amount: str = Field(description="What is disputed; may be less than was charged")
    currency: str
    dispute_id: UUID | None = None
    donor_id: UUID | None = None
    reason: str | None = Field(None, description="The bank's reason, in Stripe's words")


class DisputeOpened(_Dispute):
    """A donor's bank asks the money back."""

    type = "payments.dispute.opened.v1"

    evidence_due_at: datetime | None = Field(None, description="Until when evidence may be given")


class DisputeAnswered(_Dispute):
    """Our evidence went to the bank."""

    type = "payments.dispute.answered.v1"


class DisputeClosed(_Dispute):
    """The bank decided."""

    type = "payments.dispute.closed.v1"

    outcome: Literal["won", "lost"]
    fee: str | None = Field(None, description="What the bank's case cost us, if anything")


class FraudWarned(Fact):
    """The card network warns that a gift was likely fraud, before any dispute. Once per warning."""

    type = "payments.fraud.warned.v1"
    aggregate = "payment"

    payment_id: UUID
    campaign_id: UUID
    donor_id: UUID


class _Recurring(Fact):
    aggregate = "recurring"

    recurring_id: UUID
    campaign_id: UUID
    donor_id: UUID
    amount: str
    currency: str
    interval: Literal["weekly", "monthly", "quarterly", "yearly"]


class RecurringStarted(_Recurring):
    """A donor will give regularly."""

    type = "payments.recurring.started.v1"

    next_at: datetime


class RecurringChanged(_Recurring):
    """Another amount, paused, resumed, or a period skipped."""

    type = "payments.recurring.changed.v1"

    change: Literal["amount", "method", "paused", "resumed", "skipped"]
    next_at: datetime | None


class RecurringChargeFailed(_Recurring):
    """A period's charge failed. `next_try_at` is empty after the last try."""

    type = "payments.recurring.charge_failed.v1"

    payment_id: UUID
    reason: str
    tries: int
    next_try_at: datetime | None


class RecurringCardExpiring(_Recurring):
    """The saved card expires before the next charge."""

    type = "payments.recurring.card_expiring.v1"

    expires: str = Field(description="YYYY-MM")


class RecurringEnded(_Recurring):
    """No further charge: canceled by the donor, or given up after the last failed try, or the campaign ended."""

    type = "payments.recurring.ended.v1"

    why: Literal["canceled", "charges_failed", "campaign_ended"]


class _Payout(Fact):
    aggregate = "payout"

    payout_id: UUID
    campaign_id: UUID
    owner_id: UUID
    amount: str
    currency: str


class PayoutRequested(_Payout):
    """An organiser asks for what the campaign is owed; the amount is reserved."""

    type = "payments.payout.requested.v1"


class PayoutApproved(_Payout):
    """Finance approved it."""

    type = "payments.payout.approved.v1"


class PayoutRejected(_Payout):
    """It will not be paid: refused by finance, or withdrawn."""

    type = "payments.payout.rejected.v1"

    withdrawn: bool = Field(False, description="The organiser took it back; nobody refused it")


class PayoutPaid(_Payout):
    """The money is on its way to the organiser and the ledger says so."""

    type = "payments.payout.paid.v1"

    method: Literal["stripe_transfer", "bank_transfer"]


class PayoutFailed(_Payout):
    """It was sent and came back; the campaign is owed it again."""

    type = "payments.payout.failed.v1"

    reason: str


class _Receipt(Fact):
    aggregate = "receipt"

    receipt_id: UUID
    donor_id: UUID
    number: str = Field(description="BH-YYYY-NNNNNN")
    kind: Literal["standard", "us", "ca", "uk_gift_aid"]
    year: int
    amount: str
    currency: str


class ReceiptIssued(_Receipt):
    """A tax receipt was issued; its gifts cannot be refunded before it is voided."""

    type = "payments.receipt.issued.v1"

    guest: bool
    resent: bool = Field(False, description="The donor asked for it once more")


class ReceiptVoided(_Receipt):
    """A tax receipt no longer holds. Its number is never used again."""

    type = "payments.receipt.voided.v1"


class EntryFact(BaseModel):
    """One line of a journal; a positive amount debits the account, a negative one credits it."""

    account: str
    line: str
    amount: str
    id: int | None = Field(None, description="The line's number in the ledger")


class JournalPosted(Fact):
    """The ledger grew by one journal. Its digest is what the audit compares the row with."""

    type = "payments.journal.posted.v1"
    aggregate = "journal"

    journal_id: UUID
    reference: str
    kind: str
    currency: str
    payment_id: UUID | None
    campaign_id: UUID | None
    entries: list[EntryFact]
    digest: str = Field(description="SHA-256 over the journal and its lines, hexadecimal")


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
    by_hand: bool = Field(False, description="It moved because what staff set by hand began or ended")


class _Hold(Fact):
    aggregate = "hold"

    hold_id: UUID
    entity_kind: EntityKind
    entity_id: UUID


class HoldPlaced(_Hold):
    """Staff stopped a campaign or a user: payments makes no payouts meanwhile."""

    type = "trust.hold.placed.v1"


class HoldLifted(_Hold):
    """The hold is over."""

    type = "trust.hold.lifted.v1"


class ReportFiled(Fact):
    """Somebody reported a campaign or a user."""

    type = "trust.report.filed.v1"
    aggregate = "report"

    report_id: UUID
    entity_kind: EntityKind
    entity_id: UUID
    kind: Literal["fraud", "spam", "inappropriate", "misleading", "other"]


class ReportDecided(Fact):
    """Staff judged a report. Only the reporter is told of it by name; nobody is ever told who reported."""

    type = "trust.report.decided.v1"
    aggregate = "report"

    report_id: UUID
    entity_kind: EntityKind
    entity_id: UUID
    reporter_id: UUID
    kind: Literal["fraud", "spam", "inappropriate", "misleading", "other"]
    outcome: Literal["upheld", "dismissed"]


class CaseDecided(Fact):
    """Staff closed a case about a campaign or a user."""

    type = "trust.case.decided.v1"
    aggregate = "case"

    case_id: UUID
    entity_kind: EntityKind
    entity_id: UUID
    owner_id: UUID | None = Field(description="The organiser, for a campaign; the user itself for a user")
    outcome: Literal["confirmed", "valuable", "false"]


class _Verification(Fact):
    aggregate = "verification"

    request_id: UUID | None = Field(description="The request, when one was made here")
    entity_kind: EntityKind
    entity_id: UUID
    owner_id: UUID | None = Field(description="The organiser, for a campaign; the user itself for a user")
    item: VerificationItem


class VerificationRequested(_Verification):
    """Somebody asks to be verified; staff decide."""

    type = "trust.verification.requested.v1"


class VerificationGranted(_Verification):
    """Staff verified an item."""

    type = "trust.verification.granted.v1"

    expires_at: datetime | None


class VerificationRefused(_Verification):
    """Staff did not verify an item. Why is said where the request was made."""

    type = "trust.verification.refused.v1"


class VerificationEnding(_Verification):
    """A verification runs out within 30 days. Told once."""

    type = "trust.verification.ending.v1"

    expires_at: datetime


class VerificationEnded(_Verification):
    """A verification ran out or was taken back."""

    type = "trust.verification.ended.v1"

    revoked: bool


class _Appeal(Fact):
    aggregate = "appeal"

    appeal_id: UUID
    entity_kind: EntityKind
    entity_id: UUID
    filed_by: UUID
    against: Literal["score", "report", "case", "override", "hold", "verification"]


class AppealFiled(_Appeal):
    """Somebody asks that a decision be looked at again, by another person and before `due_at`."""

    type = "trust.appeal.filed.v1"

    due_at: datetime


class AppealDecided(_Appeal):
    """`upheld`: the decision stands. `adjusted` and `reversed`: it was changed."""

    type = "trust.appeal.decided.v1"

    outcome: Literal["upheld", "adjusted", "reversed"]


class _Override(Fact):
    aggregate = "override"

    override_id: UUID
    entity_kind: EntityKind
    entity_id: UUID
    owner_id: UUID | None = Field(description="The organiser, for a campaign; the user itself for a user")


class OverridePlaced(_Override):
    """Staff set a score, a tier or a factor by hand, until `expires_at`."""

    type = "trust.override.placed.v1"

    what: Literal["score", "tier", "factor"]
    expires_at: datetime


class OverrideEnded(_Override):
    """What was calculated counts again."""

    type = "trust.override.ended.v1"

    because: Literal["expired", "revoked", "replaced"]


class ParametersPromoted(Fact):
    """Another set of parameters counts from now on."""

    type = "trust.parameters.promoted.v1"
    aggregate = "parameters"

    version: int
    digest: str
    previous_version: int
    rolled_back: bool


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


class RecipientUnsubscribed(Fact):
    """A person wants no more messages of a category by a channel, by whichever way they said so."""

    type = "notifications.recipient.unsubscribed.v1"
    aggregate = "recipient"

    recipient_id: UUID
    category: Literal["subscription", "social"]
    channel: Literal["email", "push", "in_app", "sms"]


class RecipientErased(Fact):
    """A person was erased here: nothing is kept of them but this id, and nothing is sent to it any more."""

    type = "notifications.recipient.erased.v1"
    aggregate = "recipient"

    recipient_id: UUID


class DeliveryDelivered(Fact):
    """The provider says that a message reached its recipient's mailbox or device. At most once per delivery."""

    type = "notifications.delivery.delivered.v1"
    aggregate = "delivery"

    delivery_id: UUID
    notification_id: UUID
    recipient_id: UUID
    channel: Literal["email", "push", "in_app", "sms"]
    notification_type: str


class DeliveryBounced(Fact):
    """A message came back after it had been handed over. `lasting`: its address is dead for good."""

    type = "notifications.delivery.bounced.v1"
    aggregate = "delivery"

    delivery_id: UUID
    notification_id: UUID
    recipient_id: UUID
    channel: Literal["email", "push", "in_app", "sms"]
    notification_type: str
    lasting: bool


class DeliveryComplained(Fact):
    """The recipient called a message unwanted. It had arrived all the same."""

    type = "notifications.delivery.complained.v1"
    aggregate = "delivery"

    delivery_id: UUID
    notification_id: UUID
    recipient_id: UUID
    channel: Literal["email", "push", "in_app", "sms"]
    notification_type: str


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


class CampaignProgressed(Fact):
    """How much of what was promised is done and shown, as a share of 1 in decimal digits."""

    type = "platform.campaign.progressed.v1"
    aggregate = "campaign"

    campaign_id: UUID
    progress: str = Field(pattern=r"^(0(\.[0-9]{1,6})?|1(\.0{1,6})?)$")
    elapsed: str | None = Field(
        None, pattern=r"^(0(\.[0-9]{1,6})?|1(\.0{1,6})?)$", description="The share of its time that is over"
    )


class CampaignQuestionAsked(Fact):
    """Somebody asked the organiser something in public. The words stay with the platform."""

    type = "platform.campaign.question_asked.v1"
    aggregate = "campaign"

    campaign_id: UUID
    question_id: UUID


class CampaignQuestionAnswered(Fact):
    """The organiser answered a question."""

    type = "platform.campaign.question_answered.v1"
    aggregate = "campaign"

    campaign_id: UUID
    question_id: UUID


class CampaignMilestoneDecided(Fact):
    """A milestone was reached as promised, or missed. The last word on it stands."""

    type = "platform.campaign.milestone_decided.v1"
    aggregate = "campaign"

    campaign_id: UUID
    milestone_id: UUID
    kept: bool


class CampaignEnded(Fact):
    """A campaign is over: it delivered what it promised, or it did not. The last word on it stands."""

    type = "platform.campaign.ended.v1"
    aggregate = "campaign"

    campaign_id: UUID
    delivered: bool
    reason: str | None = Field(
        None, pattern=r"^[a-z][a-z0-9_]{0,63}$", description="A code: cancelled, funds_returned …"
    )


class CampaignVerified(Fact):
    """Something about a campaign was verified: its bank account, its beneficiary."""

    type = "platform.campaign.verified.v1"
    aggregate = "campaign"

    campaign_id: UUID
    item: VerificationItem
    expires_at: datetime | None = None


class CampaignVerificationRevoked(Fact):
    """A verification of a campaign no longer holds."""

    type = "platform.campaign.verification_revoked.v1"
    aggregate = "campaign"

    campaign_id: UUID
    item: VerificationItem


class UserJoined(Fact):
    type = "platform.user.joined.v1"
    aggregate = "user"

    user_id: UUID


class UserVerified(Fact):
    type = "platform.user.verified.v1"
    aggregate = "user"

    user_id: UUID
    item: VerificationItem
    expires_at: datetime | None = None


class UserVerificationRevoked(Fact):
    """A verification of a person no longer holds."""

    type = "platform.user.verification_revoked.v1"
    aggregate = "user"

    user_id: UUID
    item: VerificationItem


def _catalogue(root: type[Fact]) -> dict[str, type[Fact]]:
    found = {root.type: root} if "type" in vars(root) else {}
    for child in root.__subclasses__():
        found |= _catalogue(child)
    return found


CATALOGUE: dict[str, type[Fact]] = dict(sorted(_catalogue(Fact).items()))
