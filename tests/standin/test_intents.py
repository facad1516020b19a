"""docs.stripe.com/api/payment_intents, docs.stripe.com/payments/paymentintents/lifecycle"""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from .conftest import StandIn, told, until


def test_an_intent_waits_for_a_payment_method_and_keeps_what_it_was_told(v1: Any) -> None:
    made = v1.payment_intents.create(
        {
            "amount": 2500,
            "currency": "GBP",
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "description": "Roof of St Mary",
            "metadata": {"payment": "p1", "0": "zero"},
            "receipt_email": "donor@demo.test",
            "statement_descriptor_suffix": "ROOF",
        }
    )
    found = v1.payment_intents.retrieve(made.id)
    assert (found.status, found.amount, found.currency, found.livemode) == (
        "requires_payment_method",
        2500,
        "gbp",
        False,
    )
    assert found.client_secret.startswith(f"{made.id}_secret_")
    assert dict(found.metadata) == {"payment": "p1", "0": "zero"}
    assert (found.receipt_email, found.description) == ("donor@demo.test", "Roof of St Mary")
    assert dict(found.automatic_payment_methods) == {"enabled": True, "allow_redirects": "never"}
    assert found.capture_method == "automatic_async"


def test_a_confirmed_visa_succeeds_with_a_charge_and_a_fee(standin: StandIn, v1: Any) -> None:
    made = v1.payment_intents.create({"amount": 5000, "currency": "usd", "description": "Well"})
    paid = v1.payment_intents.confirm(
        made.id, {"payment_method": "pm_card_visa", "expand": ["latest_charge.balance_transaction"]}
    )
    charge = paid.latest_charge
    assert (paid.status, paid.amount_received) == ("succeeded", 5000)
    assert (charge.status, charge.paid, charge.captured, charge.payment_intent) == ("succeeded", True, True, made.id)
    assert (charge.description, charge.payment_method_details.card.brand) == ("Well", "visa")
    booked = charge.balance_transaction
    assert (booked.amount, booked.fee, booked.net, booked.type) == (5000, 175, 4825, "charge")
    assert standin.happened() == [
        "payment_intent.created", "charge.succeeded", "payment_intent.succeeded", "charge.updated"
    ]  # fmt: skip


def test_asynchronous_capture_tells_of_success_before_the_balance_transaction_exists(standin: StandIn, v1: Any) -> None:
    standin.control("settings", {"balance_books_after": 0.05})
    paid = standin.given()
    assert paid.status == "succeeded"
    assert paid.latest_charge.balance_transaction is None
    (told,) = v1.events.list({"type": "charge.succeeded"}).data
    assert told.data.object["balance_transaction"] is None

    until(lambda: v1.charges.retrieve(paid.latest_charge.id).balance_transaction)
    assert standin.happened("charge.") == ["charge.succeeded", "charge.updated"]


@pytest.mark.parametrize("capture", ["automatic", "automatic_async"])
def test_both_automatic_ways_end_with_a_booked_charge(standin: StandIn, capture: str) -> None:
    assert standin.given(capture_method=capture).latest_charge.balance_transaction.fee == 175


def test_an_intent_can_be_changed_until_it_succeeds(standin: StandIn, v1: Any) -> None:
    made = v1.payment_intents.create({"amount": 1000, "currency": "usd", "metadata": {"a": "1", "b": "2"}})
    changed = v1.payment_intents.update(made.id, {"amount": 1500, "metadata": {"a": "", "c": "3"}, "description": "x"})
    assert (changed.amount, changed.description, dict(changed.metadata)) == (1500, "x", {"b": "2", "c": "3"})
    v1.payment_intents.confirm(made.id, {"payment_method": "pm_card_visa"})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.payment_intents.update(made.id, {"amount": 1600})
    assert refused.value.code == "payment_intent_unexpected_state"
    assert "amount could not be updated because it has a status of succeeded" in str(refused.value)
    assert v1.payment_intents.retrieve(made.id).amount == 1500


def test_a_method_given_at_creation_waits_for_confirmation(v1: Any) -> None:
    made = v1.payment_intents.create({"amount": 1000, "currency": "usd", "payment_method": "pm_card_mastercard"})
    assert made.status == "requires_confirmation"
    assert made.payment_method.startswith("pm_")
    assert made.payment_method != "pm_card_mastercard"
    assert v1.payment_intents.confirm(made.id).status == "succeeded"


def test_confirming_without_a_method_or_twice_is_refused(standin: StandIn, v1: Any) -> None:
    made = v1.payment_intents.create({"amount": 1000, "currency": "usd"})
    with pytest.raises(stripe.InvalidRequestError, match="missing a payment method") as refused:
        v1.payment_intents.confirm(made.id)
    assert refused.value.code == "payment_intent_unexpected_state"
    v1.payment_intents.confirm(made.id, {"payment_method": "pm_card_visa"})
    with pytest.raises(stripe.InvalidRequestError, match="already succeeded"):
        v1.payment_intents.confirm(made.id, {"payment_method": "pm_card_visa"})
    assert len(v1.charges.list({"payment_intent": made.id}).data) == 1


def test_a_cancelled_intent_says_why_and_cannot_be_confirmed(standin: StandIn, v1: Any) -> None:
    made = v1.payment_intents.create({"amount": 1000, "currency": "usd"})
    gone = v1.payment_intents.cancel(made.id, {"cancellation_reason": "abandoned"})
    assert (gone.status, gone.cancellation_reason) == ("canceled", "abandoned")
    assert gone.canceled_at >= gone.created
    with pytest.raises(stripe.InvalidRequestError, match="status of canceled"):
        v1.payment_intents.confirm(made.id, {"payment_method": "pm_card_visa"})
    assert standin.happened() == ["payment_intent.created", "payment_intent.canceled"]


def test_a_succeeded_intent_cannot_be_cancelled(standin: StandIn, v1: Any) -> None:
    paid = standin.given()
    with pytest.raises(stripe.InvalidRequestError, match="You cannot cancel this PaymentIntent") as refused:
        v1.payment_intents.cancel(paid.id)
    assert refused.value.code == "payment_intent_unexpected_state"
    assert told(refused).payment_intent.status == "succeeded"
    assert v1.payment_intents.retrieve(paid.id).status == "succeeded"


def test_a_hold_is_captured_in_part(standin: StandIn, v1: Any) -> None:
    held = standin.given(capture_method="manual")
    assert (held.status, held.amount_capturable, held.amount_received) == ("requires_capture", 5000, 0)
    assert held.latest_charge.balance_transaction is None
    with pytest.raises(stripe.InvalidRequestError, match="must be less than or equal"):
        v1.payment_intents.capture(held.id, {"amount_to_capture": 5001})
    taken = v1.payment_intents.capture(
        held.id, {"amount_to_capture": 3000, "expand": ["latest_charge.balance_transaction"]}
    )
    assert (taken.status, taken.amount_received, taken.amount_capturable) == ("succeeded", 3000, 0)
    assert taken.latest_charge.balance_transaction.amount == 3000
    assert standin.happened()[1:] == [
        "charge.succeeded", "payment_intent.amount_capturable_updated", "charge.captured", "payment_intent.succeeded"
    ]  # fmt: skip
    with pytest.raises(stripe.InvalidRequestError, match="could not be captured"):
        v1.payment_intents.capture(held.id)


def test_a_cancelled_hold_is_released(standin: StandIn, v1: Any) -> None:
    held = standin.given(capture_method="manual")
    assert v1.payment_intents.cancel(held.id).status == "canceled"
    charge = v1.charges.retrieve(held.latest_charge.id)
    assert (charge.refunded, charge.amount_refunded, charge.balance_transaction) == (True, 5000, None)


def test_the_browser_confirms_with_publishable_key_and_client_secret(standin: StandIn, v1: Any) -> None:
    made = v1.payment_intents.create({"amount": 1000, "currency": "usd", "metadata": {"donor": "secret"}})
    path, own = f"/v1/payment_intents/{made.id}", "pk_test_" + "a" * 24
    wrong = standin.raw("POST", f"{path}/confirm", "payment_method=pm_card_visa&client_secret=pi_x_secret_y", own)
    missing = standin.raw("POST", f"{path}/confirm", "payment_method=pm_card_visa", own)
    other = standin.raw("GET", "/v1/charges", key=own)
    assert (wrong.status_code, missing.status_code, other.status_code) == (400, 400, 401)
    assert other.json()["error"]["code"] == "secret_key_required"
    assert v1.payment_intents.retrieve(made.id).status == "requires_payment_method"

    card = "payment_method_data[type]=card&payment_method_data[card][number]=4242424242424242"
    card += "&payment_method_data[card][exp_month]=12&payment_method_data[card][exp_year]=2034"
    done = standin.raw("POST", f"{path}/confirm", f"{card}&client_secret={made.client_secret}", own)
    assert (done.status_code, done.json()["status"]) == (200, "succeeded")
    assert "metadata" not in done.json()
    assert "latest_charge" not in done.json()
    assert done.headers["access-control-allow-origin"] == "*"
    seen = standin.raw("GET", f"{path}?client_secret={made.client_secret}", key=own)
    assert seen.json()["status"] == "succeeded"


def test_card_numbers_are_not_for_servers(standin: StandIn, v1: Any) -> None:
    with pytest.raises(stripe.CardError, match="generally unsafe"):
        v1.payment_methods.create(
            {"type": "card", "card": {"number": "4242424242424242", "exp_month": 1, "exp_year": 34}}
        )
    assert standin.http.get("/_standin/health").json()["objects"]["payment_method"] == 0


def test_a_server_must_name_a_return_url_when_redirect_methods_are_turned_on(standin: StandIn, v1: Any) -> None:
    standin.control("settings", {"redirect_methods": True})
    made = v1.payment_intents.create(
        {"amount": 1000, "currency": "usd", "automatic_payment_methods": {"enabled": True}}
    )
    with pytest.raises(stripe.InvalidRequestError, match=r"you must provide a `return_url`"):
        v1.payment_intents.confirm(made.id, {"payment_method": "pm_card_visa"})
    params = {"payment_method": "pm_card_visa", "return_url": "https://demo.test/thanks"}
    assert v1.payment_intents.confirm(made.id, params).status == "succeeded"


def until_status(v1: Any, intent: str, status: str) -> None:
    until(lambda: v1.payment_intents.retrieve(intent).status == status)


def test_a_bank_debit_is_processing_and_then_succeeds_or_fails(standin: StandIn, v1: Any) -> None:

    standin.control("settings", {"debit_settles_after": 0.05})
    for method, end in (("success", "succeeded"), ("insufficientFunds", "requires_payment_method")):
        paid = standin.given(card=f"pm_usBankAccount_{method}", payment_method_types=["us_bank_account"])
        assert (paid.status, paid.latest_charge.status) == ("processing", "pending")
        until_status(v1, paid.id, end)
    assert "payment_intent.processing" in standin.happened()
    assert v1.payment_intents.retrieve(paid.id).last_payment_error.code == "insufficient_funds"


def test_a_method_used_without_a_customer_cannot_be_used_again(standin: StandIn, v1: Any) -> None:
    method = v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})
    standin.given(card=method.id)
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        standin.given(card=method.id)
    assert len(v1.payment_intents.list().data) == 1
