"""How a payment stands at Stripe, in our words: one immutable picture per look."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from bh_sdk.money import Money

IntentStatus = Literal["requires_payment_method", "requires_action", "processing", "succeeded", "canceled"]
RefundState = Literal["pending", "succeeded", "failed", "canceled"]
DisputeState = Literal["inquiry", "open", "answered", "won", "lost", "closed"]


@dataclass(frozen=True, slots=True)
class FailedTry:
    """A try to charge that did not succeed. `reference` is the same for every look at the same try."""

    reference: str
    code: str
    message: str
    card_fingerprint: str | None = None


@dataclass(frozen=True, slots=True)
class Charge:
    """The charge that succeeded. `fee` is what Stripe took, in the currency of the charge."""

    id: str
    amount: Money
    fee: Money
    receipt_url: str | None
    card_fingerprint: str | None
    method: str = "card"


@dataclass(frozen=True, slots=True)
class RefundStanding:
    """`refund_id` is what the refund's own metadata says it is of ours; `taken`, whether it left our balance at Stripe."""

    id: str
    amount: Money
    state: RefundState
    reason: str | None
    failure_reason: str | None
    refund_id: str | None = None
    taken: bool = False


@dataclass(frozen=True, slots=True)
class DisputeMove:
    """One balance transaction of a dispute in minor units: `amount` is below zero when it was taken from us, `fee` when one
    was given back."""

    id: str
    amount: int
    fee: int = 0


@dataclass(frozen=True, slots=True)
class DisputeStanding:
    """`stripe_status` is Stripe's own word, `submissions` how often evidence went to the bank."""

    id: str
    amount: Money
    state: DisputeState
    stripe_status: str = "needs_response"
    reason: str | None = None
    due_at: datetime | None = None
    opened_at: datetime | None = None
    submissions: int = 0
    moves: tuple[DisputeMove, ...] = ()


@dataclass(frozen=True, slots=True)
class NextAction:
    type: str
    url: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything our books need to know of one payment intent."""

    intent_id: str
    client_secret: str
    status: IntentStatus
    amount: Money
    failed_try: FailedTry | None = None
    charge: Charge | None = None
    next_action: NextAction | None = None
    refunds: list[RefundStanding] = field(default_factory=list)
    disputes: list[DisputeStanding] = field(default_factory=list)
