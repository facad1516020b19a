"""docs.stripe.com/api/idempotent_requests, docs.stripe.com/error-low-level#idempotency"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stripe

from .conftest import StandIn, told, until

ASK = {"amount": 1000, "currency": "usd"}


def test_the_same_key_answers_the_same_bytes_and_makes_one_intent(standin: StandIn, v1: Any) -> None:
    first = v1.payment_intents.create(ASK, {"idempotency_key": "k"})
    v1.payment_intents.update(first.id, {"amount": 1100})
    second = v1.payment_intents.create(ASK, {"idempotency_key": "k"})
    assert first.last_response.body == second.last_response.body
    assert "Idempotent-Replayed" not in first.last_response.headers
    assert second.last_response.headers["Idempotent-Replayed"] == "true"
    assert second.last_response.headers["Original-Request"] == first.last_response.request_id
    assert len(v1.payment_intents.list().data) == 1
    assert standin.requests("/v1/payment_intents", "POST")["idempotency_keys"] == {
        "POST /v1/payment_intents": {"k": 2}
    }  # fmt: skip


def test_another_body_or_another_endpoint_under_the_same_key_is_refused(standin: StandIn, v1: Any) -> None:
    v1.payment_intents.create(ASK, {"idempotency_key": "k"})
    with pytest.raises(stripe.IdempotencyError, match="same parameters they were first used with") as refused:
        v1.payment_intents.create({**ASK, "amount": 1001}, {"idempotency_key": "k"})
    assert refused.value.http_status == 400
    with pytest.raises(stripe.IdempotencyError, match="same endpoint they were first used for"):
        v1.customers.create({}, {"idempotency_key": "k"})
    assert (len(v1.payment_intents.list().data), v1.customers.list().data) == (1, [])


def test_a_failed_validation_leaves_the_key_free(v1: Any) -> None:
    for wrong in ({**ASK, "amount": "ten"}, {**ASK, "colour": "red"}, {"amount": 1000}, {**ASK, "amount": 1}):
        with pytest.raises(stripe.InvalidRequestError):
            v1.payment_intents.create(wrong, {"idempotency_key": "k"})
    made = v1.payment_intents.create(ASK, {"idempotency_key": "k"})
    assert "Idempotent-Replayed" not in made.last_response.headers


def test_a_declined_card_is_remembered(standin: StandIn, v1: Any) -> None:
    ask = {**ASK, "payment_method": "pm_card_chargeDeclined", "confirm": True}
    charges = set()
    for _ in range(2):
        with pytest.raises(stripe.CardError) as refused:
            v1.payment_intents.create(ask, {"idempotency_key": "k"})
        charges.add(told(refused).charge)
    assert len(charges) == 1
    assert told(refused, headers=True)["Idempotent-Replayed"] == "true"
    assert len(v1.charges.list().data) == 1


def test_the_key_in_use_is_refused_to_others_until_the_first_is_done(standin: StandIn, v1: Any) -> None:
    standin.control("levers", {"method": "POST", "path": "/v1/refunds", "late": "work", "late_ms": 400})
    paid = standin.given()
    ask = {"payment_intent": paid.id, "amount": 100}
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(v1.refunds.create, ask, {"idempotency_key": "k"})
        until(lambda: not standin.http.get("/_standin/levers").json()["levers"])
        with pytest.raises(stripe.APIError) as refused:
            v1.refunds.create(ask, {"idempotency_key": "k"})
        assert (refused.value.http_status, told(refused).code) == (409, "idempotency_key_in_use")
        made = first.result()
    assert v1.refunds.create(ask, {"idempotency_key": "k"}).id == made.id
    assert len(v1.refunds.list().data) == 1


def test_fifty_threads_with_one_key_make_one_intent(standin: StandIn, v1: Any) -> None:
    with ThreadPoolExecutor(50) as pool:
        made = list(pool.map(lambda _: v1.payment_intents.create(ASK, {"idempotency_key": "k"}).id, range(50)))
    assert len(set(made)) == 1
    assert len(v1.payment_intents.list().data) == 1


def test_a_key_too_long_is_refused(standin: StandIn, v1: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="at most 255 characters"):
        v1.payment_intents.create(ASK, {"idempotency_key": "k" * 256})
    assert v1.payment_intents.list().data == []


def test_events_name_the_request_and_its_key(v1: Any) -> None:
    made = v1.payment_intents.create(ASK, {"idempotency_key": "mine"})
    (event,) = v1.events.list({"type": "payment_intent.created"}).data
    assert event["request"]["idempotency_key"] == "mine"
    assert event["request"]["id"] == made.last_response.request_id
