"""docs.stripe.com/testing, docs.stripe.com/declines/codes"""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import stripe

from .conftest import StandIn, told


@pytest.mark.parametrize(
    ("card", "code", "decline_code", "message"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline", "Your card was declined."),
        ("pm_card_chargeDeclined", "card_declined", "generic_decline", "Your card was declined."),
        (
            "pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds",
            "Your card has insufficient funds.",
        ),
        (
            "pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds",
            "Your card has insufficient funds.",
        ),
        ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card", "Your card was declined."),
        ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card", "Your card was declined."),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card", "Your card has expired."),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect."),
        ("pm_card_chargeDeclinedFraudulent", "card_declined", "fraudulent", "Your card was declined."),
        ("pm_card_chargeCustomerFail", "card_declined", "generic_decline", "Your card was declined."),
    ],
)  # fmt: skip
def test_a_declined_card_leaves_a_failed_charge_and_an_open_intent(
    standin: StandIn, v1: Any, card: str, code: str, decline_code: str, message: str
) -> None:
    with pytest.raises(stripe.CardError) as refused:
        standin.given(card=card)
    error = told(refused)
    assert (refused.value.http_status, refused.value.code, error.decline_code) == (402, code, decline_code)
    assert refused.value.user_message == message
    assert error.doc_url == f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"
    intent = v1.payment_intents.retrieve(error.payment_intent.id)
    assert (intent.status, intent.payment_method) == ("requires_payment_method", None)
    assert (intent.last_payment_error.code, intent.last_payment_error.decline_code) == (code, decline_code)
    charge = v1.charges.retrieve(error.charge)
    assert (charge.status, charge.paid, charge.failure_code, charge.balance_transaction) == (
        "failed",
        False,
        code,
        None,
    )
    assert standin.happened() == ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]
    assert v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"}).status == "succeeded"


def test_a_card_nobody_documented_does_not_exist(standin: StandIn, v1: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="No such PaymentMethod: 'pm_card_nonsense'") as refused:
        standin.given(card="pm_card_nonsense")
    assert (refused.value.code, refused.value.http_status) == ("resource_missing", 400)
    assert v1.payment_intents.list().data == []
    assert standin.happened() == []


def ask(standin: StandIn, v1: Any, card: str = "pm_card_authenticationRequired", **more: Any) -> Any:
    return standin.given(card=card, return_url="https://demo.test/thanks?gift=1", **more)


def answer(asked: Any, result: str) -> httpx.Response:
    return httpx.post(asked.next_action.redirect_to_url.url, data={"result": result})


@pytest.mark.parametrize("card", ["pm_card_authenticationRequired", "pm_card_threeDSecureRequired"])
def test_a_bank_that_asks_is_answered_on_its_page(standin: StandIn, v1: Any, card: str) -> None:
    asked = ask(standin, v1, card)
    assert (asked.status, asked.next_action.type) == ("requires_action", "redirect_to_url")
    assert "Complete" in httpx.get(asked.next_action.redirect_to_url.url).text
    back = answer(asked, "complete")
    assert back.status_code == 303
    assert back.headers["location"] == (
        f"https://demo.test/thanks?gift=1&payment_intent={asked.id}&payment_intent_client_secret={asked.client_secret}"
        "&redirect_status=succeeded"
    )
    paid = v1.payment_intents.retrieve(asked.id)
    assert (paid.status, paid.next_action) == ("succeeded", None)
    assert standin.happened("payment_intent.") == [
        "payment_intent.created", "payment_intent.requires_action", "payment_intent.succeeded"
    ]  # fmt: skip
    assert answer(asked, "complete").status_code == 409
    assert len(v1.charges.list({"payment_intent": asked.id}).data) == 1


def test_a_failed_authentication_asks_for_another_method(standin: StandIn, v1: Any) -> None:
    asked = ask(standin, v1)
    assert "redirect_status=failed" in answer(asked, "fail").headers["location"]
    failed = v1.payment_intents.retrieve(asked.id)
    assert (failed.status, failed.last_payment_error.code) == (
        "requires_payment_method", "payment_intent_authentication_failure"
    )  # fmt: skip
    assert v1.charges.list({"payment_intent": asked.id}).data == []
    assert standin.happened()[-1] == "payment_intent.payment_failed"


def test_a_card_may_be_declined_after_authentication(standin: StandIn, v1: Any) -> None:
    asked = ask(standin, v1, "pm_card_threeDSecureRequiredChargeDeclined")
    answer(asked, "complete")
    failed = v1.payment_intents.retrieve(asked.id)
    assert (failed.status, failed.last_payment_error.decline_code) == ("requires_payment_method", "generic_decline")
    assert standin.happened("charge.") == ["charge.failed"]


def test_the_page_of_an_unknown_secret_is_nothing(standin: StandIn, v1: Any) -> None:
    asked = ask(standin, v1)
    page = asked.next_action.redirect_to_url.url.split("client_secret=")[0] + "client_secret=pi_guess"
    assert httpx.get(page).status_code == 404
    assert httpx.post(page, data={"result": "complete"}).status_code == 404
    assert v1.payment_intents.retrieve(asked.id).status == "requires_action"


def test_without_a_return_url_the_action_is_for_stripe_js(standin: StandIn) -> None:
    asked = standin.given(card="pm_card_authenticationRequired")
    assert (asked.status, asked.next_action.type) == ("requires_action", "use_stripe_sdk")
    assert httpx.post(asked.next_action.use_stripe_sdk["stripe_js"], data={"result": "complete"}).json() == {
        "id": asked.id, "status": "succeeded"
    }  # fmt: skip


def test_nobody_is_there_to_authenticate_off_session(standin: StandIn, v1: Any) -> None:
    customer = v1.customers.create({})
    method = v1.payment_methods.attach("pm_card_authenticationRequired", {"customer": customer.id})
    with pytest.raises(stripe.CardError) as refused:
        standin.given(card=method.id, customer=customer.id, off_session=True)
    assert (refused.value.code, told(refused).decline_code) == ("authentication_required",) * 2
    assert told(refused).payment_method.id == method.id


def test_a_card_that_was_set_up_is_charged_off_session(standin: StandIn, v1: Any) -> None:
    customer = v1.customers.create({})
    asked = ask(
        standin, v1, "pm_card_authenticationRequiredOnSetup", customer=customer.id, setup_future_usage="off_session"
    )
    answer(asked, "complete")
    (method,) = v1.payment_methods.list({"customer": customer.id}).data
    assert standin.happened("payment_method.") == ["payment_method.attached"]
    assert standin.given(card=method.id, customer=customer.id, off_session=True).status == "succeeded"


def test_an_integration_that_cannot_act_is_declined_at_once(standin: StandIn) -> None:
    with pytest.raises(stripe.CardError) as refused:
        standin.given(card="pm_card_authenticationRequired", error_on_requires_action=True)
    assert refused.value.code == "authentication_required"
