"""Working one try of an intent: authentication, decline, success, capture.

Sources: "How PaymentIntents work" (docs.stripe.com/payments/paymentintents/lifecycle), "Testing"
(docs.stripe.com/testing), "Place a hold" (docs.stripe.com/payments/place-a-hold-on-a-payment-method), "Finalize
payments on the server" (return_url).
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from . import charges, disputes, payment_methods
from .cards import CARDS, DEBITS, UNAUTHENTICATED, Decline
from .errors import StripeError, unexpected_state
from .events import emit
from .shapes import Obj, new_id, public

if TYPE_CHECKING:
    from .desk import Desk

_FAILED_AUTHENTICATION = (
    "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new PaymentMethod "
    "to attempt to fulfill this PaymentIntent again."
)


def may_confirm(intent: Obj) -> None:
    """Refuse an intent whose status forbids confirming."""
    if intent["status"] == "succeeded":
        raise unexpected_state(
            "You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed.",
            intent,
        )
    if intent["status"] in ("canceled", "processing", "requires_capture"):
        raise unexpected_state(
            f"You cannot confirm this PaymentIntent because it has a status of {intent['status']}. Only a "
            "PaymentIntent with one of the following statuses may be confirmed: requires_confirmation, "
            "requires_action, requires_payment_method.", intent,
        )  # fmt: skip


def confirm(desk: Desk, intent: Obj, params: Obj) -> Obj:
    """Try to take the money. Raises the card error of a declined card, and what the try left behind stays."""
    may_confirm(intent)
    method = desk.store.find("payment_method", intent["payment_method"] or "")
    if method is None:
        raise unexpected_state(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the "
            "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a "
            "payment method or ConfirmationToken.", intent,
        )  # fmt: skip
    redirects = (intent["automatic_payment_methods"] or {}).get("allow_redirects") == "always"
    if desk.settings.redirect_methods and redirects and not desk.publishable and "return_url" not in params:
        raise StripeError(
            "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of "
            "these payment methods might redirect your customer off of your page, you must provide a `return_url`. If "
            "you don't want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to `true` "
            "and `automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and "
            "Payment Intents."
        )
    intent["last_payment_error"], intent["next_action"] = None, None
    if method["_debit"]:
        return _debit(desk, intent, method)
    card = CARDS[method["_card"]]
    away = bool(params.get("off_session"))
    exempt = away and (card.asks == "never_off_session" or (card.asks == "unless_set_up" and method.get("_set_up")))
    forced = (intent["payment_method_options"].get("card") or {}).get("request_three_d_secure") in ("any", "challenge")
    if (card.asks and not exempt) or (forced and not away):
        if away or params.get("error_on_requires_action"):
            raise _declined(desk, intent, method, UNAUTHENTICATED)
        return _ask(desk, intent, params)
    return _charge(desk, intent, method)


def _ask(desk: Desk, intent: Obj, params: Obj) -> Obj:
    query = urlencode({"client_secret": intent["client_secret"]})
    page = f"{desk.base_url}/authenticate/{intent['id']}?{query}"
    intent["status"] = "requires_action"
    intent["_return_url"] = params.get("return_url")
    if params.get("return_url"):
        redirect = {"return_url": params["return_url"], "url": page}
        intent["next_action"] = {"type": "redirect_to_url", "redirect_to_url": redirect}
    else:
        sdk = {"type": "three_d_secure_redirect", "stripe_js": page, "source": new_id("src")}
        intent["next_action"] = {"type": "use_stripe_sdk", "use_stripe_sdk": sdk}
    desk.store.save("payment_intent", intent)
    emit(desk, "payment_intent.requires_action", intent)
    return intent


def authenticated(desk: Desk, intent: Obj, *, passed: bool) -> Obj:
    """The cardholder has answered the bank's question. The intent goes on, or asks for another method."""
    method = desk.store.find("payment_method", intent["payment_method"] or "")
    if intent["status"] != "requires_action" or method is None:
        raise unexpected_state(f"This PaymentIntent has a status of {intent['status']}.", intent)
    intent["next_action"] = None
    if passed:
        return _charge(desk, intent, method)
    error: Obj = {
        "code": "payment_intent_authentication_failure",
        "doc_url": "https://stripe.com/docs/error-codes/payment-intent-authentication-failure",
        "message": _FAILED_AUTHENTICATION,
        "payment_method": public(method),
        "type": "invalid_request_error",
    }
    intent["status"], intent["payment_method"], intent["last_payment_error"] = "requires_payment_method", None, error
    desk.store.save("payment_intent", intent)
    emit(desk, "payment_intent.payment_failed", intent)
    return intent


def _charge(desk: Desk, intent: Obj, method: Obj) -> Obj:
    card = CARDS[method["_card"]]
    if card.decline is not None:
        raise _declined(desk, intent, method, card.decline)
    manual = intent["capture_method"] == "manual"
    charge = charges.of_intent(desk, intent, method, status="succeeded", captured=not manual, decline=None)
    intent["latest_charge"] = charge["id"]
    _keep_method(desk, intent, method)
    if manual:
        intent["status"], intent["amount_capturable"] = "requires_capture", intent["amount"]
        desk.store.save("payment_intent", intent)
        emit(desk, "charge.succeeded", charge)
        emit(desk, "payment_intent.amount_capturable_updated", intent)
        return intent
    _succeed(desk, intent, charge, "charge.succeeded")
    if card.dispute:
        disputes.open_dispute(desk, charge, reason=card.dispute, inquiry=card.inquiry)
    return intent


def capture(desk: Desk, intent: Obj, amount: int) -> Obj:
    """Take `amount` of what was authorised; the rest is released."""
    charge = desk.store.find("charge", intent["latest_charge"])
    if charge is None:
        raise unexpected_state("This PaymentIntent has no charge to capture.", intent)
    charge["captured"], charge["amount_captured"] = True, amount
    if amount < charge["amount"]:
        charge["payment_method_details"]["card"]["capture_before"] = None
    desk.store.save("charge", charge)
    _succeed(desk, intent, charge, "charge.captured")
    card = CARDS[charge["_card"]]
    if card.dispute:
        disputes.open_dispute(desk, charge, reason=card.dispute, inquiry=card.inquiry, amount=amount)
    return intent


def _succeed(desk: Desk, intent: Obj, charge: Obj, told: str) -> None:
    """Asynchronous capture tells of the success first and of the balance transaction afterwards."""
    asynchronous = intent["capture_method"] == "automatic_async"
    if not asynchronous:
        charges.book(desk, charge, told=False)
    intent["status"], intent["amount_capturable"] = "succeeded", 0
    intent["amount_received"] = charge["amount_captured"]
    intent["processing"] = None
    desk.store.save("payment_intent", intent)
    emit(desk, told, charge)
    emit(desk, "payment_intent.succeeded", intent)
    if asynchronous:
        wait = desk.settings.balance_books_after
        if wait == 0:
            charges.book(desk, charge, told=True)
        elif wait is not None:
            desk.later(wait, "book_charge", charge["id"])


def _keep_method(desk: Desk, intent: Obj, method: Obj) -> None:
    """A method used for later payments is saved to the customer; one used without a customer may not be used again."""
    method["_used"] = True
    method["_set_up"] = bool(method.get("_set_up") or intent["setup_future_usage"])
    desk.store.save("payment_method", method)
    customer = desk.store.find("customer", intent["customer"] or "")
    if customer is not None and intent["setup_future_usage"] and method["customer"] is None:
        payment_methods.attach(desk, desk.store.save("payment_method", {**method, "_used": False}), customer)


def _declined(desk: Desk, intent: Obj, method: Obj, decline: Decline) -> StripeError:
    """Write down the failed try and return the card error."""
    charge = charges.of_intent(desk, intent, method, status="failed", captured=False, decline=decline)
    shown_method = public(method)
    error: Obj = {"charge": charge["id"], "code": decline.code}
    if decline.decline_code:
        error["decline_code"] = decline.decline_code
    if decline.advice:
        error["advice_code"] = decline.advice
    if not decline.blocked:
        error["network_decline_code"] = "01"
    error["doc_url"] = f"https://stripe.com/docs/error-codes/{decline.code.replace('_', '-')}"
    error["message"] = decline.message
    if decline.code in ("expired_card", "incorrect_cvc"):
        error["param"] = "exp_month" if decline.code == "expired_card" else "cvc"
    error["payment_method"] = shown_method
    intent["last_payment_error"] = {**error, "type": "card_error"}
    intent["latest_charge"], intent["status"] = charge["id"], "requires_payment_method"
    intent["payment_method"], intent["next_action"] = None, None
    desk.store.save("payment_intent", intent)
    emit(desk, "charge.failed", charge)
    emit(desk, "payment_intent.payment_failed", intent)
    facts = {name: value for name, value in error.items() if name not in ("code", "message", "param", "doc_url")}
    facts["payment_intent"] = public(intent)
    if desk.publishable:
        facts["payment_intent"] = {
            k: v for k, v in facts["payment_intent"].items() if k not in ("metadata", "customer")
        }
    return StripeError(
        decline.message, kind="card_error", status=402, code=decline.code, param=error.get("param"), keeps_work=True,
        facts=facts,
    )  # fmt: skip


def _debit(desk: Desk, intent: Obj, method: Obj) -> Obj:
    """A bank debit is pending for days at Stripe, for `debit_settles_after` here."""
    charge = charges.of_intent(desk, intent, method, status="pending", captured=True, decline=None)
    intent["latest_charge"], intent["status"] = charge["id"], "processing"
    _keep_method(desk, intent, method)
    desk.store.save("payment_intent", intent)
    emit(desk, "charge.pending", charge)
    emit(desk, "payment_intent.processing", intent)
    if desk.settings.debit_settles_after is not None:
        desk.later(desk.settings.debit_settles_after, "settle_debit", intent["id"])
    return intent


def settle_debit(desk: Desk, intent_id: str) -> None:
    """The timer behind bank debits: the bank has paid or refused."""
    intent = desk.store.find("payment_intent", intent_id)
    if intent is None or intent["status"] != "processing":
        return
    charge = desk.store.find("charge", intent["latest_charge"])
    method = desk.store.find("payment_method", intent["payment_method"] or "")
    if charge is None or method is None:
        return
    failure = DEBITS[method["_debit"]]
    if failure is None:
        charge["status"], charge["paid"] = "succeeded", True
        desk.store.save("charge", charge)
        _succeed(desk, intent, charge, "charge.succeeded")
        return
    charge["status"], charge["failure_code"], charge["captured"] = "failed", failure, False
    charge["failure_message"], charge["amount_captured"] = "The customer's bank refused the debit.", 0
    desk.store.save("charge", charge)
    intent["status"], intent["payment_method"] = "requires_payment_method", None
    intent["last_payment_error"] = {
        "charge": charge["id"], "code": failure, "message": charge["failure_message"], "type": "invalid_request_error",
        "payment_method": public(method),
    }  # fmt: skip
    desk.store.save("payment_intent", intent)
    emit(desk, "charge.failed", charge)
    emit(desk, "payment_intent.payment_failed", intent)
