"""docs.stripe.com/api/pagination, docs.stripe.com/api/expanding_objects"""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from .conftest import StandIn


def test_a_list_is_walked_by_cursors_in_both_directions(v1: Any) -> None:
    made = [v1.customers.create({"email": f"d{i}@demo.test"}).id for i in range(25)][::-1]
    first = v1.customers.list()
    assert ([one.id for one in first.data], first.has_more, first.url) == (made[:10], True, "/v1/customers")
    second = v1.customers.list({"limit": 20, "starting_after": made[9]})
    assert ([one.id for one in second.data], second.has_more) == (made[10:], False)
    back = v1.customers.list({"limit": 3, "ending_before": made[9]})
    assert ([one.id for one in back.data], back.has_more) == (made[6:9], True)
    assert [one.id for one in v1.customers.list({"limit": 4}).auto_paging_iter()] == made
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        v1.customers.list({"starting_after": "cus_nothing"})
    for limit in (0, 101):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            v1.customers.list({"limit": limit})
        assert refused.value.param == "limit"


def test_lists_are_filtered(standin: StandIn, v1: Any) -> None:
    customer = v1.customers.create({"email": "a@demo.test"})
    v1.customers.create({"email": "b@demo.test"})
    paid, other = standin.given(customer=customer.id), standin.given(1000, "gbp")
    assert [one.id for one in v1.customers.list({"email": "a@demo.test"}).data] == [customer.id]
    assert [one.id for one in v1.payment_intents.list({"customer": customer.id}).data] == [paid.id]
    assert [one.payment_intent for one in v1.charges.list({"customer": customer.id}).data] == [paid.id]
    assert [one.amount for one in v1.balance_transactions.list({"currency": "gbp"}).data] == [1000]
    (source,) = v1.balance_transactions.list({"source": other.latest_charge.id, "expand": ["data.source"]}).data
    assert source.source.payment_intent == other.id
    assert [one.type for one in v1.events.list({"type": "customer.*"}).data] == ["customer.created"] * 2
    kinds = {one.type for one in v1.events.list({"types": ["charge.succeeded", "charge.updated"]}).data}
    assert kinds == {"charge.succeeded", "charge.updated"}
    now = paid.created
    assert len(v1.payment_intents.list({"created": {"gte": now - 60, "lt": now + 60}}).data) == 2
    assert v1.payment_intents.list({"created": {"gt": now + 60}}).data == []


def test_what_is_expanded_is_nested(standin: StandIn, v1: Any) -> None:
    customer = v1.customers.create({"email": "a@demo.test"})
    standin.given(customer=customer.id)
    (found,) = v1.payment_intents.list(
        {"expand": ["data.latest_charge.balance_transaction.source.customer", "data.payment_method"]}
    ).data
    assert found.latest_charge.balance_transaction.source.customer.email == "a@demo.test"
    assert found.payment_method.card.last4 == "4242"
    assert isinstance(v1.payment_intents.retrieve(found.id).latest_charge, str)


@pytest.mark.parametrize("path", ["latest_charge", "data.donor", "data.latest_charge.amount"])
def test_what_cannot_be_expanded_is_refused(v1: Any, path: str) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="This property cannot be expanded"):
        v1.payment_intents.list({"expand": [path]})
