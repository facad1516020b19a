"""A payment's row in the words of the wire."""

from __future__ import annotations

from typing import Any

from bh_sdk.money import Money
from bh_sdk.wire import payments as wire
from payments_svc.donations import declines
from payments_svc.donations.models import Campaign, Payment
from payments_svc.gateway.standing import NextAction


def fields(payment: Payment) -> dict[str, Any]:
    return {
        "payment_id": payment.id,
        "payment_intent_id": payment.intent_id,
        "campaign_id": payment.campaign_id,
        "user_id": payment.user_id,
        "amount": payment.money(payment.amount).decimal,
        "charged": payment.charged_money.decimal,
        "currency": payment.currency,
        "status": payment.status,
        "refund_status": payment.refund_status,
        "refunded_amount": payment.money(payment.refunded).decimal,
        "dispute_status": payment.dispute_status,
        "anonymous": payment.anonymous,
        "message": payment.message,
        "recurring_id": payment.recurring_id,
        "created_at": payment.created_at,
    }


def payment(row: Payment) -> wire.Payment:
    return wire.Payment(**fields(row))


def created(row: Payment, client_secret: str) -> wire.PaymentCreated:
    return wire.PaymentCreated(
        **fields(row),
        client_secret=client_secret,
        fees=wire.Fees(processing=row.money(row.processing_fee).decimal, platform=row.money(row.platform_fee).decimal),
        net_amount=row.money(row.net).decimal,
    )


def confirmed(row: Payment, action: NextAction | None) -> wire.PaymentConfirmed:
    # A later try that is under way makes the last failure history.
    failed = row.failure_code if row.status in ("requires_payment_method", "canceled") else None
    return wire.PaymentConfirmed(
        **fields(row),
        next_action=wire.NextAction(type=action.type, url=action.url) if action else None,
        receipt_url=row.receipt_url,
        failure_code=declines.safe_code(failed) if failed else None,
        failure_message=declines.words(failed) if failed else None,
    )


def campaign(row: Campaign) -> wire.Campaign:
    def major(minor: int | None) -> str | None:
        return None if minor is None else Money(minor, row.currency).decimal

    return wire.Campaign(
        campaign_id=row.id,
        title=row.title,
        owner_id=row.owner_id,
        currency=row.currency,
        goal=Money(row.goal, row.currency).decimal,
        status=row.status,
        min_amount=major(row.min_amount),
        max_amount=major(row.max_amount),
        ends_at=row.ends_at,
        category=row.category,
    )
