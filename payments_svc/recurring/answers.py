"""A series' row in the words of the wire."""

from __future__ import annotations

from typing import Any

from bh_sdk.wire import payments as payments_wire
from bh_sdk.wire import recurring as wire
from payments_svc.donations import answers as payments
from payments_svc.donations import declines
from payments_svc.donations.opening import Opened
from payments_svc.gateway.saved import Setup
from payments_svc.recurring import queries
from payments_svc.recurring.models import Period, RecurringGift


def _fields(gift: RecurringGift, waiting: Period | None) -> dict[str, Any]:
    return {
        "recurring_id": gift.id,
        "campaign_id": gift.campaign_id,
        "user_id": gift.donor_id,
        "amount": gift.money.decimal,
        "currency": gift.currency,
        "cover_fees": gift.cover_fees,
        "anonymous": gift.anonymous,
        "interval": gift.interval,
        "status": gift.status,
        "ended_why": gift.ended_why,
        "next_at": gift.next_at,
        "method": _method(gift),
        "trouble": _trouble(waiting) if waiting else None,
        "created_at": gift.created_at,
        "started_at": gift.started_at,
        "ended_at": gift.ended_at,
    }


def _method(gift: RecurringGift) -> wire.SavedMethod | None:
    if gift.method_kind is None:
        return None
    expires = f"{gift.exp_year}-{gift.exp_month:02}" if gift.exp_year is not None else None
    return wire.SavedMethod(kind=gift.method_kind, brand=gift.brand, last4=gift.last4, expires=expires)


def _trouble(period: Period) -> wire.Trouble:
    return wire.Trouble(
        payment_id=period.payment_id,
        reason=declines.safe_code(period.reason or ""),
        tries=period.tries,
        next_try_at=period.next_try_at,
    )


def _all_fields(gift: RecurringGift) -> dict[str, Any]:
    return _fields(gift, queries.in_trouble([gift]).get(gift.id))


def recurring(gift: RecurringGift) -> wire.RecurringGift:
    return wire.RecurringGift(**_all_fields(gift))


def recurring_page(gifts: list[RecurringGift]) -> list[wire.RecurringGift]:
    waiting = queries.in_trouble(gifts)
    return [wire.RecurringGift(**_fields(gift, waiting.get(gift.id))) for gift in gifts]


def created(gift: RecurringGift, opened: Opened) -> wire.RecurringCreated:
    return wire.RecurringCreated(
        **_all_fields(gift), payment=payments.payment(opened.payment), client_secret=opened.client_secret
    )


def to_pay(opened: Opened) -> wire.PeriodToPay:
    return wire.PeriodToPay(payment=payments.payment(opened.payment), client_secret=opened.client_secret)


def method_changed(gift: RecurringGift, setup: Setup) -> wire.MethodChanged:
    action = setup.next_action
    return wire.MethodChanged(
        **_all_fields(gift),
        setup_intent_id=setup.id,
        client_secret=setup.client_secret,
        next_action=payments_wire.NextAction(type=action.type, url=action.url) if action else None,
    )
