"""Every refusal and every failure is a problem, and tells no more than it should."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
import redis
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import DataError, IntegrityError, InterfaceError, OperationalError
from django.test import Client
from ninja.errors import HttpError, Throttled
from rest_framework.exceptions import NotAuthenticated, ParseError
from rest_framework.exceptions import NotFound as DrfNotFound
from rest_framework.exceptions import PermissionDenied as DrfDenied

from bh_sdk.server.api import problems
from tests.kit.project.demo.models import Gift

RUTH = {"Authorization": "Bearer ruth"}


def last_line(capsys: pytest.CaptureFixture[str], event: str) -> dict[str, object]:
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
    return next(line for line in reversed(lines) if line["event"] == event)


def test_an_unknown_address_under_the_api_is_a_problem(client: Client) -> None:
    response = client.get("/api/v1/nothing-here", headers={"X-Request-ID": "abc-12345"})
    assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json")
    assert response.json()["code"] == "not_found"
    assert response.json()["type"] == "urn:bh:problem:not_found"
    assert response.json()["request_id"] == response["X-Request-ID"] == "abc-12345"


@pytest.mark.parametrize(
    "path", ["/api/v1/", "/api/v2/things", "/oauth2/nothing", "/.well-known/nothing", "/api/v1/demo/%00"]
)
def test_whatever_lies_beside_the_routes_is_a_problem(client: Client, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json")


def test_another_method_is_refused_with_the_ones_there_are(client: Client) -> None:
    response = client.delete("/api/v1/demo/gifts")
    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")
    assert response["Allow"] == "GET, HEAD, POST"


def test_a_fixed_word_wins_over_a_parameter_and_each_keeps_its_methods(client: Client) -> None:
    assert client.post("/api/v1/demo/things/special", headers=RUTH).status_code == 204
    assert client.get("/api/v1/demo/things/special", headers=RUTH)["Allow"] == "POST"


def test_head_answers_like_get_without_a_body(client: Client) -> None:
    path = f"/api/v1/demo/things/{uuid.uuid4()}"
    get, head = client.get(path), client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head["Content-Length"] == str(len(get.content))


def test_without_a_token_the_caller_is_told_where_to_get_one(client: Client) -> None:
    response = client.post("/api/v1/demo/things", {"title": "x"}, content_type="application/json")
    assert (response.status_code, response.json()["code"]) == (401, "unauthenticated")
    assert response["WWW-Authenticate"].startswith('Bearer resource_metadata="http')
    assert response["WWW-Authenticate"].endswith('/.well-known/oauth-protected-resource"')


def test_who_may_not_is_told_so_before_the_body_is_looked_at(client: Client) -> None:
    response = client.post(
        "/api/v1/demo/things", {"wrong": 1}, content_type="application/json", headers={"Authorization": "Bearer nobody"}
    )
    assert (response.status_code, response.json()["code"]) == (403, "forbidden")


def test_a_limit_says_when_to_come_back(client: Client) -> None:
    response = client.get("/api/v1/demo/limited")
    assert (response.status_code, response.json()["code"], response["Retry-After"]) == (429, "rate_limited", "7")


def test_our_own_mistake_is_told_to_nobody_but_the_log(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    response = client.get("/api/v1/demo/broken", headers={"X-Request-ID": "find-me-again"})
    assert (response.status_code, response["Content-Type"]) == (500, "application/problem+json")
    assert response.json()["code"] == "internal_error"
    assert response.json()["detail"] == "Something went wrong on our side"
    line = last_line(capsys, "request_failed")
    assert line["request_id"] == "find-me-again"
    assert line["error"] == "builtins.RuntimeError"
    assert line["error_detail"] == "the key of <mail> is <secret>"
    assert "broken" in str(line["error_where"])


@pytest.mark.parametrize("given", ["x", "a" * 65, "with space", "line\nbreak", "<script>", "ünicode1", "-leading-dash"])
def test_a_request_id_that_is_not_sane_is_replaced(client: Client, given: str) -> None:
    response = client.get("/api/v1/nothing", headers={"X-Request-ID": given})
    assert len(response["X-Request-ID"]) == 32
    assert response["X-Request-ID"] != given


def test_the_request_line_names_the_route_and_nothing_of_the_caller(
    client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    thing = uuid.uuid4()
    client.get(f"/api/v1/demo/things/{thing}?shade=ruth@demo.test", headers={"Authorization": "Bearer secret-token"})
    err = capsys.readouterr().err
    line = json.loads(err.splitlines()[-1])
    assert (line["event"], line["method"], line["status"]) == ("request", "GET", 200)
    assert line["route"] == "/api/v1/demo/things/{thing_id}"
    assert line["service"] == "kit"
    assert line["traceparent"].startswith("00-")
    for planted in (str(thing), "ruth", "demo.test", "secret-token"):
        assert planted not in err


def test_every_answer_carries_its_guards(client: Client) -> None:
    response = client.get("/api/v1/nothing")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"].startswith("default-src 'none'")
    assert response["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (OperationalError("the connection is lost"), 503, "unavailable"),
        (InterfaceError("connection already closed"), 503, "unavailable"),
        (redis.ConnectionError("refused"), 503, "unavailable"),
        (redis.TimeoutError("late"), 503, "unavailable"),
        (DataError("integer out of range: ruth@demo.test"), 422, "invalid"),
        (IntegrityError("duplicate key\nDETAIL: Key (email)=(ruth@demo.test) already exists."), 500, "internal_error"),
        (Gift.DoesNotExist("Gift 17"), 404, "not_found"),
        (PermissionDenied("because"), 403, "forbidden"),
        (SuspiciousOperation("because"), 400, "bad_request"),
        (RequestDataTooBig("because"), 413, "payload_too_large"),
        (Throttled(wait=3), 429, "rate_limited"),
        (HttpError(409, "taken"), 409, "conflict"),
    ],
)
def test_each_exception_has_its_one_answer(
    capsys: pytest.CaptureFixture[str], error: Exception, status: int, told: str
) -> None:
    response = problems.answer(error)
    assert (response.status_code, json.loads(response.content)["code"]) == (status, told)
    said = response.content.decode() + capsys.readouterr().err
    for planted in ("ruth", "because", "Gift 17"):
        assert planted not in said


def test_staff_reports_refuse_in_the_same_words() -> None:
    for error, status in ((NotAuthenticated(), 401), (DrfDenied(), 403), (DrfNotFound(), 404), (ParseError(), 422)):
        response = problems.for_staff(error, {})
        assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json")


SITE = "https://site.example"


def test_a_page_of_ours_may_call_from_a_browser(client: Client, settings: Any) -> None:
    settings.BH_ALLOWED_ORIGINS = {SITE}
    asked = client.options("/api/v1/demo/gifts", headers={"Origin": SITE, "Access-Control-Request-Method": "POST"})
    assert (asked.status_code, asked["Access-Control-Allow-Origin"]) == (204, SITE)
    assert "Idempotency-Key" in asked["Access-Control-Allow-Headers"]
    response = client.get("/api/v1/demo/limited", headers={"Origin": SITE})
    assert (response.status_code, response["Access-Control-Allow-Origin"], response["Vary"]) == (429, SITE, "Origin")
    assert "Retry-After" in response["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in response


def test_a_strange_page_may_not(client: Client, settings: Any) -> None:
    settings.BH_ALLOWED_ORIGINS = {SITE}
    for origin in ("https://evil.example", "null", SITE + ".evil.example", SITE.upper()):
        asked = client.options(
            "/api/v1/demo/gifts", headers={"Origin": origin, "Access-Control-Request-Method": "POST"}
        )
        assert asked.status_code == 405
        response = client.get("/api/v1/demo/limited", headers={"Origin": origin})
        assert "Access-Control-Allow-Origin" not in asked
        assert "Access-Control-Allow-Origin" not in response
