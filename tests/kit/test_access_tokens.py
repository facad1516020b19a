"""The token endpoint: a service proves who it is, once, and gets five minutes."""

from __future__ import annotations

import threading
import time
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from bh_sdk.server.access import wiring
from bh_sdk.server.access.models import Policy, Revocation, SpentAssertion
from bh_sdk.tokens import ServiceTokenVerifier, new_signing_key, sign_jwt
from tests.tokens import bearer, key_of

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.kit.access_site")]

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def assertion(client_id: str = "monolith", *, key: str = "", **claims: Any) -> str:
    now = int(time.time())
    ours = {"iss": client_id, "sub": client_id, "aud": wiring.token_url(), "jti": str(uuid.uuid4()), "iat": now}
    return sign_jwt(ours | {"exp": now + 60} | claims, key or key_of(client_id))


def ask(client: Client, signed: str, **form: str) -> Any:
    fields = {"grant_type": "client_credentials", "client_assertion_type": TYPE, "client_assertion": signed} | form
    # As real clients send it.
    body = "&".join(f"{name}={value}" for name, value in fields.items())
    return client.post("/oauth2/token", body, content_type="application/x-www-form-urlencoded")


def test_a_known_client_gets_a_token_of_five_minutes_for_this_service_alone(client: Client) -> None:
    response = ask(client, assertion())
    answer = response.json()
    assert (response.status_code, answer["token_type"], answer["expires_in"]) == (200, "Bearer", 300)
    assert response["Cache-Control"] == "no-store"
    keys = client.get("/.well-known/jwks.json").json()
    claims = ServiceTokenVerifier(wiring.service_url(), "kit", keys).verify(answer["access_token"])
    assert (claims.sub, claims.client_id, claims.scope) == ("monolith", "monolith", frozenset())


def test_the_token_opens_what_the_policy_lets_that_service(client: Client) -> None:
    Policy.objects.create(ptype="p", v0="service:monolith", v1="gift", v2="approve")
    token = ask(client, assertion()).json()["access_token"]
    answer = client.get("/api/v1/demo/approve", headers=bearer(token)).json()
    assert (answer["id"], answer["roles"]) == ("monolith", ["service:monolith"])


def test_an_assertion_buys_one_token(client: Client) -> None:
    signed = assertion()
    assert ask(client, signed).status_code == 200
    response = ask(client, signed)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_client")
    assert SpentAssertion.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_who_use_one_assertion_at_the_same_time_one_gets_a_token() -> None:
    signed = assertion()
    together = threading.Barrier(6)
    statuses: list[int] = []

    def buy() -> None:
        try:
            together.wait(timeout=30)
            statuses.append(ask(Client(), signed).status_code)
        finally:
            connection.close()

    buyers = [threading.Thread(target=buy) for _ in range(6)]
    for buyer in buyers:
        buyer.start()
    for buyer in buyers:
        buyer.join()
    assert sorted(statuses) == [200, 400, 400, 400, 400, 400]
    assert SpentAssertion.objects.count() == 1


def test_two_clients_may_use_the_same_jti(client: Client) -> None:
    assert ask(client, assertion("monolith", jti="one")).status_code == 200
    assert ask(client, assertion("payments", jti="one")).status_code == 200


FAULTS: dict[str, dict[str, Any]] = {
    "for another service's endpoint": {"aud": "http://127.0.0.1:1/oauth2/token"},
    "for this service but not its endpoint": {"aud": "http://127.0.0.1"},
    "expired": {"iat": int(time.time()) - 200, "exp": int(time.time()) - 140},
    "living for an hour": {"exp": int(time.time()) + 3600},
    "without an id": {"jti": ""},
    "with an id that PostgreSQL cannot hold": {"jti": "a\x00b"},
    "with a subject of its own": {"sub": "payments"},
    "of a stranger": {"iss": "stranger", "sub": "stranger"},
    "signed by another client": {"key": "payments"},
    "signed by nobody we know": {"key": ""},
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_an_assertion_buys_nothing_that_is(client: Client, fault: dict[str, Any]) -> None:
    claims = {name: value for name, value in fault.items() if name != "key"}
    key = ""
    if "key" in fault:
        key = key_of(fault["key"]) if fault["key"] else new_signing_key()
    response = ask(client, assertion(key=key, **claims))
    assert (response.status_code, response.json()["error"]) == (400, "invalid_client")
    assert not SpentAssertion.objects.exists()


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"client_assertion_type": "x"}, "invalid_client"),
        ({"client_assertion": ""}, "invalid_client"),
        ({"client_assertion": "not.a.jwt"}, "invalid_client"),
        ({"client_assertion": "%00"}, "invalid_client"),
        ({"scope": "everything"}, "invalid_scope"),
        ({"client_id": "payments"}, "invalid_client"),
    ],
)
def test_a_request_that_is_not_right_is_told_why_in_oauth_s_words(
    client: Client, form: dict[str, str], error: str
) -> None:
    response = ask(client, assertion(), **form)
    assert (response.status_code, response.json()["error"]) == (400, error)
    assert "access_token" not in response.json()


def test_a_form_is_demanded_once_each_and_by_post(client: Client) -> None:
    twice = "grant_type=client_credentials&grant_type=client_credentials"
    form = "application/x-www-form-urlencoded"
    assert client.post("/oauth2/token", twice, content_type=form).json()["error"] == "invalid_request"
    assert client.post("/oauth2/token", "", content_type=form).json()["error"] == "invalid_request"
    assert client.post("/oauth2/token", {}, content_type="application/json").json()["error"] == "invalid_request"
    assert client.get("/oauth2/token").status_code == 405


def test_a_revoked_client_gets_no_token(client: Client) -> None:
    Revocation.objects.create(kind="subject", value="monolith", reason="leak", revoked_by="x")
    assert ask(client, assertion()).json()["error"] == "invalid_client"
    assert ask(client, assertion("payments")).status_code == 200


def test_the_service_publishes_its_public_keys_and_whose_tokens_it_takes(client: Client) -> None:
    keys = client.get("/.well-known/jwks.json").json()["keys"]
    assert [(key["kty"], key["crv"], key["alg"], "d" in key) for key in keys] == [("EC", "P-256", "ES256", False)]
    resource = client.get("/.well-known/oauth-protected-resource").json()
    assert resource["resource"] == wiring.service_url()
    assert resource["authorization_servers"] == [wiring.service_url(), wiring.user_issuer()]
    assert client.post("/.well-known/jwks.json").status_code == 405
