"""Setup intents: saving a card for later without charging it.

Sources: "SetupIntents" (docs.stripe.com/api/setup_intents), "The Setup Intents API"
(docs.stripe.com/payments/setup-intents), "Testing" (docs.stripe.com/testing).
"""

from __future__ import annotations

from urllib.parse import urlencode

from . import payment_methods
from .cards import CARDS, Decline
from .desk import Desk, Route, pages
from .errors import StripeError, invalid, missing_object
from .events import emit
from .params import EXPAND, array, boolean, clearable, hash_of, merged, metadata, need, not_imitated, one_of, text, url
from .shapes import Obj, new_id, public

_FAILED_AUTHENTICATION = (
    "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new PaymentMethod "
    "to attempt to fulfill this SetupIntent again."
)
_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
_CLIENT_SEES = (
    "id", "object", "automatic_payment_methods", "cancellation_reason", "client_secret", "created", "description",
    "last_setup_error", "livemode", "next_action", "payment_method", "payment_method_types", "status", "usage",
)  # fmt: skip


def _create(desk: Desk, params: Obj) -> Obj:
    if "return_url" in params and not params.get("confirm"):
        raise invalid(
            "You cannot provide `return_url` when creating a SetupIntent unless you also set `confirm` to true.",
            "return_url",
        )
    setup_id = new_id("seti")
    automatic = params.get("automatic_payment_methods")
    setup: Obj = {
        "id": setup_id,
        "object": "setup_intent",
        "application": None,
        "attach_to_self": False,
        "automatic_payment_methods": None
        if "payment_method_types" in params or (automatic and not automatic["enabled"])
        else {"allow_redirects": (automatic or {}).get("allow_redirects", "always"), "enabled": True},
        "cancellation_reason": None,
        "client_secret": f"{setup_id}_secret_{new_id('s', 25)[2:]}",
        "created": desk.now,
        "customer": desk.given("customer", params["customer"], "customer")["id"] if params.get("customer") else None,
        "description": params.get("description"),
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": False,
        "mandate": None,
        "metadata": merged({}, params.get("metadata", {})),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"mandate_options": None, "network": None,
                                            "request_three_d_secure": "automatic"}},
        "payment_method_types": params.get("payment_method_types", ["card"]),
        "single_use_mandate": None,
        "status": "requires_payment_method",
        "usage": params.get("usage", "off_session"),
    }  # fmt: skip
    desk.store.add("setup_intent", setup)
    emit(desk, "setup_intent.created", setup)
    _take_method(desk, setup, params)
    if params.get("confirm"):
        return _try(desk, setup, params)
    return desk.store.save("setup_intent", setup)


def _take_method(desk: Desk, setup: Obj, params: Obj) -> None:
    if not params.get("payment_method"):
        return
    method = payment_methods.find(desk, params["payment_method"])
    if method["customer"] not in (None, setup["customer"]):
        raise StripeError(
            f"The provided PaymentMethod cannot be used: it belongs to the Customer {method['customer']}. Please "
            "include the Customer in the `customer` parameter on the SetupIntent.", param="payment_method",
        )  # fmt: skip
    if method["customer"] is None and method.get("_used"):
        raise StripeError(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared "
            "with a connected account without Customer attachment, or was detached from a Customer. It may not be "
            "used again. To use a PaymentMethod multiple times, you must attach it to a Customer first."
        )
    setup["payment_method"], setup["status"] = method["id"], "requires_confirmation"


def _try(desk: Desk, setup: Obj, params: Obj) -> Obj:
    """Check the card with its bank, ask its holder where the bank wants that, and save it to the customer."""
    method = desk.store.find("payment_method", setup["payment_method"] or "")
    if method is None:
        raise _unexpected("You cannot confirm this SetupIntent because it's missing a payment method.", setup)
    redirects = (setup["automatic_payment_methods"] or {}).get("allow_redirects") == "always"
    if desk.settings.redirect_methods and redirects and not desk.publishable and "return_url" not in params:
        raise StripeError(
            "This SetupIntent is configured to accept payment methods enabled in your Dashboard. Because some of these "
            "payment methods might redirect your customer off of your page, you must provide a `return_url`."
        )
    setup["last_setup_error"], setup["next_action"] = None, None
    card = CARDS[method["_card"]] if method["_card"] else None
    if card is not None and card.asks in ("always", "unless_set_up"):
        return _ask(desk, setup, params)
    return _save(desk, setup, method)


def _ask(desk: Desk, setup: Obj, params: Obj) -> Obj:
    page = f"{desk.base_url}/authenticate/{setup['id']}?{urlencode({'client_secret': setup['client_secret']})}"
    setup["status"], setup["_return_url"] = "requires_action", params.get("return_url")
    if params.get("return_url"):
        redirect = {"return_url": params["return_url"], "url": page}
        setup["next_action"] = {"type": "redirect_to_url", "redirect_to_url": redirect}
    else:
        sdk = {"type": "three_d_secure_redirect", "stripe_js": page, "source": new_id("src")}
        setup["next_action"] = {"type": "use_stripe_sdk", "use_stripe_sdk": sdk}
    desk.store.save("setup_intent", setup)
    emit(desk, "setup_intent.requires_action", setup)
    return setup


def authenticated(desk: Desk, setup: Obj, *, passed: bool) -> Obj:
    """The cardholder has answered the bank's question."""
    method = desk.store.find("payment_method", setup["payment_method"] or "")
    if setup["status"] != "requires_action" or method is None:
        raise _unexpected(f"This SetupIntent has a status of {setup['status']}.", setup)
    setup["next_action"] = None
    if passed:
        return _save(desk, setup, method)
    error: Obj = {
        "code": "setup_intent_authentication_failure",
        "doc_url": "https://stripe.com/docs/error-codes/setup-intent-authentication-failure",
        "message": _FAILED_AUTHENTICATION,
        "payment_method": public(method),
        "type": "invalid_request_error",
    }
    return _failed(desk, setup, error)


def _save(desk: Desk, setup: Obj, method: Obj) -> Obj:
    card = CARDS[method["_card"]] if method["_card"] else None
    # The card that "can be saved, then declines" passes its check; so do those whose decline comes with the charge.
    if card is not None and card.decline is not None and not card.asks and method["_card"] != "chargeCustomerFail":
        raise _declined(desk, setup, method, card.decline)
    method["_set_up"] = True
    desk.store.save("payment_method", method)
    customer = desk.store.find("customer", setup["customer"] or "")
    if customer is not None:
        payment_methods.attach(desk, method, customer)
    setup["status"], setup["latest_attempt"] = "succeeded", new_id("setatt")
    desk.store.save("setup_intent", setup)
    emit(desk, "setup_intent.succeeded", setup)
    return setup


def _declined(desk: Desk, setup: Obj, method: Obj, decline: Decline) -> StripeError:
    error: Obj = {
        "code": decline.code,
        "decline_code": decline.decline_code,
        "doc_url": f"https://stripe.com/docs/error-codes/{decline.code.replace('_', '-')}",
        "message": decline.message,
        "payment_method": public(method),
        "type": "card_error",
    }
    _failed(desk, setup, error)
    facts = {"decline_code": decline.decline_code, "payment_method": public(method), "setup_intent": public(setup)}
    return StripeError(
        decline.message, kind="card_error", status=402, code=decline.code, keeps_work=True, facts=facts
    )  # fmt: skip


def _failed(desk: Desk, setup: Obj, error: Obj) -> Obj:
    setup["status"], setup["payment_method"], setup["last_setup_error"] = "requires_payment_method", None, error
    setup["latest_attempt"] = new_id("setatt")
    desk.store.save("setup_intent", setup)
    emit(desk, "setup_intent.setup_failed", setup)
    return setup


def _unexpected(message: str, setup: Obj) -> StripeError:
    return StripeError(message, code="setup_intent_unexpected_state", facts={"setup_intent": public(setup)})


def _setup(desk: Desk, params: Obj) -> Obj:
    """The setup intent of the address; a publishable key must bring its client secret."""
    setup = desk.store.find("setup_intent", desk.path_id)
    secret = params.get("client_secret")
    if setup is None:
        raise missing_object("setupintent", desk.path_id, param="intent")
    if desk.publishable and secret is None:
        raise invalid("Missing required param: client_secret.", "client_secret", "parameter_missing")
    if secret is not None and secret != setup["client_secret"]:
        raise StripeError(
            "The client_secret provided does not match the client_secret associated with the SetupIntent.",
            param="client_secret",
        )
    return setup


def _seen_by(desk: Desk, setup: Obj) -> Obj:
    return {name: setup[name] for name in _CLIENT_SEES} if desk.publishable else setup


def _retrieve(desk: Desk, params: Obj) -> Obj:
    return _seen_by(desk, _setup(desk, params))


def _confirm(desk: Desk, params: Obj) -> Obj:
    setup = _setup(desk, params)
    if setup["status"] not in _OPEN:
        raise _unexpected(
            f"You cannot confirm this SetupIntent because it has a status of {setup['status']}. Only a SetupIntent with "
            f"one of the following statuses may be confirmed: {', '.join(_OPEN)}.", setup,
        )  # fmt: skip
    _take_method(desk, setup, params)
    return _seen_by(desk, _try(desk, setup, params))


def _cancel(desk: Desk, params: Obj) -> Obj:
    setup = desk.asked_for("setup_intent", "setupintent", "intent")
    if setup["status"] not in _OPEN:
        raise _unexpected(
            f"You cannot cancel this SetupIntent because it has a status of {setup['status']}. Only a SetupIntent with "
            f"one of the following statuses may be canceled: {', '.join(_OPEN)}.", setup,
        )  # fmt: skip
    setup["status"], setup["next_action"] = "canceled", None
    setup["cancellation_reason"] = params.get("cancellation_reason")
    desk.store.save("setup_intent", setup)
    emit(desk, "setup_intent.canceled", setup)
    return setup


_SECRET = {"client_secret": text()}
_BEYOND = not_imitated("confirmation_token", "mandate_data", "payment_method_data", "payment_method_options")
_CONFIRMING = {**EXPAND, "payment_method": text(), "return_url": url, "use_stripe_sdk": boolean, **_BEYOND}
ROUTES = [
    Route(
        "POST", "/v1/setup_intents", _create, "setup_intent",
        {
            **_CONFIRMING,
            "automatic_payment_methods": hash_of(
                {"enabled": need(boolean), "allow_redirects": one_of("always", "never")}
            ),
            "confirm": boolean,
            "customer": text(),
            "description": clearable(text(1000)),
            "metadata": metadata,
            "payment_method_types": array(one_of("card")),
            "usage": one_of("off_session", "on_session"),
            **not_imitated("attach_to_self", "flow_directions", "on_behalf_of", "single_use"),
        },
    ),
    pages("/v1/setup_intents", "setup_intent", {"customer": text(), "payment_method": text()}),
    Route("GET", "/v1/setup_intents/{id}", _retrieve, "setup_intent", {**EXPAND, **_SECRET}, publishable=True),
    Route(
        "POST", "/v1/setup_intents/{id}/confirm", _confirm, "setup_intent", {**_CONFIRMING, **_SECRET},
        publishable=True,
    ),
    Route(
        "POST", "/v1/setup_intents/{id}/cancel", _cancel, "setup_intent",
        {**EXPAND, "cancellation_reason": one_of("abandoned", "duplicate", "requested_by_customer")},
    ),
]  # fmt: skip
