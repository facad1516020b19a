"""A payment's intent at Stripe: asked for, found again when an answer was lost, given up when Stripe will not have it."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.db import transaction

from bh_sdk.errors import Invalid, ProviderUnavailable
from bh_sdk.events import DonationCanceled
from bh_sdk.server.events import record
from bh_sdk.server.ops import clock
from payments_svc.donations import facts, queries
from payments_svc.donations.models import Payment
from payments_svc.donations.rules import OPEN, next_look
from payments_svc.gateway import stripe_api
from payments_svc.gateway.errors import OutcomeUnknown, RequestRefused
from payments_svc.gateway.standing import Standing


def ask(payment: Payment, call: Callable[[], Standing]) -> Standing:
    """One call to Stripe for a caller who waits. A lost answer leaves the payment `unknown`, to be found out soon."""
    try:
        return call()
    except OutcomeUnknown:
        mark_unknown(payment.id)
        raise ProviderUnavailable(payment_id=str(payment.id)) from None
    except RequestRefused as refusal:
        # Our own bounds should have refused it; Stripe knows better, and nothing was charged.
        give_up(payment.id)
        raise Invalid(str(refusal), errors=[{"pointer": "/amount", "message": str(refusal)}]) from refusal


def create(payment: Payment, *, again: int = 0) -> Standing:
    return stripe_api.create_intent(
        again=again,
        payment_id=payment.id,
        campaign_id=payment.campaign_id,
        charged=payment.charged_money,
        description=f"Gift to {payment.campaign.title}",
        customer_id=payment.customer_id,
        keeps_method=payment.keeps_method,
    )


def find_or_create(payment: Payment) -> Standing:
    """The lost intent of a payment. A search says whether the first call arrived; if it did not, asking with its key is
    the same as asking once, unless Stripe remembers an error under it."""
    found = stripe_api.find_intent(payment_id=payment.id, opened_at=payment.created_at)
    if found:
        return stripe_api.look(found)
    try:
        return create(payment)
    except OutcomeUnknown as lost:
        if not lost.remembered:
            raise
        return create(payment, again=1)


@transaction.atomic
def mark_unknown(payment_id: UUID) -> None:
    payment = queries.payment_for_update(payment_id)
    if payment.status in OPEN and payment.status != "unknown":
        now = clock.now()
        payment.status = "unknown"
        payment.look_again_at = next_look("unknown", opened_at=payment.created_at, at=now)
        payment.save(update_fields=["status", "look_again_at"])


@transaction.atomic
def give_up(payment_id: UUID) -> None:
    payment = queries.payment_for_update(payment_id)
    if payment.status in OPEN:
        payment.status, payment.look_again_at = "canceled", None
        payment.save(update_fields=["status", "look_again_at"])
        record(DonationCanceled(**facts.common(payment)), subject=payment.id)
