"""Payouts and escrow on the wire: `/api/v1/payments/payouts…`, `/payments/campaigns/{campaign_id}/escrow`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from bh_sdk.wire.base import Amount, Answer, Ask, Id

PayoutStatus = Literal["requested", "approved_once", "approved", "submitting", "paid", "failed", "rejected", "canceled"]
PayoutMethod = Literal["stripe_transfer", "bank_transfer"]
StripeAccount = Annotated[str, StringConstraints(pattern=r"^acct_[A-Za-z0-9]{1,100}$")]


class AskPayout(Ask):
    """What a campaign has raised, to its organiser. Without `amount` everything that is available."""

    campaign_id: Id
    amount: Amount | None = None


class Payout(Answer):
    """A payout as its organiser and staff see it. Amounts are decimal strings in major units."""

    payout_id: UUID
    campaign_id: UUID
    owner_id: UUID
    amount: str
    currency: str
    status: PayoutStatus
    on_hold: bool = Field(description="Staff stopped the campaign or its organiser: nothing is paid meanwhile")
    method: PayoutMethod | None = Field(description="Known once it is approved")
    reference: str | None = Field(description="The transfer's id at Stripe, or the reference of the bank transfer")
    reason: str | None = Field(description="Why it was rejected or failed")
    created_at: datetime
    settled_at: datetime | None


class EscrowBalance(Answer):
    """A campaign's money in one currency, out of the ledger: `raised` less `fees`, `refunded`, `lost`, `in_flight` and
    `paid_out`, with `corrected`, is `owed`; less `disputed` and `reserved` it is `available`."""

    currency: str
    raised: str = Field(description="What donors were charged")
    fees: str = Field(description="Stripe's and the platform's")
    refunded: str
    lost: str = Field(description="Taken back by donors' banks for good")
    disputed: str = Field(description="Withheld until a bank has decided")
    in_flight: str = Field(description="Approved and on its way to the organiser")
    paid_out: str
    corrected: str = Field(description="Corrections by finance; negative when they took away")
    owed: str
    reserved: str = Field(description="Asked for and not yet approved")
    available: str = Field(description="What may be asked for now; never below zero")
    held: str = Field(description="What a hold stops at present: all that is owed, or nothing")


class Escrow(Answer):
    """What a campaign has, and when it may be paid out."""

    campaign_id: UUID
    on_hold: bool
    balances: list[EscrowBalance]
    minimum: str = Field(description="The least that a payout is")
    currency: str
    possible_from: datetime | None = Field(description="Null until the first gift has arrived")


class SetPayoutAccount(Ask):
    """The account at Stripe that an organiser is paid to; null takes it away, and payouts go by bank transfer."""

    account_id: StripeAccount | None


class PayoutAccount(Answer):
    owner_id: UUID
    account_id: str | None
    transfers_active: bool = Field(description="Whether Stripe lets the account receive transfers")
    changed_at: datetime
