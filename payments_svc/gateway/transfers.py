"""Transfers to connected accounts (docs.stripe.com/connect/separate-charges-and-transfers). Every function is one or a few
requests, never inside a transaction, and answers in our words.

Raises OutcomeUnknown when the answer was lost and RequestRefused for what Stripe will not do however often it is asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import stripe

from bh_sdk.money import Money
from payments_svc.gateway.client import asking, client
from payments_svc.gateway.errors import RequestRefused

# Stripe has the money, but not yet at our disposal.
NOT_YET_AVAILABLE = "balance_insufficient"


@dataclass(frozen=True, slots=True)
class Reversal:
    id: str
    amount: Money


@dataclass(frozen=True, slots=True)
class TransferStanding:
    """How a transfer stands: what was sent where, and what of it came back."""

    id: str
    amount: Money
    destination: str
    payout_id: str | None
    reversals: list[Reversal] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class AccountStanding:
    id: str
    transfers_active: bool


def send(
    *, payout_id: UUID, campaign_id: UUID, amount: Money, destination: str, keys_spent: int = 0
) -> TransferStanding:
    """Transfer money. The key is the payout's id, so asking twice sends once; `keys_spent` makes it another key, for when
    Stripe holds a refusal under the ones before and no transfer exists."""
    params: dict[str, Any] = {
        "amount": amount.stripe_amount(),
        "currency": amount.code.lower(),
        "destination": destination,
        "transfer_group": _group(payout_id),
        "metadata": {"payout_id": str(payout_id), "campaign_id": str(campaign_id)},
    }
    key = f"payout-{payout_id}-{keys_spent}" if keys_spent else f"payout-{payout_id}"
    with asking():
        made = client().v1.transfers.create(params, {"idempotency_key": key})  # type: ignore[arg-type]
        return _standing(made)


def find(payout_id: UUID) -> TransferStanding | None:
    """The transfer of a payout, if Stripe ever heard of it."""
    with asking():
        found = client().v1.transfers.list({"transfer_group": _group(payout_id), "limit": 10})
        for transfer in found.auto_paging_iter():
            if (transfer.metadata or {}).get("payout_id") == str(payout_id):
                return _standing(transfer)
    return None


def look(transfer_id: str) -> TransferStanding:
    with asking():
        return _standing(client().v1.transfers.retrieve(transfer_id))


def account(account_id: str) -> AccountStanding:
    """Whether a connected account exists and may receive transfers. Raises RequestRefused when it is not ours to pay to."""
    with asking():
        try:
            found = client().v1.accounts.retrieve(account_id)
        except stripe.PermissionError as error:
            raise RequestRefused("There is no such account at Stripe", code="account_invalid") from error
    active = getattr(found.capabilities, "transfers", None) == "active" if found.capabilities else False
    return AccountStanding(id=found.id, transfers_active=active)


def _group(payout_id: UUID) -> str:
    return f"payout-{payout_id}"


def _standing(transfer: Any) -> TransferStanding:
    back = [
        Reversal(one.id, Money.from_stripe(one.amount, one.currency)) for one in transfer.reversals.auto_paging_iter()
    ]
    return TransferStanding(
        id=transfer.id,
        amount=Money.from_stripe(transfer.amount, transfer.currency),
        destination=str(getattr(transfer.destination, "id", transfer.destination)),
        payout_id=(transfer.metadata or {}).get("payout_id"),
        reversals=back,
    )
