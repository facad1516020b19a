"""Cards kept at Stripe: customers, their saved methods, and saving another one. What comes back is what SAQ-A allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from payments_svc.gateway.client import asking, client
from payments_svc.gateway.standing import NextAction

SetupStatus = Literal["succeeded", "requires_action", "open", "canceled"]
_SETUP: dict[str, SetupStatus] = {
    "succeeded": "succeeded",
    "requires_action": "requires_action",
    "canceled": "canceled",
}


@dataclass(frozen=True, slots=True)
class Method:
    """A saved method: Stripe's name of it and how its owner recognises it. A bank account has no expiry."""

    id: str
    kind: str
    brand: str | None
    last4: str | None
    exp_month: int | None
    exp_year: int | None


@dataclass(frozen=True, slots=True)
class Setup:
    """How saving a method stands. `failure` is Stripe's code for why the last try failed."""

    id: str
    client_secret: str
    status: SetupStatus
    customer_id: str | None
    method: Method | None
    next_action: NextAction | None
    failure: str | None


def create_customer(*, donor_id: UUID, key: str) -> str:
    """Stripe's name for a donor. It learns nothing of the person but our id."""
    with asking():
        customer = client().v1.customers.create({"metadata": {"donor_id": str(donor_id)}}, {"idempotency_key": key})
    return str(customer.id)


def method_of_intent(intent_id: str) -> Method | None:
    """The method that an intent was paid with, when it is kept for later."""
    with asking():
        intent = client().v1.payment_intents.retrieve(intent_id, {"expand": ["payment_method"]})
    method: Any = intent.payment_method
    if method is None or isinstance(method, str) or method.customer is None:
        return None
    return _method(method)


def method(method_id: str) -> Method:
    """A saved method as it is now: banks renew expiry dates behind our back."""
    with asking():
        return _method(client().v1.payment_methods.retrieve(method_id))


def set_up(*, customer_id: str, payment_method_id: str, return_url: str | None, key: str) -> Setup:
    """Save a method for charges without its owner. Raises CardRefused when its bank does not want it."""
    params: dict[str, Any] = {
        "customer": customer_id,
        "payment_method": payment_method_id,
        "usage": "off_session",
        "confirm": True,
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        "expand": ["payment_method"],
    }
    if return_url is not None:
        params["return_url"] = return_url
    with asking():
        setup = client().v1.setup_intents.create(params, {"idempotency_key": key})  # type: ignore[arg-type]
    return _setup(setup)


def look_at_setup(setup_id: str) -> Setup:
    with asking():
        return _setup(client().v1.setup_intents.retrieve(setup_id, {"expand": ["payment_method"]}))


def _setup(setup: Any) -> Setup:
    method, action, error = setup.payment_method, setup.next_action, setup.last_setup_error
    redirect = getattr(action, "redirect_to_url", None)
    customer = setup.customer
    return Setup(
        id=setup.id,
        client_secret=setup.client_secret,
        status=_SETUP.get(setup.status, "open"),
        customer_id=str(getattr(customer, "id", customer)) if customer is not None else None,
        method=_method(method) if method is not None and not isinstance(method, str) else None,
        next_action=NextAction(str(action.type), getattr(redirect, "url", None)) if action is not None else None,
        failure=str(getattr(error, "decline_code", None) or error.code) if error is not None else None,
    )


def _method(method: Any) -> Method:
    card = getattr(method, "card", None)
    account = getattr(method, "us_bank_account", None)
    return Method(
        id=method.id,
        kind=str(method.type),
        brand=getattr(card, "brand", None) or getattr(account, "bank_name", None),
        last4=getattr(card or account, "last4", None),
        exp_month=getattr(card, "exp_month", None),
        exp_year=getattr(card, "exp_year", None),
    )
