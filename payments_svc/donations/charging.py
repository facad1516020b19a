"""Charging a payment: with a card the payer shows, with one that was saved, or not at all.

Stripe decides every race. Whatever it answers, or does not, our books follow it in `settling.bring_to`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from uuid import UUID

from bh_sdk.errors import Invalid, PaymentNotCancelable, PaymentNotConfirmable, ProviderUnavailable
from payments_svc.donations import intents, screening, settling
from payments_svc.donations.models import Payment
from payments_svc.donations.rules import ABANDONABLE, OPEN
from payments_svc.gateway import stripe_api
from payments_svc.gateway.errors import CardRefused, OutcomeUnknown, RequestRefused
from payments_svc.gateway.standing import NextAction, Standing
from payments_svc.risk import commands as risk


def confirm(
    *, payment: Payment, payment_method_id: str | None, request_digest: str, return_url: str | None = None
) -> tuple[Payment, NextAction | None]:
    """Charge the payment with a method, or look how it stands after the browser confirmed it. A try that failed is
    followed by the next one on the same intent.

    Raises PaymentNotConfirmable when there is nothing left to charge, GiftRefused and TooManyTries of risk,
    ProviderUnavailable when the answer was lost.
    """
    intent_id = str(payment.intent_id)
    look = partial(stripe_api.look, intent_id)
    if payment_method_id is None or payment.status == "succeeded":
        standing = intents.ask(payment, look)
        return settling.bring_to(payment.id, standing), standing.next_action
    if payment.status == "canceled":
        raise PaymentNotConfirmable("The payment was canceled; open a new one", payment_status=payment.status)
    risk.screen(screening.charging(payment, payment_method_id=payment_method_id, request_digest=request_digest))
    key = f"confirm-{payment.id}-{request_digest[:32]}"
    charge = partial(stripe_api.confirm_intent, intent_id=intent_id, payment_method_id=payment_method_id)
    try:
        standing = _charge(partial(charge, return_url=return_url), key)
    except CardRefused:
        # The intent tells why in more detail than the error does.
        standing = intents.ask(payment, look)
    except RequestRefused as refusal:
        current = settling.bring_to(payment.id, intents.ask(payment, look))
        if current.status == "succeeded":
            return current, None
        if refusal.param == "payment_method" or refusal.code == "resource_missing":
            problem = {"pointer": "/payment_method_id", "message": str(refusal)}
            raise Invalid("Stripe does not accept this payment method", errors=[problem]) from refusal
        raise PaymentNotConfirmable(str(refusal), payment_status=current.status) from refusal
    except OutcomeUnknown:
        intents.mark_unknown(payment.id)
        raise ProviderUnavailable(payment_id=str(payment.id)) from None
    return settling.bring_to(payment.id, standing), standing.next_action


def charge_saved(*, payment_id: UUID, payment_method_id: str, key: str) -> Payment:
    """Charge a payment of a recurring gift to a saved method, without the donor. `key` names the try: with the same one it
    is asked once. A refused card is no error: the payment says why.

    Raises OutcomeUnknown when the answer was lost, and RequestRefused when Stripe will not charge this method at all.
    """
    payment = Payment.objects.get(id=payment_id)
    intent_id = str(payment.intent_id)
    charge = partial(
        stripe_api.confirm_intent, intent_id=intent_id, payment_method_id=payment_method_id, off_session=True
    )
    try:
        standing = _charge(charge, key)
    except CardRefused:
        standing = stripe_api.look(intent_id)
    except RequestRefused:
        # Perhaps because it was paid in the meantime: then that is the answer.
        current = settling.bring_to(payment_id, stripe_api.look(intent_id))
        if current.status in OPEN:
            raise
        return current
    except OutcomeUnknown:
        intents.mark_unknown(payment_id)
        raise
    return settling.bring_to(payment_id, standing)


def _charge(confirm_intent: Callable[..., Standing], key: str) -> Standing:
    """Confirm the intent. An intent is charged once at most, so where Stripe remembers an error under the key of this try,
    another key is safe."""
    try:
        return confirm_intent(key=key)
    except OutcomeUnknown as lost:
        if not lost.remembered:
            raise
        return confirm_intent(key=f"{key}-1")


def cancel(*, payment: Payment) -> Payment:
    """Give the payment up, as its payer wishes. One that was given up already stays so.

    Raises PaymentNotCancelable when it succeeded or the money is under way, ProviderUnavailable when Stripe's answer was
    lost. Stripe decides a race with a charge: whoever is first there wins, and our books follow.
    """
    if payment.status == "canceled":
        return payment
    look = (
        partial(stripe_api.look, payment.intent_id) if payment.intent_id else partial(intents.find_or_create, payment)
    )
    standing = intents.ask(payment, look)
    if standing.status in ABANDONABLE:
        standing = intents.ask(payment, partial(_cancel_intent, standing.intent_id))
    payment = settling.bring_to(payment.id, standing)
    if payment.status != "canceled":
        raise PaymentNotCancelable(_NOT_CANCELABLE.get(payment.status), payment_status=payment.status)
    return payment


_NOT_CANCELABLE = {
    "succeeded": "The gift has arrived already; ask for a refund instead",
    "processing": "The bank is collecting the money already; wait for the outcome",
}


def _cancel_intent(intent_id: str) -> Standing:
    try:
        return stripe_api.cancel_intent(intent_id=intent_id, reason="requested_by_customer")
    except RequestRefused:
        # Somebody was faster: a charge, or another cancel.
        return stripe_api.look(intent_id)
