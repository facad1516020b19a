"""Refunds: `/api/v1/payments/refund` and `/api/v1/payments/refunds/…`, for staff."""

from __future__ import annotations

from uuid import UUID

from bh_sdk.errors import IdempotencyKeyMissing
from bh_sdk.money import Money
from bh_sdk.server.access import may
from bh_sdk.server.api import Call, Cursor, Limit, Page, Router, Status, idempotent, keyset_page
from bh_sdk.wire import refunds as wire
from payments_svc.donations import queries as donations
from payments_svc.refunds import commands, queries
from payments_svc.refunds.answers import refund as answered

router = Router(tags=["refunds"])


@router.post("/refund", auth=may("refund", "request"), response={202: wire.Refund})
@idempotent
def request_refund(request: Call, body: wire.AskRefund) -> Status[wire.Refund]:
    """Ask for a refund, of `amount` or of everything that is left. Answers 202: the money moves when Stripe confirms it,
    and first somebody else approves it when it is `pending_approval`."""
    if request.idempotency is None:
        raise IdempotencyKeyMissing
    payment = donations.access_payment(body.payment_id, by=request.auth)
    refund = commands.request_refund(
        payment_id=payment.id,
        amount=None if body.amount is None else Money.parse(body.amount, payment.currency),
        reason=body.reason,
        notes=body.notes or "",
        by=UUID(request.auth.id),
        may_approve=request.auth.may("refund", "approve"),
        request_digest=request.idempotency.digest,
    )
    return Status(202, answered(refund))


@router.post("/refunds/{uuid:refund_id}/approve", auth=may("refund", "approve"), response=wire.Refund)
@idempotent
def approve_refund(request: Call, refund_id: UUID, body: wire.DecideRefund) -> wire.Refund:
    """Let a refund go to Stripe. Never for whoever asked for it."""
    return answered(commands.approve_refund(refund_id=refund_id, by=UUID(request.auth.id), notes=body.notes or ""))


@router.post("/refunds/{uuid:refund_id}/reject", auth=may("refund", "reject"), response=wire.Refund)
@idempotent
def reject_refund(request: Call, refund_id: UUID, body: wire.RejectRefund) -> wire.Refund:
    """Refuse a refund and say why; its amount is free again. Never for whoever asked for it."""
    return answered(commands.reject_refund(refund_id=refund_id, by=UUID(request.auth.id), notes=body.notes))


@router.get("/refunds/{uuid:refund_id}", auth=may("refund", "read"), response=wire.Refund)
def get_refund(request: Call, refund_id: UUID) -> wire.Refund:
    """One refund and how it stands."""
    return answered(queries.refund(refund_id))


@router.get("/refunds", auth=may("refund", "read"), response=Page[wire.Refund])
def list_refunds(
    request: Call,
    payment_id: UUID | None = None,
    status: wire.RefundState | None = None,
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Page[wire.Refund]:
    """Every refund, newest first."""
    found = queries.refunds(payment_id=payment_id, status=status)
    page = keyset_page(found, request=request, cursor=cursor, limit=limit)
    return Page(results=[answered(row) for row in page.results], next=page.next, previous=page.previous)
