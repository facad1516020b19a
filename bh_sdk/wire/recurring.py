"""Recurring gifts on the wire: `/api/v1/payments/recurring…`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from bh_sdk.wire.base import Amount, Answer, Ask, CurrencyCode, Id, Text
from bh_sdk.wire.payments import NextAction, Payment, PaymentMethodId

Interval = Literal["weekly", "monthly", "quarterly", "yearly"]
RecurringStatus = Literal["starting", "active", "paused", "ended"]
RecurringEnd = Literal["canceled", "charges_failed", "campaign_ended", "never_started"]
SetupIntentId = Annotated[str, StringConstraints(pattern=r"^seti_[A-Za-z0-9_]{1,100}$")]
ReturnUrl = Annotated[str, StringConstraints(min_length=8, max_length=2000)]


class StartRecurring(Ask):
    """A gift every period, beginning with one now. `amount` is what the campaign is given each time."""

    campaign_id: Id
    amount: Amount
    currency: CurrencyCode
    interval: Interval
    cover_fees: bool = False
    message: Annotated[Text, StringConstraints(max_length=500)] | None = Field(
        None, description="Goes with the first gift"
    )
    anonymous: bool = False


class ChangeRecurring(Ask):
    """Another amount, in the currency of the gift, from the next period on."""

    amount: Amount
    cover_fees: bool | None = None


class ChangeMethod(Ask):
    """Another card: first with the `payment_method_id` of Stripe.js; after a `next_action` with the `setup_intent_id`."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["payment_method_id"]}, {"required": ["setup_intent_id"]}]}
    )

    payment_method_id: PaymentMethodId | None = None
    setup_intent_id: SetupIntentId | None = None
    return_url: ReturnUrl | None = Field(
        None, description="A page of the platform's site: where the bank leads back to"
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> ChangeMethod:
        if (self.payment_method_id is None) == (self.setup_intent_id is None):
            raise ValueError("give either payment_method_id or setup_intent_id")
        return self


class SavedMethod(Answer):
    """How the donor recognises what is charged; nothing more of it is known here."""

    kind: str = Field(description="card, us_bank_account")
    brand: str | None
    last4: str | None
    expires: str | None = Field(description="YYYY-MM, the last month in which a card works")


class Trouble(Answer):
    """A period that could not be charged yet. Another card, or paying it by hand, resolves it."""

    payment_id: UUID | None
    reason: str = Field(description="Why, in a word that the donor may hear: insufficient_funds … or generic_decline")
    tries: int
    next_try_at: datetime | None


class RecurringGift(Answer):
    recurring_id: UUID
    campaign_id: UUID
    user_id: UUID
    amount: str
    currency: str
    cover_fees: bool
    anonymous: bool
    interval: Interval
    status: RecurringStatus
    ended_why: RecurringEnd | None
    next_at: datetime | None = Field(description="When the next period is charged; empty while nothing will be")
    method: SavedMethod | None
    trouble: Trouble | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class RecurringCreated(RecurringGift):
    """The series begins when its first gift arrives: the browser confirms it with `client_secret`, as any gift."""

    payment: Payment
    client_secret: str


class PeriodToPay(Answer):
    """The payment of a period that failed, to be confirmed by the donor in the browser."""

    payment: Payment
    client_secret: str


class MethodChanged(RecurringGift):
    """With a `next_action` nothing has changed yet: let the browser do it, then ask again with `setup_intent_id`."""

    setup_intent_id: str
    client_secret: str
    next_action: NextAction | None
