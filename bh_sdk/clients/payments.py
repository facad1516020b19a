"""Payments: give, confirm, look up. `Payments` blocks, `AsyncPayments` awaits; the operations are the same."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID, uuid4

from bh_sdk.clients import analytics as of_insights
from bh_sdk.clients import payouts as of_payouts
from bh_sdk.clients import receipts as of_receipts
from bh_sdk.clients import recurring as of_recurring
from bh_sdk.clients import refunds as of_refunds
from bh_sdk.clients.amounts import amount_of
from bh_sdk.clients.base import adoes, aeach, does, each
from bh_sdk.clients.call import Call, Ident, answer, ask, ident, query
from bh_sdk.clients.feed import AsyncServiceClient, ServiceClient
from bh_sdk.events import PaymentStatus
from bh_sdk.money import Money
from bh_sdk.wire.base import Page
from bh_sdk.wire.payments import (
    Campaign,
    CampaignStatus,
    CampaignTotals,
    CancelPayment,
    ConfirmPayment,
    CreateIntent,
    DescribeCampaign,
    GuestDonor,
    Payment,
    PaymentConfirmed,
    PaymentCreated,
)

BASE = "/api/v1/payments"


def create_intent(
    *,
    campaign_id: Ident,
    amount: Money | str,
    currency: str | None = None,
    cover_fees: bool = False,
    message: str | None = None,
    anonymous: bool = False,
    donor: GuestDonor | Mapping[str, str] | None = None,
    idempotency_key: UUID | None = None,
    timeout: float | None = None,
) -> Call[PaymentCreated]:
    """Begin a gift: the payment, and the `client_secret` with which the browser confirms it.

    `amount` is the gift; with `cover_fees` the card also pays the fees. A guest gives `donor` (name and email). Pass
    your own `idempotency_key` to make the call safe to repeat even after your process was restarted.
    Raises CampaignNotAccepting, AmountOutOfBounds, CurrencyMismatch, NotFound, ProviderUnavailable.
    """
    money = amount_of(amount, currency)
    body = ask(
        CreateIntent,
        campaign_id=campaign_id,
        amount=money.decimal,
        currency=money.code,
        cover_fees=cover_fees,
        message=message,
        anonymous=anonymous,
        donor=dict(donor) if isinstance(donor, Mapping) else donor,
    )
    return Call(
        "payments.create_intent",
        "POST",
        f"{BASE}/create-intent",
        answer(PaymentCreated),
        body=body,
        key=idempotency_key or uuid4(),
        timeout=timeout,
    )


def confirm(
    *,
    payment_intent_id: str,
    payment_method_id: str | None = None,
    client_secret: str | None = None,
    return_url: str | None = None,
    idempotency_key: UUID | None = None,
    timeout: float | None = None,
) -> Call[PaymentConfirmed]:
    """Charge it, or ask how it went after Stripe.js confirmed in the browser. A guest proves it with `client_secret`.

    A declined card is an answer, not an error: the status goes back to `requires_payment_method` with `failure_code`.
    """
    body = ask(
        ConfirmPayment,
        payment_intent_id=payment_intent_id,
        payment_method_id=payment_method_id,
        client_secret=client_secret,
        return_url=return_url,
    )
    return Call(
        "payments.confirm",
        "POST",
        f"{BASE}/confirm",
        answer(PaymentConfirmed),
        body=body,
        key=idempotency_key or uuid4(),
        timeout=timeout,
    )


def cancel(payment_id: Ident, *, client_secret: str | None = None, timeout: float | None = None) -> Call[Payment]:
    """Give a payment up before it is paid; again is the same as once. A guest proves it with `client_secret`.

    Raises PaymentNotCancelable when it succeeded or the bank is collecting already, NotFound for another's.
    """
    path = f"{BASE}/{ident(payment_id, 'payment_id')}/cancel"
    body = ask(CancelPayment, client_secret=client_secret)
    return Call("payments.cancel", "POST", path, answer(Payment), body=body, harmless=True, timeout=timeout)


def payment(payment_id: Ident, *, link: str | None = None, timeout: float | None = None) -> Call[Payment]:
    """One payment. A guest shows the token of the thank-you mail's `link`. Raises NotFound, for others' too."""
    path = f"{BASE}/{ident(payment_id, 'payment_id')}"
    return Call("payments.payment", "GET", path, answer(Payment), query(link=link), timeout=timeout)


def history(
    user_id: Ident,
    *,
    status: PaymentStatus | None = None,
    campaign_id: Ident | None = None,
    from_: datetime | None = None,
    to: datetime | None = None,
    limit: int = 50,
    cursor: str | None = None,
    timeout: float | None = None,
) -> Call[Page[Payment]]:
    """Every payment of a person in every state, newest first. `limit` is the size of a page, `from_` and `to` bound the
    time of creation. Raises NotFound for another person's history."""
    filters = query(
        status=status,
        campaign_id=ident(campaign_id, "campaign_id") if campaign_id is not None else None,
        from_=from_,
        to=to,
        limit=limit,
        cursor=cursor,
    )
    path = f"{BASE}/history/{ident(user_id, 'user_id')}"
    return Call("payments.history", "GET", path, answer(Page[Payment]), filters, timeout=timeout)


def campaign_totals(campaign_id: Ident, *, timeout: float | None = None) -> Call[CampaignTotals]:
    """What a campaign has raised, and its recent public gifts. Public."""
    path = f"{BASE}/campaigns/{ident(campaign_id, 'campaign_id')}/totals"
    return Call("payments.campaign_totals", "GET", path, answer(CampaignTotals), timeout=timeout)


def describe_campaign(
    campaign_id: Ident,
    *,
    title: str,
    owner_id: Ident,
    goal: Money | str,
    status: CampaignStatus,
    currency: str | None = None,
    min_amount: Money | str | None = None,
    max_amount: Money | str | None = None,
    ends_at: datetime | None = None,
    category: str | None = None,
    timeout: float | None = None,
) -> Call[Campaign]:
    """Tell payments what it must know of a campaign; all of it is replaced. For the platform's own service.

    `currency` may be left out when `goal` is Money. Gifts are taken in FUNDING and FUNDED; the goal never caps.
    """
    goal_money = amount_of(goal, currency)
    bounds = {
        name: amount_of(bound, goal_money.code).decimal
        for name, bound in (("min_amount", min_amount), ("max_amount", max_amount))
        if bound is not None
    }
    body = ask(
        DescribeCampaign,
        title=title,
        owner_id=owner_id,
        currency=goal_money.code,
        goal=goal_money.decimal,
        status=status,
        ends_at=ends_at,
        category=category,
        **bounds,
    )
    path = f"{BASE}/campaigns/{ident(campaign_id, 'campaign_id')}"
    return Call("payments.describe_campaign", "PUT", path, answer(Campaign), body=body, timeout=timeout)


class Payments(ServiceClient):
    """Blocking client of the payments service."""

    create_intent = does(create_intent)
    confirm = does(confirm)
    cancel = does(cancel)
    payment = does(payment)
    history_page = does(history)
    history = each(history)
    campaign_totals = does(campaign_totals)
    analytics = does(of_insights.analytics)
    donor_stats = does(of_insights.donor_stats)
    donor_impact = does(of_insights.donor_impact)
    describe_campaign = does(describe_campaign)
    request_receipts = does(of_receipts.request_receipts)
    receipt = does(of_receipts.receipt)
    receipt_pdf = does(of_receipts.receipt_pdf)
    resend_receipt = does(of_receipts.resend_receipt)
    verify_receipt = does(of_receipts.verify_receipt)
    receipt_details = does(of_receipts.receipt_details)
    set_receipt_details = does(of_receipts.set_receipt_details)
    gift_aid_declaration = does(of_receipts.gift_aid_declaration)
    declare_gift_aid = does(of_receipts.declare_gift_aid)
    cancel_gift_aid = does(of_receipts.cancel_gift_aid)
    receipts_page = does(of_receipts.receipts)
    receipts = each(of_receipts.receipts)
    refund = does(of_refunds.refund)
    approve_refund = does(of_refunds.approve_refund)
    reject_refund = does(of_refunds.reject_refund)
    refund_case = does(of_refunds.refund_case)
    refunds_page = does(of_refunds.refunds)
    refunds = each(of_refunds.refunds)
    request_payout = does(of_payouts.request_payout)
    cancel_payout = does(of_payouts.cancel_payout)
    payout = does(of_payouts.payout)
    payouts_page = does(of_payouts.payouts)
    payouts = each(of_payouts.payouts)
    escrow = does(of_payouts.escrow)
    set_payout_account = does(of_payouts.set_payout_account)
    start_recurring = does(of_recurring.start_recurring)
    recurring_gift = does(of_recurring.recurring_gift)
    change_recurring = does(of_recurring.change_recurring)
    pause_recurring = does(of_recurring.pause_recurring)
    resume_recurring = does(of_recurring.resume_recurring)
    skip_recurring = does(of_recurring.skip_recurring)
    cancel_recurring = does(of_recurring.cancel_recurring)
    change_method = does(of_recurring.change_method)
    take_method = does(of_recurring.take_method)
    pay_period = does(of_recurring.pay_period)
    recurring_gifts_page = does(of_recurring.recurring_gifts)
    recurring_gifts = each(of_recurring.recurring_gifts)


class AsyncPayments(AsyncServiceClient):
    """Awaiting client of the payments service."""

    create_intent = adoes(create_intent)
    confirm = adoes(confirm)
    cancel = adoes(cancel)
    payment = adoes(payment)
    history_page = adoes(history)
    history = aeach(history)
    campaign_totals = adoes(campaign_totals)
    analytics = adoes(of_insights.analytics)
    donor_stats = adoes(of_insights.donor_stats)
    donor_impact = adoes(of_insights.donor_impact)
    describe_campaign = adoes(describe_campaign)
    request_receipts = adoes(of_receipts.request_receipts)
    receipt = adoes(of_receipts.receipt)
    receipt_pdf = adoes(of_receipts.receipt_pdf)
    resend_receipt = adoes(of_receipts.resend_receipt)
    verify_receipt = adoes(of_receipts.verify_receipt)
    receipt_details = adoes(of_receipts.receipt_details)
    set_receipt_details = adoes(of_receipts.set_receipt_details)
    gift_aid_declaration = adoes(of_receipts.gift_aid_declaration)
    declare_gift_aid = adoes(of_receipts.declare_gift_aid)
    cancel_gift_aid = adoes(of_receipts.cancel_gift_aid)
    receipts_page = adoes(of_receipts.receipts)
    receipts = aeach(of_receipts.receipts)
    refund = adoes(of_refunds.refund)
    approve_refund = adoes(of_refunds.approve_refund)
    reject_refund = adoes(of_refunds.reject_refund)
    refund_case = adoes(of_refunds.refund_case)
    refunds_page = adoes(of_refunds.refunds)
    refunds = aeach(of_refunds.refunds)
    request_payout = adoes(of_payouts.request_payout)
    cancel_payout = adoes(of_payouts.cancel_payout)
    payout = adoes(of_payouts.payout)
    payouts_page = adoes(of_payouts.payouts)
    payouts = aeach(of_payouts.payouts)
    escrow = adoes(of_payouts.escrow)
    set_payout_account = adoes(of_payouts.set_payout_account)
    start_recurring = adoes(of_recurring.start_recurring)
    recurring_gift = adoes(of_recurring.recurring_gift)
    change_recurring = adoes(of_recurring.change_recurring)
    pause_recurring = adoes(of_recurring.pause_recurring)
    resume_recurring = adoes(of_recurring.resume_recurring)
    skip_recurring = adoes(of_recurring.skip_recurring)
    cancel_recurring = adoes(of_recurring.cancel_recurring)
    change_method = adoes(of_recurring.change_method)
    take_method = adoes(of_recurring.take_method)
    pay_period = adoes(of_recurring.pay_period)
    recurring_gifts_page = adoes(of_recurring.recurring_gifts)
    recurring_gifts = aeach(of_recurring.recurring_gifts)
