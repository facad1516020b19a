"""The control door: what goes wrong on purpose."""

from __future__ import annotations

import time
from typing import Any

import pytest
import stripe

from .conftest import KEY, StandIn, told

ASK = {"amount": 1000, "currency": "usd"}


def test_a_late_answer_comes_after_the_work(standin: StandIn, v1: Any) -> None:
    standin.control("levers", {"method": "POST", "path": "/v1/payment_intents", "late_ms": 300})
    started = time.monotonic()
    v1.payment_intents.create(ASK)
    assert time.monotonic() - started >= 0.3
    started = time.monotonic()
    v1.payment_intents.create(ASK)
    assert time.monotonic() - started < 0.25


def test_an_answer_later_than_the_client_waits_is_found_by_its_key(standin: StandIn, v1: Any) -> None:
    hasty = stripe.StripeClient(
        KEY, base_addresses={"api": standin.url}, max_network_retries=0,
        http_client=stripe.RequestsClient(timeout=0.15),
    )  # fmt: skip
    standin.control("levers", {"method": "POST", "path": "/v1/payment_intents", "late_ms": 400})
    with pytest.raises(stripe.APIConnectionError):
        hasty.v1.payment_intents.create(ASK, {"idempotency_key": "k"})  # type: ignore[arg-type]
    assert len(v1.payment_intents.list().data) == 1
    assert v1.payment_intents.create(ASK, {"idempotency_key": "k"}).id == v1.payment_intents.list().data[0].id


def test_stripes_own_error_after_the_work_is_what_the_key_remembers(standin: StandIn, v1: Any) -> None:
    standin.control("levers", {"path": "/v1/payment_intents", "method": "POST", "effect": "error_after"})
    for _ in range(2):
        with pytest.raises(stripe.APIError) as broken:
            v1.payment_intents.create(ASK, {"idempotency_key": "k"})
        assert broken.value.http_status == 500
    assert told(broken, headers=True)["Idempotent-Replayed"] == "true"
    assert len(v1.payment_intents.list().data) == 1


def test_an_error_of_the_edge_hides_an_answer_that_a_retry_finds(standin: StandIn, v1: Any) -> None:
    standin.control("levers", {"path": "/v1/payment_intents", "effect": "error_after", "saved": False})
    with pytest.raises(stripe.APIError) as broken:
        v1.payment_intents.create(ASK, {"idempotency_key": "k"})
    assert broken.value.http_status == 502
    made = v1.payment_intents.create(ASK, {"idempotency_key": "k"})
    assert [made.id] == [one.id for one in v1.payment_intents.list().data]


def test_an_error_before_the_work_leaves_nothing(standin: StandIn, v1: Any) -> None:
    standin.control("levers", {"path": "/v1/payment_intents", "effect": "error_before"})
    with pytest.raises(stripe.APIError):
        v1.payment_intents.create(ASK, {"idempotency_key": "k"})
    assert v1.payment_intents.list().data == []
    assert v1.payment_intents.create(ASK, {"idempotency_key": "k"}).status == "requires_payment_method"


def test_a_lost_answer_has_done_its_work(standin: StandIn, v1: Any) -> None:
    standin.control("levers", {"path": "/v1/payment_intents", "effect": "lose_answer"})
    with pytest.raises(stripe.APIConnectionError):
        v1.payment_intents.create(ASK, {"idempotency_key": "k"})
    (made,) = v1.payment_intents.list().data
    again = v1.payment_intents.create(ASK, {"idempotency_key": "k"})
    assert (again.id, again.last_response.headers["Idempotent-Replayed"]) == (made.id, "true")


def test_the_librarys_own_retry_survives_a_lost_answer(standin: StandIn, v1: Any) -> None:
    standin.control("levers", {"path": "/v1/payment_intents", "effect": "lose_answer"})
    patient = stripe.StripeClient(KEY, base_addresses={"api": standin.url}, max_network_retries=2)
    made = patient.v1.payment_intents.create(ASK)  # type: ignore[arg-type]
    assert [one.id for one in v1.payment_intents.list().data] == [made.id]


def test_too_many_requests_are_refused(standin: StandIn, v1: Any) -> None:
    standin.control("levers", {"path": "/v1/refunds*", "effect": "rate_limit", "times": 2})
    for _ in range(2):
        with pytest.raises(stripe.RateLimitError) as refused:
            v1.refunds.list()
        assert (refused.value.http_status, told(refused).code) == (429, "rate_limit")
    assert v1.refunds.list().data == []


def test_levers_are_listed_released_and_checked(standin: StandIn, v1: Any) -> None:
    standin.control("levers", [{"path": "/v1/refunds", "effect": "rate_limit", "times": 9}, {"late_ms": 1}])
    assert [one["times"] for one in standin.http.get("/_standin/levers").json()["levers"]] == [9, 1]
    assert standin.http.delete("/_standin/levers").json() == {"levers": []}
    assert v1.refunds.list().data == []
    for wrong in ({"effect": "explode"}, {"times": 0}, {"colour": "red"}, {"late": "never"}, {"late_ms": -1}):
        assert standin.http.post("/_standin/levers", json=wrong).status_code == 400
    assert standin.http.get("/_standin/levers").json() == {"levers": []}


def test_requests_are_counted_by_route(standin: StandIn, v1: Any) -> None:
    paid = standin.given()
    v1.payment_intents.retrieve(paid.id)
    seen = standin.requests(f"/v1/payment_intents/{paid.id}")
    assert seen["counts"]["GET /v1/payment_intents/{id}"] == 1
    assert [one["status"] for one in seen["requests"]] == [200]


def test_settings_are_checked(standin: StandIn) -> None:
    for wrong in (
        {"colour": 1},
        {"retry_base": None},
        {"webhooks_hold": 1},
        {"webhooks_copies": -1},
        {"webhooks_copies": 1.5},
        {"webhooks_at_once": 0},
    ):
        assert standin.http.post("/_standin/settings", json=wrong).status_code == 400
    assert standin.control("settings", {"webhooks_copies": 2})["webhooks_copies"] == 2
    assert standin.http.delete("/_standin/settings").json()["webhooks_copies"] == 1
