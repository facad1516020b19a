"""Calls to Stripe. Every function is one or a few requests, never inside a transaction, and answers in our words.

Raises OutcomeUnknown when the answer was lost, CardRefused for a declined card and RequestRefused for anything that
Stripe will not do however often it is asked.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import stripe
from django.conf import settings

from bh_sdk.errors import Conflict
from bh_sdk.money import Money
from payments_svc.gateway.client import asking, client
from payments_svc.gateway.standing import (
    Charge,
    DisputeMove,
    DisputeStanding,
    DisputeState,
    FailedTry,
    IntentStatus,
    NextAction,
    RefundStanding,
    RefundState,
    Standing,
)

_EXPAND = ["latest_charge.balance_transaction"]

_STATUS: dict[str, IntentStatus] = {
    "requires_payment_method": "requires_payment_method",
    "requires_confirmation": "requires_payment_method",
    "requires_action": "requires_action",
    "processing": "processing",
    "requires_capture": "processing",
    "succeeded": "succeeded",
    "canceled": "canceled",
}
_DISPUTE: dict[str, DisputeState] = {
    "warning_needs_response": "inquiry",
    "warning_under_review": "inquiry",
    "warning_closed": "closed",
    "prevented": "closed",
    "needs_response": "open",
    "under_review": "answered",
    "won": "won",
    "lost": "lost",
}
_REFUND: dict[str, RefundState] = {
    "pending": "pending",
    "requires_action": "pending",
    "succeeded": "succeeded",
    "failed": "failed",
    "canceled": "canceled",
}


def create_intent(
    *,
    payment_id: UUID,
    campaign_id: UUID,
    charged: Money,
    description: str,
    customer_id: str | None = None,
    keeps_method: bool = False,
    again: int = 0,
) -> Standing:
    """Open the intent of a payment. The key is the payment's id: asking twice opens one. `again` makes it another key,
    for when Stripe remembers an error under the first and no intent exists. With `keeps_method` the card that pays is
    saved to the customer, for charges without the donor later."""
    params: dict[str, Any] = {
        "amount": charged.stripe_amount(),
        "currency": charged.code.lower(),
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        "description": description,
        "metadata": {"payment_id": str(payment_id), "campaign_id": str(campaign_id)},
        "expand": _EXPAND,
    }
    if customer_id is not None:
        params["customer"] = customer_id
    if keeps_method:
        params["setup_future_usage"] = "off_session"
    with asking():
        intent = client().v1.payment_intents.create(
            params,  # type: ignore[arg-type]
            {"idempotency_key": f"payment-{payment_id}-{again}" if again else f"payment-{payment_id}"},
        )
    return _standing(intent)


def confirm_intent(
    *, intent_id: str, payment_method_id: str, key: str, return_url: str | None = None, off_session: bool = False
) -> Standing:
    """Charge the given method. The key belongs to this try; `return_url` is where the bank's page leads back to, and
    `off_session` says that the donor is not there to answer the bank."""
    params: dict[str, Any] = {"payment_method": payment_method_id, "expand": _EXPAND}
    if return_url is not None:
        params["return_url"] = return_url
    if off_session:
        params["off_session"] = True
    with asking():
        intent = client().v1.payment_intents.confirm(intent_id, params, {"idempotency_key": key})  # type: ignore[arg-type]
    return _standing(intent)


def fingerprint_of(payment_method_id: str) -> str | None:
    """Which card a payment method is; None for a method that is no card, or none at all."""
    with asking():
        try:
            method = client().v1.payment_methods.retrieve(payment_method_id)
        except stripe.InvalidRequestError:
            return None
    return getattr(getattr(method, "card", None), "fingerprint", None)


def cancel_intent(*, intent_id: str, reason: Literal["abandoned", "requested_by_customer"]) -> Standing:
    """Give an intent up, so that nobody can pay it any more.

    An intent is given up once at most, so the call has no key of its own: under one Stripe would go on answering what it
    said to the first try, long after the intent could be given up.
    """
    with asking():
        intent = client().v1.payment_intents.cancel(intent_id, {"cancellation_reason": reason, "expand": _EXPAND})
    return _standing(intent)


def look(intent_id: str) -> Standing:
    """The whole standing of an intent, refunds and disputes included."""
    with asking():
        intent = client().v1.payment_intents.retrieve(intent_id, {"expand": _EXPAND})
        refunds, disputes = [], []
        if intent.latest_charge is not None:
            refunds = list(client().v1.refunds.list({"payment_intent": intent_id, "limit": 100}).auto_paging_iter())
            disputes = list(client().v1.disputes.list({"payment_intent": intent_id}).auto_paging_iter())
    return _standing(intent, refunds=refunds, disputes=disputes)


def create_refund(
    *, refund_id: UUID, payment_id: UUID, intent_id: str, amount: Money, reason: str | None
) -> RefundStanding:
    """Send money back to the donor. The key is the refund's id, so that asking twice sends once; its metadata names it, so
    that it is found when the answer was lost."""
    params: dict[str, Any] = {
        "payment_intent": intent_id,
        "amount": amount.stripe_amount(),
        "metadata": {"refund_id": str(refund_id), "payment_id": str(payment_id)},
    }
    if reason is not None:
        params["reason"] = reason
    with asking():
        made = client().v1.refunds.create(params, {"idempotency_key": f"refund-{refund_id}"})  # type: ignore[arg-type]
    return _refund(made)


def refunds_of(intent_id: str) -> list[RefundStanding]:
    """Every refund of an intent as Stripe knows it now, whoever made it."""
    with asking():
        listed = client().v1.refunds.list({"payment_intent": intent_id, "limit": 100})
        return [_refund(each) for each in listed.auto_paging_iter()]


def find_intent(*, payment_id: UUID, opened_at: datetime) -> str | None:
    """The intent that was opened for a payment, when the answer that named it was lost and its key has expired."""
    window = {
        "gte": int((opened_at - timedelta(minutes=5)).timestamp()),
        "lte": int((opened_at + timedelta(days=2)).timestamp()),
    }
    with asking():
        found = client().v1.payment_intents.list({"created": window, "limit": 100})  # type: ignore[arg-type]
        for intent in found.auto_paging_iter():
            if (intent.metadata or {}).get("payment_id") == str(payment_id):
                return str(intent.id)
    return None


def _standing(intent: Any, *, refunds: list[Any] | None = None, disputes: list[Any] | None = None) -> Standing:
    charge = _charge(intent)
    status = _STATUS[intent.status]
    if status == "succeeded" and charge is None:
        # Stripe has not written the balance transaction yet; without the fee there is nothing to book.
        status = "processing"
    return Standing(
        intent_id=intent.id,
        client_secret=intent.client_secret,
        status=status,
        amount=Money.from_stripe(intent.amount, intent.currency),
        failed_try=_failed_try(intent),
        charge=charge,
        next_action=_next_action(intent),
        refunds=[_refund(each) for each in refunds or []],
        disputes=[_dispute(each) for each in disputes or []],
    )


def _charge(intent: Any) -> Charge | None:
    charge = intent.latest_charge
    if intent.status != "succeeded" or charge is None or isinstance(charge, str) or charge.balance_transaction is None:
        return None
    card = getattr(charge.payment_method_details, "card", None)
    return Charge(
        id=charge.id,
        amount=Money.from_stripe(charge.amount_captured, charge.currency),
        fee=Money.from_stripe(charge.balance_transaction.fee, charge.balance_transaction.currency),
        receipt_url=charge.receipt_url,
        card_fingerprint=getattr(card, "fingerprint", None),
        method=str(getattr(charge.payment_method_details, "type", None) or "card"),
    )


def _failed_try(intent: Any) -> FailedTry | None:
    error = intent.last_payment_error
    if error is None:
        return None
    charge, method = getattr(error, "charge", None), getattr(error, "payment_method", None)
    code = getattr(error, "decline_code", None) or getattr(error, "code", None) or "failed"
    return FailedTry(
        # A try that never became a charge (a failed 3-D Secure check) is known by its method and reason.
        reference=charge or f"{intent.id}/{getattr(method, 'id', None) or 'method'}/{code}",
        code=str(code),
        message=str(getattr(error, "message", None) or "The payment failed."),
        card_fingerprint=getattr(getattr(method, "card", None), "fingerprint", None),
    )


def failed_try_of(intent: dict[str, Any]) -> FailedTry | None:
    """The failed try that an event's intent tells of, named as a look at the intent would have named it."""
    return _failed_try(
        stripe.PaymentIntent.construct_from({"last_payment_error": None} | intent, settings.STRIPE_SECRET_KEY)
    )


def _next_action(intent: Any) -> NextAction | None:
    action = intent.next_action
    if action is None:
        return None
    redirect = getattr(action, "redirect_to_url", None)
    return NextAction(type=str(action.type), url=getattr(redirect, "url", None))


def _refund(refund: Any) -> RefundStanding:
    return RefundStanding(
        id=refund.id,
        amount=Money.from_stripe(refund.amount, refund.currency),
        state=_REFUND[refund.status],
        reason=refund.reason,
        failure_reason=getattr(refund, "failure_reason", None),
        refund_id=(refund.metadata or {}).get("refund_id"),
        taken=getattr(refund, "balance_transaction", None) is not None,
    )


def _dispute(dispute: Any) -> DisputeStanding:
    details = dispute.evidence_details
    due = getattr(details, "due_by", None)
    return DisputeStanding(
        id=dispute.id,
        amount=Money.from_stripe(dispute.amount, dispute.currency),
        # A word that Stripe adds later is a case that somebody has to look at.
        state=_DISPUTE.get(dispute.status, "open"),
        stripe_status=dispute.status,
        reason=dispute.reason,
        due_at=datetime.fromtimestamp(due, UTC) if due else None,
        opened_at=datetime.fromtimestamp(dispute.created, UTC),
        submissions=getattr(details, "submission_count", 0) or 0,
        moves=tuple(_dispute_move(each, dispute.currency) for each in dispute.balance_transactions),
    )


def _dispute_move(moved: Any, code: str) -> DisputeMove:
    if moved.currency != code:
        raise Conflict("A dispute moved money in another currency than its own", transaction=moved.id)
    return DisputeMove(moved.id, _minor(moved.amount, code), _minor(moved.fee, code))


def _minor(units: int, code: str) -> int:
    minor = Money.from_stripe(abs(units), code).minor
    return -minor if units < 0 else minor
