"""Refunds: ask, decide, look up. The operations of `Payments` and `AsyncPayments` for staff."""

from __future__ import annotations

from uuid import UUID, uuid4

from bh_sdk.clients.call import Call, Ident, answer, ask, ident, query
from bh_sdk.errors import AmountInvalid
from bh_sdk.money import Money
from bh_sdk.wire.base import Page
from bh_sdk.wire.refunds import AskRefund, DecideRefund, Refund, RefundReason, RefundState, RejectRefund

BASE = "/api/v1/payments"


def refund(
    *,
    payment_id: Ident,
    reason: RefundReason,
    amount: Money | str | None = None,
    notes: str | None = None,
    idempotency_key: UUID | None = None,
    timeout: float | None = None,
) -> Call[Refund]:
    """Ask for a refund of `amount`, or of everything that is left. The money moves when Stripe confirms it.

    Raises PaymentNotRefundable (`left`), RefundBlockedByDispute, RefundBlockedByReceipt (`receipt`), AmountInvalid.
    """
    if amount is not None and not isinstance(amount, Money | str):
        raise AmountInvalid("An amount is Money or a decimal string")
    body = ask(
        AskRefund,
        payment_id=payment_id,
        amount=amount.decimal if isinstance(amount, Money) else amount,
        reason=reason,
        notes=notes,
    )
    return Call(
        "payments.refund",
        "POST",
        f"{BASE}/refund",
        answer(Refund),
        body=body,
        key=idempotency_key or uuid4(),
        timeout=timeout,
    )


def approve_refund(
    refund_id: Ident, *, notes: str | None = None, idempotency_key: UUID | None = None, timeout: float | None = None
) -> Call[Refund]:
    """Let a refund go to Stripe. Raises SecondPersonNeeded for whoever asked for it, RefundDecided when it does not wait."""
    return _decide("approve", refund_id, ask(DecideRefund, notes=notes), idempotency_key, timeout)


def reject_refund(
    refund_id: Ident, *, notes: str, idempotency_key: UUID | None = None, timeout: float | None = None
) -> Call[Refund]:
    """Refuse a refund, with the reason in `notes`; its amount is free again.

    Raises Invalid without a reason, SecondPersonNeeded, RefundDecided.
    """
    return _decide("reject", refund_id, ask(RejectRefund, notes=notes), idempotency_key, timeout)


def _decide(verb: str, refund_id: Ident, body: bytes, key: UUID | None, timeout: float | None) -> Call[Refund]:
    return Call(
        f"payments.{verb}_refund",
        "POST",
        f"{BASE}/refunds/{ident(refund_id, 'refund_id')}/{verb}",
        answer(Refund),
        body=body,
        key=key or uuid4(),
        timeout=timeout,
    )


def refund_case(refund_id: Ident, *, timeout: float | None = None) -> Call[Refund]:
    """One refund. Raises NotFound."""
    path = f"{BASE}/refunds/{ident(refund_id, 'refund_id')}"
    return Call("payments.refund_case", "GET", path, answer(Refund), timeout=timeout)


def refunds(
    *,
    payment_id: Ident | None = None,
    status: RefundState | None = None,
    limit: int = 50,
    cursor: str | None = None,
    timeout: float | None = None,
) -> Call[Page[Refund]]:
    """Refunds, newest first; `limit` is the size of a page."""
    filters = query(
        payment_id=ident(payment_id, "payment_id") if payment_id is not None else None,
        status=status,
        limit=limit,
        cursor=cursor,
    )
    return Call("payments.refunds", "GET", f"{BASE}/refunds", answer(Page[Refund]), filters, timeout=timeout)
