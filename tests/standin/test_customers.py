"""docs.stripe.com/api/customers, docs.stripe.com/api/payment_methods"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from .conftest import StandIn


def test_a_customer_is_created_changed_and_deleted(standin: StandIn, v1: Any) -> None:
    made = v1.customers.create({"email": "a@demo.test", "name": "Ada", "address": {"city": "York", "country": "GB"}})
    changed = v1.customers.update(made.id, {"name": "", "metadata": {"donor": "d1"}})
    assert (changed.name, changed.email, changed.metadata["donor"]) == (None, "a@demo.test", "d1")
    (event,) = v1.events.list({"type": "customer.updated"}).data
    assert event.data.previous_attributes["name"] == "Ada"
    assert v1.customers.delete(made.id).deleted is True
    assert v1.customers.retrieve(made.id).deleted is True
    assert v1.customers.list().data == []
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        v1.customers.update(made.id, {"name": "Eve"})
    assert standin.happened() == ["customer.created", "customer.updated", "customer.deleted"]


def test_a_saved_card_is_charged_again_and_again(standin: StandIn, v1: Any) -> None:
    customer = v1.customers.create({"email": "a@demo.test"})
    standin.given(customer=customer.id, setup_future_usage="off_session")
    (method,) = v1.customers.payment_methods.list(customer.id, {"type": "card"}).data
    for _ in range(2):
        assert standin.given(card=method.id, customer=customer.id, off_session=True).status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError, match="belongs to the Customer"):
        standin.given(card=method.id)
    assert len(v1.payment_intents.list().data) == 3


def test_a_detached_card_cannot_be_used(standin: StandIn, v1: Any) -> None:
    customer = v1.customers.create({})
    method = v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    default = {"invoice_settings": {"default_payment_method": method.id}}
    assert v1.customers.update(customer.id, default).invoice_settings.default_payment_method == method.id
    assert v1.payment_methods.detach(method.id).customer is None
    uses: list[Callable[[], Any]] = [
        lambda: standin.given(card=method.id),
        lambda: v1.payment_methods.attach(method.id, {"customer": customer.id}),
        lambda: v1.payment_methods.detach(method.id),
    ]
    for use in uses:
        with pytest.raises(stripe.InvalidRequestError):
            use()
    assert v1.payment_methods.list({"customer": customer.id}).data == []
    assert standin.happened("payment_method.") == ["payment_method.attached", "payment_method.detached"]


def test_a_card_that_the_bank_refuses_is_not_saved(standin: StandIn, v1: Any) -> None:
    customer = v1.customers.create({})
    with pytest.raises(stripe.CardError):
        v1.payment_methods.attach("pm_card_chargeDeclined", {"customer": customer.id})
    assert v1.payment_methods.list({"customer": customer.id}).data == []
    method = v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer.id})
    with pytest.raises(stripe.CardError):
        standin.given(card=method.id, customer=customer.id)


def test_a_card_has_the_brand_of_its_token(v1: Any) -> None:
    for token, brand, last4 in (("mastercard", "mastercard", "4444"), ("amex", "amex", "0005"), ("gb", "visa", "0000")):
        made = v1.payment_methods.create({"type": "card", "card": {"token": f"tok_{token}"}})
        assert (made.card.brand, made.card.last4) == (brand, last4)
