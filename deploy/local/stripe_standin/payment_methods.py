"""Payment methods. Sources: "PaymentMethods" (docs.stripe.com/api/payment_methods), "Testing"
(docs.stripe.com/testing).
"""

from __future__ import annotations

from . import cards
from .desk import Desk, Route, page_of
from .errors import StripeError, invalid, missing_object
from .events import emit
from .params import (
    ADDRESS,
    EXPAND,
    PAGE,
    clearable,
    email,
    hash_of,
    integer,
    merged,
    metadata,
    need,
    not_imitated,
    one_of,
    text,
)
from .shapes import Obj, new_id

BILLING = hash_of(
    {"address": ADDRESS, "email": clearable(email), "name": clearable(text()), "phone": clearable(text())}
)
CARD = hash_of({"token": text(), "number": text(), "exp_month": integer(1, 12), "exp_year": integer(), "cvc": text(4)})
DATA = {
    "type": need(one_of("card", "us_bank_account")),
    "card": CARD,
    "billing_details": BILLING,
    "allow_redisplay": one_of("always", "limited", "unspecified"),
    "metadata": metadata,
    "us_bank_account": hash_of(
        {"account_holder_type": text(), "account_number": text(), "account_type": text(), "routing_number": text()}
    ),
}
_NO_ADDRESS: Obj = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))


def find(desk: Desk, given: str, *, param: str = "payment_method") -> Obj:
    """The stored method, or a fresh one for a documented test token."""
    name = cards.name_of(given, "pm_card_")
    if name is not None:
        return _make(desk, card=name)
    if given in cards.DEBITS:
        return _make(desk, debit=given)
    found = desk.store.find("payment_method", given)
    if found is None:
        raise missing_object("PaymentMethod", given, param=param, in_path=param == "id")
    return found


def from_data(desk: Desk, data: Obj) -> Obj:
    """A new method from `payment_method_data` or from a create request."""
    if data["type"] == "us_bank_account":
        return _make(desk, debit="pm_usBankAccount_success", data=data)
    card = data.get("card")
    if card is None:
        raise invalid("Missing required param: card.", "card", "parameter_missing")
    if "token" in card:
        name = cards.name_of(card["token"], "tok_")
        if name is None:
            raise missing_object("token", card["token"], param="card[token]", in_path=False)
        return _make(desk, card=name, data=data)
    if "number" not in card:
        raise invalid("Missing required param: card[number].", "card[number]", "parameter_missing")
    if not desk.publishable:
        raise StripeError(
            "Sending credit card numbers directly to the Stripe API is generally unsafe. To continue processing use "
            "Stripe.js, the Stripe mobile bindings, or Stripe Elements. For more information, see "
            "https://dashboard.stripe.com/account/integration/settings.",
            kind="card_error", status=402, validated=False,
        )  # fmt: skip
    name = cards.BY_NUMBER.get(card["number"].replace(" ", ""))
    if name is None:
        raise StripeError(
            "Your card number is incorrect.", kind="card_error", status=402, code="incorrect_number", param="number",
            validated=False,
        )  # fmt: skip
    return _make(desk, card=name, data=data)


def _make(desk: Desk, *, card: str | None = None, debit: str | None = None, data: Obj | None = None) -> Obj:
    given = data or {}
    billing = {"address": _NO_ADDRESS, "email": None, "name": None, "phone": None, "tax_id": None}
    asked = dict(given.get("billing_details") or {})
    if "address" in asked:
        asked["address"] = {**_NO_ADDRESS, **(asked["address"] or {})}
    method: Obj = {
        "id": new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": given.get("allow_redisplay", "unspecified"),
        "billing_details": {**billing, **asked},
        "created": desk.now,
        "customer": None,
        "livemode": False,
        "metadata": merged({}, given.get("metadata", {})),
        "type": "card" if card else "us_bank_account",
        "_card": card,
        "_debit": debit,
    }
    if card:
        method["card"] = cards.described(card)
    else:
        method["us_bank_account"] = {
            "account_holder_type": "individual",
            "account_type": "checking",
            "bank_name": "STRIPE TEST BANK",
            "fingerprint": "fpUsBankAccount",
            "last4": "6789",
            "networks": {"preferred": "ach", "supported": ["ach"]},
            "routing_number": "110000000",
            "status_details": {},
        }
    return desk.store.add("payment_method", method)


def attach(desk: Desk, method: Obj, customer: Obj) -> Obj:
    """Save the method to the customer. A card that fails when it is checked is refused."""
    if method["customer"] == customer["id"]:
        return method
    if method["customer"] is not None:
        raise StripeError(
            "The payment method you provided has already been attached to a customer.",
            code="payment_method_unexpected_state", param="payment_method",
        )  # fmt: skip
    if method.get("_used"):
        raise StripeError(
            "This PaymentMethod was previously used without being attached to a Customer or was detached from a "
            "Customer, and may not be used again."
        )
    card = cards.CARDS[method["_card"]] if method["_card"] else None
    if card and card.decline and not card.asks and method["_card"] != "chargeCustomerFail":
        raise StripeError(
            card.decline.message, kind="card_error", status=402, code=card.decline.code,
            facts={"decline_code": card.decline.decline_code},
        )  # fmt: skip
    method["customer"] = customer["id"]
    desk.store.save("payment_method", method)
    emit(desk, "payment_method.attached", method)
    return method


def _create(desk: Desk, params: Obj) -> Obj:
    return from_data(desk, params)


def _retrieve(desk: Desk, _params: Obj) -> Obj:
    return find(desk, desk.path_id, param="id")


def _update(desk: Desk, params: Obj) -> Obj:
    method = find(desk, desk.path_id, param="id")
    if method["customer"] is None:
        raise StripeError("You must save this PaymentMethod to a customer before you can update it.")
    previous: Obj = {}
    if "metadata" in params:
        previous["metadata"] = method["metadata"]
        method["metadata"] = merged(method["metadata"], params["metadata"])
    if "billing_details" in params:
        previous["billing_details"] = method["billing_details"]
        method["billing_details"] = {**method["billing_details"], **params["billing_details"]}
    if "allow_redisplay" in params:
        method["allow_redisplay"] = params["allow_redisplay"]
    if "card" in params and "card" in method:
        previous["card"] = {name: method["card"][name] for name in params["card"]}
        method["card"] = {**method["card"], **params["card"]}
    desk.store.save("payment_method", method)
    emit(desk, "payment_method.updated", method, previous)
    return method


def _attach(desk: Desk, params: Obj) -> Obj:
    method = find(desk, desk.path_id, param="id")
    return attach(desk, method, desk.given("customer", params["customer"], "customer"))


def _detach(desk: Desk, _params: Obj) -> Obj:
    method = find(desk, desk.path_id, param="id")
    if method["customer"] is None:
        raise StripeError(
            "The payment method you provided is not attached to a customer so detachment is impossible.",
            code="payment_method_unexpected_state", param="payment_method",
        )  # fmt: skip
    previous = {"customer": method["customer"]}
    method["customer"], method["_used"] = None, True
    desk.store.save("payment_method", method)
    emit(desk, "payment_method.detached", method, previous)
    return method


def _list(desk: Desk, params: Obj) -> Obj:
    if "customer" not in params:
        return page_of(desk, "/v1/payment_methods", "payment_method", params, {"customer": "-"})
    return _of_customer(desk, params, params["customer"], "/v1/payment_methods")


def _of_customer(desk: Desk, params: Obj, customer: str, path: str) -> Obj:
    desk.given("customer", customer, "customer")
    filters = {"customer": customer} | ({"type": params["type"]} if "type" in params else {})
    return page_of(desk, path, "payment_method", params, filters)


def _customers(desk: Desk, params: Obj) -> Obj:
    return _of_customer(desk, params, desk.path_id, f"/v1/customers/{desk.path_id}/payment_methods")


_TYPE = one_of("card", "us_bank_account", "link", "sepa_debit")
ROUTES = [
    Route(
        "POST", "/v1/payment_methods", _create, "payment_method",
        {**EXPAND, **DATA, **not_imitated("customer", "payment_method")}, publishable=True,
    ),
    Route(
        "GET", "/v1/payment_methods", _list, "payment_method", {**PAGE, "customer": text(), "type": _TYPE}, lists=True
    ),
    Route("GET", "/v1/payment_methods/{id}", _retrieve, "payment_method", EXPAND),
    Route(
        "POST", "/v1/payment_methods/{id}", _update, "payment_method",
        {
            **EXPAND, "metadata": metadata, "billing_details": BILLING, "allow_redisplay": DATA["allow_redisplay"],
            "card": hash_of({"exp_month": integer(1, 12), "exp_year": integer()}),
        },
    ),
    Route(
        "POST", "/v1/payment_methods/{id}/attach", _attach, "payment_method", {**EXPAND, "customer": need(text())}
    ),
    Route("POST", "/v1/payment_methods/{id}/detach", _detach, "payment_method", EXPAND),
    Route(
        "GET", "/v1/customers/{id}/payment_methods", _customers, "payment_method", {**PAGE, "type": _TYPE}, lists=True
    ),
]  # fmt: skip
