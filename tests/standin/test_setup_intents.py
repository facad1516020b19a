"""docs.stripe.com/api/setup_intents, docs.stripe.com/payments/setup-intents"""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from .conftest import StandIn, told

SAVED = {"confirm": True, "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}


def saved(v1: Any, card: str, **more: Any) -> Any:
    customer = more.pop("customer", None) or v1.customers.create({}).id
    return v1.setup_intents.create({**SAVED, "customer": customer, "payment_method": card, **more})


def test_a_card_is_saved_without_a_charge_and_charged_later(standin: StandIn, v1: Any) -> None:
    setup = saved(v1, "pm_card_visa")
    assert (setup.status, setup.usage) == ("succeeded", "off_session")
    assert v1.payment_methods.retrieve(setup.payment_method).customer == setup.customer
    assert v1.charges.list().data == []
    assert standin.given(card=setup.payment_method, customer=setup.customer, off_session=True).status == "succeeded"
    assert standin.happened("setup_intent.") == ["setup_intent.created", "setup_intent.succeeded"]


def test_a_card_that_the_bank_refuses_is_not_saved(standin: StandIn, v1: Any) -> None:
    with pytest.raises(stripe.CardError) as refused:
        saved(v1, "pm_card_chargeDeclined")
    setup = v1.setup_intents.list().data[0]
    assert (told(refused).code, setup.status) == ("card_declined", "requires_payment_method")
    assert setup.last_setup_error.decline_code == "generic_decline"
    assert v1.payment_methods.list({"customer": setup.customer}).data == []
    assert standin.happened("setup_intent.")[-1] == "setup_intent.setup_failed"


def test_a_card_that_asks_once_is_saved_after_the_answer_and_not_asked_again(standin: StandIn, v1: Any) -> None:
    setup = saved(v1, "pm_card_authenticationRequiredOnSetup", return_url="https://site.test/back")
    assert (setup.status, setup.next_action.type) == ("requires_action", "redirect_to_url")
    page = setup.next_action.redirect_to_url.url
    assert "save this card" in standin.http.get(page).text
    back = standin.http.post(page, data={"result": "complete"})
    assert back.status_code == 303
    assert f"setup_intent={setup.id}" in back.headers["location"]
    setup = v1.setup_intents.retrieve(setup.id)
    assert setup.status == "succeeded"
    assert standin.given(card=setup.payment_method, customer=setup.customer, off_session=True).status == "succeeded"


def test_a_failed_answer_asks_for_another_card(standin: StandIn, v1: Any) -> None:
    setup = saved(v1, "pm_card_authenticationRequired")
    standin.http.post(setup.next_action.use_stripe_sdk["stripe_js"], data={"result": "fail"})
    setup = v1.setup_intents.retrieve(setup.id)
    assert (setup.status, setup.payment_method) == ("requires_payment_method", None)
    assert setup.last_setup_error.code == "setup_intent_authentication_failure"
    assert v1.setup_intents.confirm(setup.id, {"payment_method": "pm_card_visa"}).status == "succeeded"


def test_what_is_done_cannot_be_done_again(v1: Any) -> None:
    setup = saved(v1, "pm_card_visa")
    for again in (lambda: v1.setup_intents.confirm(setup.id), lambda: v1.setup_intents.cancel(setup.id)):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            again()
        assert told(refused).code == "setup_intent_unexpected_state"
    left = v1.setup_intents.create({"customer": setup.customer})
    assert v1.setup_intents.cancel(left.id, {"cancellation_reason": "abandoned"}).status == "canceled"


def test_another_customers_card_is_refused(v1: Any) -> None:
    setup = saved(v1, "pm_card_visa")
    with pytest.raises(stripe.InvalidRequestError, match="belongs to the Customer"):
        saved(v1, setup.payment_method, customer=v1.customers.create({}).id)


def test_a_saved_cards_expiry_can_be_changed(standin: StandIn, v1: Any) -> None:
    method = saved(v1, "pm_card_visa").payment_method
    changed = v1.payment_methods.update(method, {"card": {"exp_month": 2, "exp_year": 2031}})
    assert (changed.card.exp_month, changed.card.exp_year, changed.card.last4) == (2, 2031, "4242")
    assert standin.happened("payment_method.updated") == ["payment_method.updated"]
