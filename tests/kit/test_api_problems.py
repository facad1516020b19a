"""Every refusal is a problem."""

from __future__ import annotations

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def test_an_unknown_address_under_the_api_is_a_problem(client: Client):
    response = client.get("/api/v1/nothing-here", headers={"X-Request-ID": "abc-12345"})
    assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json")
    assert response.json()["code"] == "not_found"
    assert response.json()["request_id"] == response["X-Request-ID"] == "abc-12345"


def test_another_method_is_refused_with_the_ones_there_are(client: Client):
    response = client.delete("/api/v1/demo/gifts")
    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")
    assert response["Allow"] == "GET, HEAD, POST"
