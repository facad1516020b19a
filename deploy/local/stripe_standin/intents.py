"""Payment intents: what may be asked of one. How a try is worked is in `attempts`.

Sources: "PaymentIntents" (docs.stripe.com/api/payment_intents), "How PaymentIntents work"
(docs.stripe.com/payments/paymentintents/lifecycle), "Publishable keys" (docs.stripe.com/keys).
"""

from __future__ import annotations

from . import amounts, attempts, payment_methods
from .desk import Desk, Route, pages
from .errors import StripeError, invalid, missing_object, unexpected_state
from .events import emit
from .params import (
    EXPAND,
    SHIPPING,
    array,
    boolean,
    clearable,
    email,
    hash_of,
    integer,
    merged,
    metadata,
    need,
    not_imitated,
    off_session,
    one_of,
    text,
    url,
)
from .shapes import Obj, new_id

_CAPTURE = one_of("automatic", "automatic_async", "manual")
_FUTURE = clearable(one_of("off_session", "on_session"))
_OPTIONS = hash_of(
    {"card": hash_of({"request_three_d_secure": one_of("any", "automatic", "challenge"), "capture_method": text()})}
)
_SHARED = {
    **EXPAND,
    "payment_method": text(),
    "payment_method_data": hash_of(payment_methods.DATA),
    "payment_method_options": _OPTIONS,
    "payment_method_types": array(one_of("card", "link", "us_bank_account")),
    "receipt_email": clearable(email),
    "setup_future_usage": _FUTURE,
    "shipping": clearable(SHIPPING),
    "capture_method": _CAPTURE,
}
_DETAILS = {
    "amount": integer(1),
    "currency": text(),
    "customer": text(),
    "description": clearable(text(1000)),
    "metadata": metadata,
    "statement_descriptor": clearable(text(22)),
    "statement_descriptor_suffix": clearable(text(22)),
}
_CONFIRMING = {
    "return_url": url,
    "off_session": off_session,
    "error_on_requires_action": boolean,
    "use_stripe_sdk": boolean,
}
_BEYOND = (
    "amount_details", "application_fee_amount", "customer_account", "excluded_payment_method_types", "hooks",
    "payment_details", "payment_method_configuration", "transfer_data", "transfer_group",
)  # fmt: skip
_BEYOND_CONFIRMING = ("confirmation_token", "mandate", "mandate_data", "radar_options")

# What a publishable key and the client secret may see.
_CLIENT_SEES = (
    "id", "object", "amount", "amount_details", "automatic_payment_methods", "canceled_at", "cancellation_reason",
    "capture_method", "client_secret", "confirmation_method", "created", "currency", "description",
    "last_payment_error", "livemode", "next_action", "payment_method", "payment_method_configuration_details",
    "payment_method_types", "processing", "receipt_email", "setup_future_usage", "shipping", "source", "status",
)  # fmt: skip


def _create(desk: Desk, params: Obj) -> Obj:
    currency = amounts.known(params["currency"])
    amounts.check(params["amount"], currency)
    confirming = [name for name in ("return_url", "off_session", "error_on_requires_action") if name in params]
    if confirming and not params.get("confirm"):
        raise invalid(
            f"You cannot provide `{confirming[0]}` when creating a PaymentIntent unless you also set `confirm` "
            "to true.",
            confirming[0],
        )
    customer = desk.given("customer", params["customer"], "customer")["id"] if params.get("customer") else None
    automatic = params.get("automatic_payment_methods")
    if automatic and automatic["enabled"] and "payment_method_types" in params:
        raise invalid(
            "You may only specify one of these parameters: automatic_payment_methods, payment_method_types.",
            "automatic_payment_methods", "parameters_exclusive",
        )  # fmt: skip
    types = params.get("payment_method_types")
    intent_id = new_id("pi")
    intent: Obj = {
        "id": intent_id,
        "object": "payment_intent",
        "amount": params["amount"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None
        if types or (automatic and not automatic["enabled"])
        else {"allow_redirects": (automatic or {}).get("allow_redirects", "always"), "enabled": True},
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": params.get("capture_method", "automatic_async"),
        "client_secret": f"{intent_id}_secret_{new_id('s', 25)[2:]}",
        "confirmation_method": params.get("confirmation_method", "automatic"),
        "created": desk.now,
        "currency": currency,
        "customer": customer,
        "customer_account": None,
        "description": params.get("description"),
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": merged({}, params.get("metadata", {})),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": params.get("payment_method_options")
        or {"card": {"installments": None, "mandate_options": None, "network": None,
                     "request_three_d_secure": "automatic"}},
        "payment_method_types": types or (["card", "us_bank_account"] if currency == "usd" else ["card"]),
        "presentment_details": None,
        "processing": None,
        "receipt_email": params.get("receipt_email"),
        "review": None,
        "setup_future_usage": params.get("setup_future_usage"),
        "shipping": params.get("shipping"),
        "source": None,
        "statement_descriptor": params.get("statement_descriptor"),
        "statement_descriptor_suffix": params.get("statement_descriptor_suffix"),
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }  # fmt: skip
    desk.store.add("payment_intent", intent)
    emit(desk, "payment_intent.created", intent)
    _take_method(desk, intent, params)
    if params.get("confirm"):
        return attempts.confirm(desk, intent, params)
    return desk.store.save("payment_intent", intent)


def _take_method(desk: Desk, intent: Obj, params: Obj) -> None:
    """Put the given payment method on the intent."""
    if params.get("payment_method") and params.get("payment_method_data"):
        raise invalid(
            "You may only specify one of these parameters: payment_method, payment_method_data.", "payment_method",
            "parameters_exclusive",
        )  # fmt: skip
    if params.get("payment_method"):
        method = payment_methods.find(desk, params["payment_method"])
    elif params.get("payment_method_data"):
        method = payment_methods.from_data(desk, params["payment_method_data"])
    else:
        return
    if method["customer"] is not None and method["customer"] != intent["customer"]:
        raise StripeError(
            f"The provided PaymentMethod cannot be used: it belongs to the Customer {method['customer']}. Please "
            "include the Customer in the `customer` parameter on the PaymentIntent.", param="payment_method",
        )  # fmt: skip
    if method["customer"] is None and method.get("_used"):
        raise StripeError(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared "
            "with a connected account without Customer attachment, or was detached from a Customer. It may not be "
            "used again. To use a PaymentMethod multiple times, you must attach it to a Customer first."
        )
    if method["type"] not in intent["payment_method_types"]:
        allowed = ", ".join(intent["payment_method_types"])
        raise StripeError(
            f"The PaymentMethod provided ({method['type']}) is not allowed for this PaymentIntent. Please attach a "
            f"PaymentMethod of one of the following types: {allowed}. Alternatively update the allowed "
            f'payment_method_types for this PaymentIntent to include "{method["type"]}".'
        )
    intent["payment_method"] = method["id"]
    if intent["status"] in ("requires_payment_method", "requires_action"):
        intent["status"], intent["next_action"] = "requires_confirmation", None


def _intent(desk: Desk, params: Obj) -> Obj:
    """The intent of the address; a publishable key must bring its client secret."""
    intent = desk.store.find("payment_intent", desk.path_id)
    secret = params.get("client_secret")
    if intent is None:
        raise missing_object("payment_intent", desk.path_id, param="intent")
    if desk.publishable and secret is None:
        raise invalid("Missing required param: client_secret.", "client_secret", "parameter_missing")
    if secret is not None and secret != intent["client_secret"]:
        raise StripeError(
            "The client_secret provided does not match the client_secret associated with the PaymentIntent.",
            param="client_secret",
        )
    return intent


def seen_by(desk: Desk, intent: Obj) -> Obj:
    """The intent as the caller's key may see it."""
    return {name: intent[name] for name in _CLIENT_SEES if name in intent} if desk.publishable else intent


def _retrieve(desk: Desk, params: Obj) -> Obj:
    return seen_by(desk, _intent(desk, params))


def _update(desk: Desk, params: Obj) -> Obj:
    intent = _intent(desk, params)
    open_to = ("requires_payment_method", "requires_confirmation", "requires_action")
    if intent["status"] not in open_to:
        for name in params:
            if name not in ("metadata", "description", "receipt_email"):
                raise unexpected_state(
                    f"This PaymentIntent's {name} could not be updated because it has a status of {intent['status']}. "
                    f"You may only update the {name} of a PaymentIntent with one of the following statuses: "
                    f"{', '.join(open_to)}.", intent,
                )  # fmt: skip
    currency = amounts.known(params["currency"]) if "currency" in params else intent["currency"]
    if "amount" in params or "currency" in params:
        amount: int = params["amount"] if "amount" in params else intent["amount"]
        amounts.check(amount, currency)
    intent["currency"] = currency
    if "customer" in params:
        if intent["customer"] not in (None, params["customer"]):
            raise StripeError("You cannot modify `customer` on a PaymentIntent once it already has been set.",
                                param="customer")  # fmt: skip
        intent["customer"] = desk.given("customer", params["customer"], "customer")["id"]
    for name in (
        "amount", "description", "receipt_email", "setup_future_usage", "shipping", "statement_descriptor",
        "statement_descriptor_suffix", "payment_method_types", "payment_method_options", "capture_method",
    ):  # fmt: skip
        if name in params:
            intent[name] = params[name]
    if "metadata" in params:
        intent["metadata"] = merged(intent["metadata"], params["metadata"])
    _take_method(desk, intent, params)
    return desk.store.save("payment_intent", intent)


def _confirm(desk: Desk, params: Obj) -> Obj:
    intent = _intent(desk, params)
    attempts.may_confirm(intent)
    for name in ("receipt_email", "setup_future_usage", "shipping", "capture_method", "payment_method_options"):
        if name in params:
            intent[name] = params[name]
    _take_method(desk, intent, params)
    return seen_by(desk, attempts.confirm(desk, intent, params))


def _capture(desk: Desk, params: Obj) -> Obj:
    intent = desk.asked_for("payment_intent", param="intent")
    if intent["status"] != "requires_capture":
        raise unexpected_state(
            f"This PaymentIntent could not be captured because it has a status of {intent['status']}. Only a "
            "PaymentIntent with one of the following statuses may be captured: requires_capture.", intent,
        )  # fmt: skip
    amount: int = params["amount_to_capture"] if "amount_to_capture" in params else intent["amount_capturable"]
    if amount > intent["amount_capturable"]:
        raise StripeError(
            f"The provided amount_to_capture ({amount}) must be less than or equal to the capturable amount on the "
            f"PaymentIntent ({intent['amount_capturable']}).", code="amount_too_large", param="amount_to_capture",
        )  # fmt: skip
    amounts.check(amount, intent["currency"], "amount_to_capture")
    if "metadata" in params:
        intent["metadata"] = merged(intent["metadata"], params["metadata"])
    for name in ("statement_descriptor", "statement_descriptor_suffix"):
        if name in params:
            intent[name] = params[name]
    return attempts.capture(desk, intent, amount)


def _cancel(desk: Desk, params: Obj) -> Obj:
    intent = desk.asked_for("payment_intent", param="intent")
    open_to = (
        "requires_payment_method", "requires_capture", "requires_confirmation", "requires_action", "processing",
    )  # fmt: skip
    if intent["status"] not in open_to:
        raise unexpected_state(
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. Only a PaymentIntent "
            f"with one of the following statuses may be canceled: {', '.join(open_to)}.", intent,
        )  # fmt: skip
    if intent["status"] == "requires_capture":
        charge = desk.store.find("charge", intent["latest_charge"])
        if charge is not None:
            charge["amount_refunded"], charge["refunded"] = charge["amount"], True
            desk.store.save("charge", charge)
            emit(desk, "charge.refunded", charge, {"amount_refunded": 0, "refunded": False})
    intent["status"], intent["amount_capturable"] = "canceled", 0
    intent["canceled_at"], intent["next_action"] = desk.now, None
    intent["cancellation_reason"] = params.get("cancellation_reason")
    desk.store.save("payment_intent", intent)
    emit(desk, "payment_intent.canceled", intent)
    return intent


_SECRET = {"client_secret": text()}
ROUTES = [
    Route(
        "POST", "/v1/payment_intents", _create, "payment_intent",
        {
            **_SHARED, **_DETAILS, **_CONFIRMING,
            "amount": need(integer(1)),
            "currency": need(text()),
            "confirm": boolean,
            "confirmation_method": one_of("automatic", "manual"),
            "automatic_payment_methods": hash_of(
                {"enabled": need(boolean), "allow_redirects": one_of("always", "never")}
            ),
            **not_imitated(*_BEYOND, *_BEYOND_CONFIRMING, "on_behalf_of"),
        },
    ),
    pages("/v1/payment_intents", "payment_intent", {"customer": text()}),
    Route("GET", "/v1/payment_intents/{id}", _retrieve, "payment_intent", {**EXPAND, **_SECRET}, publishable=True),
    Route(
        "POST", "/v1/payment_intents/{id}", _update, "payment_intent",
        {**_SHARED, **_DETAILS, **not_imitated(*_BEYOND)},
    ),
    Route(
        "POST", "/v1/payment_intents/{id}/confirm", _confirm, "payment_intent",
        {**_SHARED, **_CONFIRMING, **_SECRET, **not_imitated(*_BEYOND, *_BEYOND_CONFIRMING)}, publishable=True,
    ),
    Route(
        "POST", "/v1/payment_intents/{id}/capture", _capture, "payment_intent",
        {
            **EXPAND, "amount_to_capture": integer(1), "metadata": metadata,
            "statement_descriptor": clearable(text(22)), "statement_descriptor_suffix": clearable(text(22)),
            **not_imitated("amount_details", "application_fee_amount", "final_capture", "hooks", "payment_details",
                           "transfer_data"),
        },
    ),
    Route(
        "POST", "/v1/payment_intents/{id}/cancel", _cancel, "payment_intent",
        {
            **EXPAND,
            "cancellation_reason": one_of("abandoned", "duplicate", "fraudulent", "requested_by_customer"),
        },
    ),
]  # fmt: skip
