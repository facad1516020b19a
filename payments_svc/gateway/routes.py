"""Who works which of Stripe's events. A slice that wants to hear of a type adds a line here and a function that looks.

An event is a doorbell: the function gets a `Told`, asks Stripe how the object stands and brings its own rows to that. It
may run any number of times, in any order; it answers the payment it found, if there is one. It raises `Parked` for
something that is not known yet, `NotOurs` for a stranger's, and lets `GatewayError` through: then it is rung again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from payments_svc.donations import queries, settling
from payments_svc.gateway import stripe_api
from payments_svc.gateway.told import NotOurs, Parked, Told
from payments_svc.payouts import commands as paying
from payments_svc.payouts import queries as payouts
from payments_svc.payouts import sending
from payments_svc.reconciliation import commands as reconciliation


@dataclass(frozen=True, slots=True)
class Route:
    """Events whose type starts with `prefix` ring `work`. Those of connected accounts only where `connected` says so: the
    money of our books is on our own account."""

    prefix: str
    work: Callable[[Told], UUID | None]
    connected: bool = False


def look_at_payment(told: Told) -> UUID:
    """Bring the event's payment, with its refunds and disputes, to what Stripe says now."""
    payment_id = _payment_of(told)
    settling.settle(payment_id, intent_id=told.intent_id)
    return payment_id


def note_failed_try(told: Told) -> UUID:
    """A try that failed stays a try that failed, also when the next succeeded before we looked: it is taken from the event."""
    payment_id = _payment_of(told)
    failed = stripe_api.failed_try_of(told.body)
    if failed is not None:
        settling.note_failed_try(payment_id, failed)
    return payment_id


def _payment_of(told: Told) -> UUID:
    if told.intent_id is None:
        raise NotOurs("names no payment intent")
    payment_id = queries.payment_of_intent(told.intent_id, payment_id=told.noted_payment)
    if payment_id is None:
        raise Parked("its payment is not known yet")
    return payment_id


def note_fraud_warning(told: Told) -> UUID:
    """The card network warns of fraud; what it says of the charge is all there is to know, so there is nothing to look at."""
    payment_id = _payment_of(told)
    if told.object_id is None:
        raise NotOurs("names no warning")
    settling.note_warning(
        payment_id, stripe_id=told.object_id, fraud_type=str(told.body.get("fraud_type") or "unknown")
    )
    return payment_id


def look_at_payout(told: Told) -> None:
    """Bring the payout that a transfer belongs to to what Stripe says now."""
    if told.object_id is None:
        raise NotOurs("names no transfer")
    payout_id = payouts.payout_of_transfer(told.object_id, noted=told.noted("payout_id"))
    if payout_id is None:
        raise NotOurs("no payout of ours has this transfer")
    sending.settle(payout_id)


def look_at_bank_payout(told: Told) -> None:
    """Book a payout of Stripe to our own bank, or its return."""
    if told.object_id is None:
        raise NotOurs("names no payout")
    reconciliation.book_payout(told.object_id)


def look_at_account(told: Told) -> None:
    """An organiser's account may receive transfers by now, or no longer."""
    if told.object_id is None or not paying.refresh_account(told.object_id):
        raise NotOurs("no organiser is paid to this account")


# Every line that fits is worked, in this order.
ROUTES: tuple[Route, ...] = (
    Route("payment_intent.payment_failed", note_failed_try),
    Route("payment_intent.", look_at_payment),
    # Disputes and the older form of refund events are told under the charge.
    Route("charge.", look_at_payment),
    Route("refund.", look_at_payment),
    Route("review.", look_at_payment),
    Route("payout.", look_at_bank_payout),
    Route("radar.early_fraud_warning.", note_fraud_warning),
    Route("transfer.", look_at_payout),
    # Told of the connected account itself.
    Route("account.updated", look_at_account, connected=True),
)


def of(kind: str, account: str | None) -> list[Route]:
    """The routes of an event's type. `account` is a connected account, None for our own."""
    return [route for route in ROUTES if kind.startswith(route.prefix) and (account is None or route.connected)]
