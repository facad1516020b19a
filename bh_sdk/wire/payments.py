"""Payments on the wire: `/api/v1/payments/…`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from bh_sdk.events import PaymentStatus
from bh_sdk.wire.base import Amount, Answer, Ask, CurrencyCode, Email, Id, Line, Name, Slug, Text, Time

RefundStatus = Literal["none", "partial", "full"]
DisputeStatus = Literal["none", "open", "won", "lost"]
CampaignStatus = Literal["DRAFT", "PENDING_REVIEW", "FUNDING", "FUNDED", "COMPLETED", "REJECTED", "CANCELLED"]
IntentId = Annotated[str, StringConstraints(pattern=r"^pi_[A-Za-z0-9_]{1,100}$")]
ClientSecret = Annotated[str, StringConstraints(pattern=r"^pi_[A-Za-z0-9_]{1,200}$")]
ReturnUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^\s\\@<>\"]{1,1900}$")]
PaymentMethodId = Annotated[str, StringConstraints(pattern=r"^(pm|card|src)_[A-Za-z0-9_]{1,100}$")]


class GuestDonor(Ask):
    """Who gives without an account: where the thank-you goes, and the name it greets."""

    name: Name
    email: Email


class CreateIntent(Ask):
    """A gift. `amount` is what the campaign is given; with `cover_fees` the card also pays the fees."""

    campaign_id: Id
    amount: Amount
    currency: CurrencyCode
    cover_fees: bool = False
    message: Annotated[Text, StringConstraints(max_length=500)] | None = None
    anonymous: bool = False
    donor: GuestDonor | None = Field(None, description="Required from a guest, refused from a signed-in user")


class ConfirmPayment(Ask):
    """Charge it, or ask how it went after Stripe.js confirmed in the browser. A guest proves it with `client_secret`."""

    payment_intent_id: IntentId
    payment_method_id: PaymentMethodId | None = None
    client_secret: ClientSecret | None = None
    return_url: ReturnUrl | None = Field(
        None, description="Where the bank's page (3-D Secure) leads back to: a page of the platform's own site"
    )


class CancelPayment(Ask):
    """Give a payment up. A guest proves it with `client_secret`."""

    client_secret: ClientSecret | None = None


class DescribeCampaign(Ask):
    """What payments must know of a campaign. Gifts are taken in FUNDING and FUNDED only; the goal never caps."""

    title: Line
    owner_id: Id
    currency: CurrencyCode
    goal: Amount
    status: CampaignStatus
    min_amount: Amount | None = None
    max_amount: Amount | None = None
    ends_at: Time | None = None
    category: Slug | None = None


class Campaign(Answer):
    campaign_id: UUID
    title: str
    owner_id: UUID
    currency: str
    goal: str
    status: CampaignStatus
    min_amount: str | None
    max_amount: str | None
    ends_at: datetime | None
    category: str | None


class Payment(Answer):
    """A payment as its payer, staff and the platform see it. Amounts are decimal strings in major units."""

    payment_id: UUID
    payment_intent_id: str | None
    campaign_id: UUID
    user_id: UUID | None
    amount: str
    charged: str
    currency: str
    status: PaymentStatus
    refund_status: RefundStatus
    refunded_amount: str
    dispute_status: DisputeStatus
    anonymous: bool
    message: str | None
    recurring_id: UUID | None = Field(default=None, description="The recurring gift that it is a period of")
    created_at: datetime


class Fees(Answer):
    """An estimate; what Stripe took is known once the payment succeeded."""

    processing: str
    platform: str


class PaymentCreated(Payment):
    client_secret: str
    fees: Fees
    net_amount: str


class NextAction(Answer):
    """What the donor's browser has to do next (3-D Secure).

    `redirect_to_url`: open `url`; the bank's page leads back to `return_url`. `use_stripe_sdk`: hand the client_secret to
    Stripe.js (`handleNextAction`). After either, `confirm` without a method tells how it went.
    """

    type: str
    url: str | None = None


class PaymentConfirmed(Payment):
    next_action: NextAction | None = None
    receipt_url: str | None = None
    failure_code: str | None = Field(
        None,
        description="Why the last try failed: insufficient_funds, expired_card, incorrect_details, authentication_required, "
        "not_supported, limit_exceeded, processing_error, bank_account_refused, or generic_decline for all else",
    )
    failure_message: str | None = Field(None, description="The same in words that may be shown to the donor")


class PublicGift(Answer):
    """A recent gift as anybody may see it; an anonymous one has no name."""

    display_name: str | None
    amount: str
    message: str | None
    created_at: datetime


class CampaignTotals(Answer):
    """What a campaign received. `raised - refunded - disputed` is what is left of its gifts."""

    campaign_id: UUID
    currency: str
    raised: str = Field(description="Every gift that arrived")
    refunded: str = Field(description="The part of these gifts that went back by refunds")
    disputed: str = Field("0", description="The part that was lost to disputes. Optional: older servers do not tell")
    donors: int = Field(description="People of whose gifts something is left")
    gifts: int = Field(description="Gifts of which something is left")
    recent: list[PublicGift]


class WebhookTaken(Answer):
    received: bool
    repeated: bool
