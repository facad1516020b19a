"""Refunds on the wire: `/api/v1/payments/refund` and `/api/v1/payments/refunds/…`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from bh_sdk.wire.base import Amount, Answer, Ask, Id, Text

RefundState = Literal[
    "requested",
    "pending_approval",
    "approved",
    "submitting",
    "pending",
    "succeeded",
    "failed",
    "canceled",
    "rejected",
]
RefundReason = Literal["duplicate", "fraudulent", "requested_by_customer", "campaign_cancelled", "other"]
Notes = Annotated[Text, StringConstraints(max_length=1000)]


class AskRefund(Ask):
    """Give a payment back. Without an `amount`, everything that is left of it."""

    payment_id: Id
    amount: Amount | None = None
    reason: RefundReason
    notes: Notes | None = Field(None, description="Required when the reason is `other`. Never told to the donor")


class DecideRefund(Ask):
    """A word with an approval."""

    notes: Notes | None = None


class RejectRefund(Ask):
    """Why it was rejected."""

    notes: Annotated[Notes, StringConstraints(strip_whitespace=True, min_length=1)]


class Refund(Answer):
    """A refund as staff see it. `source` is `stripe` for one made at Stripe's own desk, which nobody here asked for."""

    refund_id: UUID
    payment_id: UUID
    campaign_id: UUID
    status: RefundState
    amount: str
    currency: str
    reason: str | None
    notes: str
    source: Literal["staff", "stripe"]
    second_person: bool = Field(description="Somebody else than the requester approves it")
    requested_by: UUID | None
    approved_by: UUID | None
    rejected_by: UUID | None
    decision_notes: str
    failure_reason: str | None
    reopened: bool = Field(description="It came back after Stripe had taken it: the donor has not got the money")
    retry_of: UUID | None
    created_at: datetime
    decided_at: datetime | None
    settled_at: datetime | None
