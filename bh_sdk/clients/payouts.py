"""Payouts and escrow: ask for campaign funds, see where they are. Operations of `Payments` and `AsyncPayments`."""

from __future__ import annotations

from uuid import UUID, uuid4

from bh_sdk.clients.call import Call, Ident, answer, ask, ident, query, written
from bh_sdk.errors import AmountInvalid
from bh_sdk.money import Money
from bh_sdk.wire.base import Page
from bh_sdk.wire.payouts import AskPayout, Escrow, Payout, PayoutAccount, SetPayoutAccount

BASE = "/api/v1/payments"


def request_payout(
    *,
    campaign_id: Ident,
    amount: Money | str | None = None,
    idempotency_key: UUID | None = None,
    timeout: float | None = None,
) -> Call[Payout]:
    """Ask for what a campaign of one's own is owed, or for `amount` of it. Finance approves before money moves.

    Raises NotFound for somebody else's campaign, PayoutTooEarly (`possible_from`), FundsNotAvailable (`available`),
    AmountOutOfBounds below the minimum, and Conflict for a campaign whose gifts go back to their donors.
    """
    if amount is not None and not isinstance(amount, Money | str):
        raise AmountInvalid("An amount is Money or a decimal string")
    wanted = amount.decimal if isinstance(amount, Money) else amount
    return Call(
        "payments.request_payout",
        "POST",
        f"{BASE}/payouts",
        answer(Payout),
        body=ask(AskPayout, campaign_id=campaign_id, amount=wanted),
        key=idempotency_key or uuid4(),
        timeout=timeout,
    )


def cancel_payout(
    payout_id: Ident, *, idempotency_key: UUID | None = None, timeout: float | None = None
) -> Call[Payout]:
    """Take one's own payout back before it is approved. Raises PayoutNotOpen, NotFound."""
    path = f"{BASE}/payouts/{ident(payout_id, 'payout_id')}/cancel"
    key = idempotency_key or uuid4()
    return Call("payments.cancel_payout", "POST", path, answer(Payout), key=key, timeout=timeout)


def payout(payout_id: Ident, *, timeout: float | None = None) -> Call[Payout]:
    """One payout, for its organiser and staff. Raises NotFound, for others' too."""
    path = f"{BASE}/payouts/{ident(payout_id, 'payout_id')}"
    return Call("payments.payout", "GET", path, answer(Payout), timeout=timeout)


def payouts(
    *,
    campaign_id: Ident | None = None,
    limit: int = 50,
    cursor: str | None = None,
    timeout: float | None = None,
) -> Call[Page[Payout]]:
    """One's own payouts in every state, newest first; those of one campaign with `campaign_id`."""
    chosen = ident(campaign_id, "campaign_id") if campaign_id is not None else None
    filters = query(campaign_id=chosen, limit=limit, cursor=cursor)
    return Call("payments.payouts", "GET", f"{BASE}/payouts", answer(Page[Payout]), filters, timeout=timeout)


def escrow(campaign_id: Ident, *, timeout: float | None = None) -> Call[Escrow]:
    """What a campaign has, currency by currency, for its organiser and staff. Raises NotFound, for others' too."""
    path = f"{BASE}/campaigns/{ident(campaign_id, 'campaign_id')}/escrow"
    return Call("payments.escrow", "GET", path, answer(Escrow), timeout=timeout)


def set_payout_account(owner_id: Ident, *, account_id: str | None, timeout: float | None = None) -> Call[PayoutAccount]:
    """Say which account at Stripe an organiser is paid to; None takes it away. For the platform's own service.

    Raises Invalid for an account that Stripe does not let us pay to, ProviderUnavailable when Stripe is away.
    """
    body = (
        written(SetPayoutAccount(account_id=None))
        if account_id is None
        else ask(SetPayoutAccount, account_id=account_id)
    )
    path = f"{BASE}/payout-accounts/{ident(owner_id, 'owner_id')}"
    return Call("payments.set_payout_account", "PUT", path, answer(PayoutAccount), body=body, timeout=timeout)
