"""docs.stripe.com/api/errors, docs.stripe.com/error-codes, docs.stripe.com/api/metadata, docs.stripe.com/keys"""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from .conftest import KEY, StandIn

INTENTS = "/v1/payment_intents"


@pytest.mark.parametrize(
    ("body", "code", "param", "message"),
    [
        ("currency=usd", "parameter_missing", "amount", "Missing required param: amount."),
        ("amount=1000", "parameter_missing", "currency", "Missing required param: currency."),
        ("amount=1000&currency=usd&colour=red", "parameter_unknown", "colour", "Received unknown parameter: colour"),
        (
            "amount=1000&currency=usd&b=1&c=2", "parameter_unknown", "b", "Received unknown parameters: b, c",
        ),
        (
            "amount=1000&currency=usd&automatic_payment_methods[enabled]=true&automatic_payment_methods[x]=1",
            "parameter_unknown", "automatic_payment_methods[x]",
            "Received unknown parameter: automatic_payment_methods[x]",
        ),
        ("amount=10.5&currency=usd", "parameter_invalid_integer", "amount", "Invalid integer: 10.5"),
        ("amount=true&currency=usd", "parameter_invalid_integer", "amount", "Invalid integer: true"),
        ("amount=1e3&currency=usd", "parameter_invalid_integer", "amount", "Invalid integer: 1e3"),
        (
            "amount=0&currency=usd", "parameter_invalid_integer", "amount",
            "This value must be greater than or equal to 1.",
        ),
        (
            "amount=&currency=usd", "parameter_invalid_empty", "amount",
            ("You passed an empty string for 'amount'. We assume empty values are an attempt to unset a parameter; however "
            "'amount' cannot be unset. You should remove 'amount' from your request or supply a non-empty value."),
        ),
        ("amount=1000&currency=usd&confirm=yes", None, "confirm", "Invalid boolean: yes"),
        ("amount=1000&currency=usd&metadata=x", None, "metadata", "Invalid object"),
        ("amount=1000&currency=usd&payment_method_types=card", None, "payment_method_types", "Invalid array"),
        ("amount=1000&currency=usd&description[a]=b", None, "description", "Invalid string: {'a': 'b'}"),
        ("amount=1000&currency=usd&receipt_email=nobody", "email_invalid", "receipt_email", "Invalid email address: nobody"),
        (
            "amount=1000&currency=usd&capture_method=later", None, "capture_method",
            "Invalid capture_method: must be one of automatic, automatic_async, or manual",
        ),
        (
            f"amount=1000&currency=usd&metadata[{'k' * 41}]=x", None, "metadata",
            (f"Metadata keys can have up to 40 characters, but you passed in a key that is 41 characters. Invalid key: "
            f"{'k' * 41}"),
        ),
        (
            "amount=1000&currency=usd&transfer_group=g", "standin_not_imitated", "transfer_group",
            "The stand-in does not imitate the parameter 'transfer_group'.",
        ),
        (
            "amount=1000&currency=usd&return_url=https://demo.test", None, "return_url",
            "You cannot provide `return_url` when creating a PaymentIntent unless you also set `confirm` to true.",
        ),
        (
            "amount=1000&currency=usd&expand[]=donor", None, "expand", "This property cannot be expanded (donor).",
        ),
        ("amount=1000&currency=usd&customer=cus_x", "resource_missing", "customer", "No such customer: 'cus_x'"),
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_refused_in_stripes_words_and_nothing_is_written(
    standin: StandIn, v1: Any, body: str, code: str | None, param: str, message: str
) -> None:
    answer = standin.raw("POST", INTENTS, body)
    error = answer.json()["error"]
    assert answer.status_code == 400
    assert (error["type"], error.get("code"), error["param"], error["message"]) == (
        "invalid_request_error", code, param, message
    )  # fmt: skip
    assert error["request_log_url"].endswith(answer.headers["request-id"])
    assert v1.payment_intents.list().data == []
    assert standin.happened() == []


def test_too_much_metadata_is_refused(standin: StandIn, v1: Any) -> None:
    ask: Any = {"amount": 1000, "currency": "usd"}
    for metadata in ({f"k{i}": "v" for i in range(51)}, {"k": "v" * 501}):
        with pytest.raises(stripe.InvalidRequestError):
            v1.payment_intents.create({**ask, "metadata": metadata})
    assert v1.payment_intents.list().data == []


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe=1",
        b"%ff=1",
        b"a[=1",
        b"amount=1&amount[x]=2",
        b"=&=",
        b"amount=%00&currency=usd",
        b"metadata" + b"[x]" * 3000 + b"=1",
        b"amount=99999999999999999999&currency=usd",
    ],
)
def test_a_body_that_is_no_form_is_a_400(standin: StandIn, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/x-www-form-urlencoded"}
    assert standin.http.post(INTENTS, content=body, headers=headers).status_code == 400


@pytest.mark.parametrize(
    "query", ["limit=%ff", "created[gte]=x", "created[x]=1", "starting_after=%00", "expand[0][1]=x"]
)
def test_a_query_that_makes_no_sense_is_a_400(standin: StandIn, query: str) -> None:
    assert standin.raw("GET", f"/v1/charges?{query}").status_code == 400


def test_json_bodies_are_refused(standin: StandIn) -> None:
    answer = standin.http.post(INTENTS, json={"amount": 1}, headers={"Authorization": f"Bearer {KEY}"})
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


def test_an_unknown_address_and_an_unknown_object_are_404(standin: StandIn, v1: Any) -> None:
    answer = standin.raw("GET", "/v1/unicorns")
    assert (answer.status_code, answer.json()["error"]["message"].split(".")[0]) == (
        404, "Unrecognized request URL (GET: /v1/unicorns)"
    )  # fmt: skip
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.payment_intents.retrieve("pi_nothing")
    assert (refused.value.http_status, refused.value.code, refused.value.param) == (404, "resource_missing", "intent")
    assert refused.value.user_message == "No such payment_intent: 'pi_nothing'"


@pytest.mark.parametrize("key", ["", "sk_test_short", "sk_live_" + "a" * 24, "whatever"])
def test_a_key_that_does_not_exist_is_401(standin: StandIn, key: str) -> None:
    answer = standin.raw("GET", "/v1/account", key=key)
    assert (answer.status_code, answer.json()["error"]["type"]) == (401, "invalid_request_error")
    assert key[8:] == "" or key not in answer.text


def test_the_library_calls_a_wrong_key_an_authentication_error(standin: StandIn) -> None:
    stranger = stripe.StripeClient("sk_test_short", base_addresses={"api": standin.url})
    with pytest.raises(stripe.AuthenticationError):
        stranger.v1.accounts.retrieve_current()


def test_basic_authentication_works_as_with_curl(standin: StandIn) -> None:
    assert standin.http.get("/v1/account", auth=(KEY, "")).json()["object"] == "account"


def test_only_the_configured_key_exists(tmp_path: Any) -> None:
    configured = "sk_test_" + "b" * 24
    standin = StandIn(tmp_path, "--secret-key", configured)
    try:
        assert standin.raw("GET", "/v1/account").status_code == 401
        assert standin.raw("GET", "/v1/account", key=configured).status_code == 200
    finally:
        standin.stop()


def test_the_account_is_the_one_account(v1: Any) -> None:
    account = v1.accounts.retrieve_current()
    assert v1.accounts.retrieve(account.id).id == account.id
    with pytest.raises(stripe.PermissionError):
        v1.accounts.retrieve("acct_other")


def test_any_api_version_is_answered_in_ours(standin: StandIn) -> None:
    answer = standin.raw("GET", "/v1/balance", **{"Stripe-Version": "2019-01-01"})
    assert (answer.status_code, answer.headers["stripe-version"]) == (200, "2026-02-25.clover")
