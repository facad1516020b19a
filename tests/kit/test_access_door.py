"""Who gets through a door: guests, people, services, and everybody whose token is not right."""

from __future__ import annotations

import time
import uuid
from typing import Any

import pytest
from django.test import Client

from bh_sdk.server.access import bearer as door
from bh_sdk.server.access import watch, wiring
from bh_sdk.server.access.models import Policy, Revocation, Staff
from bh_sdk.tokens import TokenRefused, new_signing_key
from tests.tokens import bearer, key_of, service_token, user_token

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.kit.access_site")]

PUBLIC, APPROVE = "/api/v1/demo/public", "/api/v1/demo/approve"


@pytest.fixture(autouse=True)
def policies() -> None:
    for role, noun, verb in (
        ("guest", "leaflet", "read"),
        ("donor", "gift", "read"),
        ("finance", "gift", "approve"),
        ("service:monolith", "leaflet", "read"),
    ):
        Policy.objects.create(ptype="p", v0=role, v1=noun, v2=verb)


def test_a_guest_reads_what_the_policy_opens_to_guests(client: Client) -> None:
    assert client.get(PUBLIC).json() == {"id": "guest", "kind": "guest", "roles": ["guest"], "may_approve": False}


def test_without_a_token_a_closed_route_asks_for_one(client: Client) -> None:
    response = client.get(APPROVE)
    assert (response.status_code, response.json()["code"]) == (401, "unauthenticated")
    metadata = f"{wiring.service_url()}/.well-known/oauth-protected-resource"
    assert response["WWW-Authenticate"] == f'Bearer resource_metadata="{metadata}"'


def test_a_person_is_the_sub_of_the_token_with_its_roles_and_always_a_donor(client: Client) -> None:
    sub = uuid.uuid4()
    answer = client.get(PUBLIC, headers=bearer(user_token(sub, ["finance"]))).json()
    assert answer == {"id": str(sub), "kind": "user", "roles": ["donor", "finance"], "may_approve": True}


def test_signed_in_without_a_policy_is_forbidden(client: Client) -> None:
    response = client.get(APPROVE, headers=bearer(user_token(roles=["editor"])))
    assert (response.status_code, response.json()["code"]) == (403, "forbidden")
    assert "WWW-Authenticate" not in response


def test_an_object_of_somebody_else_is_not_there(client: Client) -> None:
    mine, other = uuid.uuid4(), uuid.uuid4()
    headers = bearer(user_token(mine))
    assert client.get(f"/api/v1/demo/gifts/{mine}", headers=headers).status_code == 200
    response = client.get(f"/api/v1/demo/gifts/{other}", headers=headers)
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_an_admin_has_the_rights_of_every_desk(client: Client) -> None:
    assert client.get(APPROVE, headers=bearer(user_token(roles=["admin"]))).status_code == 200


def test_a_service_has_the_role_of_its_name(client: Client) -> None:
    answer = client.get(PUBLIC, headers=bearer(service_token("monolith"))).json()
    assert (answer["id"], answer["kind"], answer["roles"]) == ("monolith", "service", ["service:monolith"])
    assert client.get(APPROVE, headers=bearer(service_token("monolith"))).status_code == 403


def test_the_document_names_the_lock(client: Client) -> None:
    document = client.get("/api/v1/openapi.json").json()
    scheme = document["components"]["securitySchemes"]["bearer"]
    assert (scheme["type"], scheme["scheme"], scheme["bearerFormat"]) == ("http", "bearer", "JWT")
    assert document["paths"]["/api/v1/demo/approve"]["get"]["security"] == [{"bearer": []}]


def test_a_service_without_a_policy_is_forbidden(client: Client) -> None:
    assert client.get(f"/api/v1/demo/gifts/{uuid.uuid4()}", headers=bearer(service_token("notify"))).status_code == 403


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer a.b.c", "Bearer é.ü.ö", "Token x"])
def test_what_is_no_bearer_token_is_refused_even_where_guests_may(client: Client, header: str) -> None:
    assert client.get(PUBLIC, headers={"Authorization": header}).status_code == 401


USER_FAULTS: dict[str, dict[str, Any]] = {
    "expired": {"exp": int(time.time()) - 60},
    "from the future": {"iat": int(time.time()) + 600},
    "of another issuer": {"iss": "https://evil.test/auth/v1"},
    "for another audience": {"aud": "payments"},
    "for several audiences": {"aud": ["authenticated", "payments"]},
    "of the anonymous key": {"role": "anon"},
    "of the service key": {"role": "service_role"},
    "of an anonymous sign-in": {"is_anonymous": True},
    "of nobody we could know": {"sub": "nobody"},
    "signed by a stranger": {"key": "stranger"},
}


@pytest.mark.parametrize("fault", USER_FAULTS.values(), ids=USER_FAULTS.keys())
def test_a_person_s_token_is_refused_that_is(client: Client, fault: dict[str, Any]) -> None:
    fault = {name: new_signing_key() if value == "stranger" else value for name, value in fault.items()}
    assert client.get(PUBLIC, headers=bearer(user_token(**fault))).status_code == 401


SERVICE_FAULTS: dict[str, dict[str, Any]] = {
    "for a sister service": {"service": "trust"},
    "of another issuer": {"iss": "http://127.0.0.1:1"},
    "that lives too long": {"exp": int(time.time()) + 3600},
    "for somebody else": {"sub": "payments"},
    "signed by a stranger": {"key": "stranger"},
}


@pytest.mark.parametrize("fault", SERVICE_FAULTS.values(), ids=SERVICE_FAULTS.keys())
def test_a_service_token_is_refused(client: Client, fault: dict[str, Any]) -> None:
    fault = {name: new_signing_key() if value == "stranger" else value for name, value in fault.items()}
    assert client.get(PUBLIC, headers=bearer(service_token("monolith", **fault))).status_code == 401


def test_the_families_never_take_each_other_s_tokens(client: Client) -> None:
    as_user = service_token("monolith", typ="JWT")
    as_service = service_token("monolith", key=key_of("issuer"))
    assert [client.get(PUBLIC, headers=bearer(token)).status_code for token in (as_user, as_service)] == [401, 401]


def test_roles_that_people_write_themselves_count_for_nothing(client: Client) -> None:
    token = user_token(
        user_metadata={"roles": ["finance"]}, app_metadata={"roles": ["service:monolith", "guest", "root"]}
    )
    assert client.get(PUBLIC, headers=bearer(token)).json()["roles"] == ["donor"]


def test_a_revoked_session_is_refused_although_its_token_was_accepted_before(client: Client) -> None:
    token = user_token(session_id="a-session")
    assert client.get(PUBLIC, headers=bearer(token)).status_code == 200
    Revocation.objects.create(kind="token", value="a-session", reason="stolen", revoked_by="x")
    assert client.get(PUBLIC, headers=bearer(token)).status_code == 401
    assert client.get(PUBLIC, headers=bearer(user_token())).status_code == 200


def test_a_revoked_service_is_refused_until_the_revocation_is_lifted(client: Client) -> None:
    token = service_token("monolith")
    revocation = Revocation.objects.create(kind="subject", value="monolith", reason="leak", revoked_by="x")
    assert client.get(PUBLIC, headers=bearer(token)).status_code == 401
    revocation.delete()
    assert client.get(PUBLIC, headers=bearer(token)).status_code == 200


def test_a_deactivated_account_refuses_its_person_at_once(client: Client) -> None:
    sub = uuid.uuid4()
    staff = Staff.objects.create(username="gone", sub=sub, roles=["finance"])
    token = user_token(sub, ["finance"])
    assert client.get(APPROVE, headers=bearer(token)).status_code == 200
    staff.is_active = False
    staff.save()
    assert client.get(APPROVE, headers=bearer(token)).status_code == 401


def test_a_role_in_a_token_needs_no_staff_account(client: Client) -> None:
    assert not Staff.objects.exists()
    assert client.get(APPROVE, headers=bearer(user_token(roles=["finance"]))).status_code == 200


class Counting:
    """A verifier that counts how often it is asked."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.asked = 0

    def verify(self, token: str) -> Any:
        self.asked += 1
        return self.inner.verify(token)


def test_a_verified_token_is_remembered_for_five_minutes_and_refusals_are_looked_at_each_time() -> None:
    now = [time.time()]
    users = Counting(wiring.user_verifier())
    tokens = door.Tokens(users, wiring.service_verifier(), clock=lambda: now[0])
    token = user_token()
    nobody = watch.Refusals({}, {})
    first = tokens.principal(token, nobody)
    now[0] += 299
    assert (tokens.principal(token, nobody), users.asked) == (first, 1)
    with pytest.raises(TokenRefused):
        tokens.principal(token, watch.Refusals({first.id: float("inf")}, {}))
    now[0] += 2
    tokens.principal(token, nobody)
    assert users.asked == 2


def test_a_remembered_token_is_forgotten_when_it_expires() -> None:
    issued = int(time.time())
    now = [float(issued)]
    users = Counting(wiring.user_verifier())
    tokens = door.Tokens(users, wiring.service_verifier(), clock=lambda: now[0])
    token = user_token(exp=issued + 60)
    tokens.principal(token, watch.Refusals({}, {}))
    now[0] = issued + 61.0
    tokens.principal(token, watch.Refusals({}, {}))
    assert users.asked == 2


def test_a_revocation_with_an_end_refuses_until_then() -> None:
    until = 1_000.0
    refusals = watch.Refusals({"somebody": until}, {})
    assert refusals.refuse(subject="somebody", token_ids=(), now=999.0)
    assert not refusals.refuse(subject="somebody", token_ids=(), now=1_001.0)
