"""The API describes itself, and behaves as it says."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from django.test import Client
from hypothesis import HealthCheck, given, settings
from ninja.errors import ConfigError
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from bh_sdk.server.api import Call, Router, make_api
from tests.kit.project.demo.locks import Named
from tests.kit.project.demo.models import Gift
from tests.kit.project.urls import api

RUTH = {"Authorization": "Bearer ruth"}


@pytest.fixture
def document(client: Client) -> dict[str, Any]:
    response = client.get("/api/v1/openapi.json")
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
    return response.json()  # type: ignore[no-any-return]


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, said) for path, methods in document["paths"].items() for method, said in methods.items()]


def test_an_operation_is_called_after_its_function(document: dict[str, Any]) -> None:
    names = {said["operationId"] for _, _, said in operations(document)}
    assert {"give", "list_gifts", "echo_thing"} <= names


def test_there_is_one_lock_and_it_is_named_bearer(document: dict[str, Any]) -> None:
    assert list(document["components"]["securitySchemes"]) == ["bearer"]
    said = document["paths"]["/api/v1/demo/gifts"]["post"]
    assert said["security"] == [{"bearer": []}]
    assert "security" not in document["paths"]["/api/v1/demo/who"]["get"]


def test_every_route_names_its_refusals(document: dict[str, Any]) -> None:
    for path, method, said in operations(document):
        assert {"404", "405", "422", "429", "500", "503"} <= set(said["responses"]), (path, method)
    given = set(document["paths"]["/api/v1/demo/gifts"]["post"]["responses"])
    assert given == {"201", "400", "401", "403", "404", "405", "409", "413", "415", "422", "429", "500", "502", "503"}


def test_an_idempotent_route_asks_for_its_key(document: dict[str, Any]) -> None:
    for path in ("/api/v1/demo/gifts", "/api/v1/demo/gifts/{gift_id}/wrap", "/api/v1/demo/guest-gifts"):
        headers = [each for each in document["paths"][path]["post"]["parameters"] if each["in"] == "header"]
        assert [(each["name"], each["required"]) for each in headers] == [("Idempotency-Key", True)]


def test_the_docs_page_needs_nobody_elses_server(client: Client) -> None:
    page = client.get("/api/v1/docs")
    assert page.status_code == 200
    html = page.content.decode()
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", html)
    assert "script-src 'self'" in page["Content-Security-Policy"]
    for address in re.findall(r"(?:src|href)=\"([^\"]+)\"", html):
        assert client.get(address).status_code == 200, address


def test_a_route_that_does_not_say_who_may_stops_the_start() -> None:
    router = Router()
    with pytest.raises(TypeError, match="does not say who may call it"):

        @router.get("/open")
        def forgotten(request: Call) -> None: ...


def routed(method: str, path: str, name: str) -> Router:
    router = Router(auth=Named())
    view: Callable[..., Any] = lambda request: None  # noqa: E731
    view.__name__ = name
    getattr(router, method)(path, response={204: None})(view)
    return router


def test_two_routes_of_one_name_stop_the_start() -> None:
    with pytest.raises(ConfigError, match="Two routes are called same"):
        make_api("one", "One", {"a": routed("get", "/x", "same"), "b": routed("get", "/y", "same")}).urls  # noqa: B018


def test_two_routes_at_one_address_stop_the_start() -> None:
    with pytest.raises(ConfigError, match="Two routes answer"):
        make_api("two", "Two", {"a": routed("get", "/x", "one"), "": routed("get", "/a/x", "two")}).urls  # noqa: B018


def test_two_slices_may_share_an_address_with_different_methods() -> None:
    patterns = make_api("three", "Three", {"a": routed("get", "/x", "one"), "": routed("put", "/a/x", "two")}).urls[0]
    assert [str(pattern.pattern) for pattern in patterns].count("a/x") == 2


schema = schemathesis.openapi.from_dict(api.get_openapi_schema())
# The one answers 500 and the other waits, both on purpose.
OURS = {"broken", "held"}
found: list[Any] = [each.ok() for each in schema.get_all_operations()]  # type: ignore[union-attr]
tried = [operation for operation in found if operation.definition.raw["operationId"] not in OURS]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("operation", tried, ids=lambda operation: operation.definition.raw["operationId"])
def test_whatever_is_sent_the_answer_is_a_documented_one(operation: Any) -> None:
    application = get_wsgi_application()

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy())
    def call(case: Any) -> None:
        case.operation.app = application
        response = case.call(headers=RUTH, base_url="http://testserver")
        case.validate_response(
            response,
            checks=[not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance],
        )

    schema.app = application
    call()
    assert all(isinstance(row, UUID) for row in Gift.objects.values_list("id", flat=True))
