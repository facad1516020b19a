"""A refund's row in the words of the wire."""

from __future__ import annotations

from bh_sdk.wire import refunds as wire
from payments_svc.refunds.models import Refund


def refund(row: Refund) -> wire.Refund:
    return wire.Refund(
        refund_id=row.id,
        payment_id=row.payment_id,
        campaign_id=row.payment.campaign_id,
        status=row.status,
        amount=row.money.decimal,
        currency=row.currency,
        reason=row.reason,
        notes=row.notes,
        source=row.source,
        second_person=row.second_person,
        requested_by=row.requested_by,
        approved_by=row.approved_by,
        rejected_by=row.rejected_by,
        decision_notes=row.decision_notes,
        failure_reason=row.failure_reason,
        reopened=row.came_back,
        retry_of=row.retry_of_id,
        created_at=row.created_at,
        decided_at=row.decided_at,
        settled_at=row.settled_at,
    )
