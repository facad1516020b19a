"""A card number in any field, header, query or path of any route is refused and is found nowhere afterwards."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import redis
from django.test import Client

from bh_sdk.server.ops.settings import setting
from payments_svc.donations.models import Payment
from tests.payments.conftest import Caller, StandIn, person, service
from tests.tokens import bearer

NUMBER, GROUPED = "4000056655665556", "4000-0566 5566-5556"
API = "/api/v1"
# Signed by Stripe, stored sealed and shown masked: refusing one would lose the news.
SIGNED = f"{API}/payments/webhooks/stripe"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = Client().get(f"{API}/openapi.json").json()
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method in ("get", "put", "post", "delete", "patch"):
            if method in item and path != SIGNED:
                yield method.upper(), path, item[method]


def filled(path: str) -> str:
    return re.sub(r"\{[^}]*\}", str(uuid.uuid4()), path)


def properties(document: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any]:
    """The fields of a body, nested ones too, each as it would be sent: `{name: value with a hole for a card}`."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    return _fields(document, content["schema"]) if content else {}


def _fields(document: dict[str, Any], schema: dict[str, Any], depth: int = 0) -> Any:
    if "$ref" in schema:
        return _fields(document, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], depth)
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema and "type" not in schema:
            return _fields(document, schema[word][0], depth)
    if schema.get("type") == "object" and depth < 5:
        return {name: _fields(document, part, depth + 1) for name, part in schema.get("properties", {}).items()}
    if schema.get("type") == "array" and depth < 5:
        return [_fields(document, schema["items"], depth + 1)]
    return "x"


def planted(shape: Any, number: Any) -> Iterator[Any]:
    """The body once per place, with the number in it."""
    if isinstance(shape, dict):
        for name, part in shape.items():
            for inner in planted(part, number):
                yield shape | {name: inner}
    elif isinstance(shape, list):
        for inner in planted(shape[0], number):
            yield [inner]
    else:
        yield number


def callers() -> list[Caller]:
    return [Caller(), person(), person("finance"), person("support"), service("monolith")]


def assert_refused(answer: Any, what: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (422, "card_number_refused"), (what, answer.content)
    assert NUMBER[4:] not in re.sub(r"\D", "", answer.content.decode()), what


def everything_kept(url: str) -> str:
    """All that the database and Redis hold, as text."""
    found = []
    with psycopg.connect(url) as connection:
        tables = connection.execute("SELECT format('%I', tablename) FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in tables.fetchall():
            found += [row[0] for row in connection.execute(f"SELECT t::text FROM {table} t".encode())]
    with redis.Redis.from_url(setting("REDIS_URL")) as client:
        for key in client.scan_iter():
            found.append(f"{key!r} {client.dump(key)!r}")
    return "\n".join(found)


@pytest.mark.django_db(transaction=True)
def test_no_route_takes_one_and_nothing_keeps_one(
    document: dict[str, Any], owner_url: str, standin: StandIn, campaign: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    mark = "canary that is no card"
    assert Caller().open(campaign, message=mark).status_code == 201
    http, tried = Client(raise_request_exception=False), 0
    for method, path, operation in operations(document):
        for caller in callers():
            headers = (bearer(caller.token) if caller.token else {}) | {"Idempotency-Key": str(uuid.uuid4())}

            def send(what: str, query: str = "", body: Any = None, path: str = path, **more: str) -> None:
                nonlocal tried
                content = json.dumps(body).encode() if body is not None else b""
                address = f"{filled(path)}{query}"
                told = http.generic(method, address, content, "application/json", headers=headers | more)  # noqa: B023
                assert_refused(told, f"{method} {path} {what}")  # noqa: B023
                tried += 1

            shape = properties(document, operation)
            if method != "GET":
                for number in (NUMBER, GROUPED, int(NUMBER)):
                    for body in planted(shape, number):
                        send("body", body=body)
                send("metadata", body={**shape, "metadata": {"card": {"number": NUMBER}}})
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "query":
                    send("query", query=f"?{parameter['name']}={NUMBER}")
            send("unknown query", query=f"?card={GROUPED.replace(' ', '%20')}")
            for header in ("X-Request-ID", "User-Agent", "Referer", "X-Card", "Cookie", "Idempotency-Key"):
                send(header, **{header: GROUPED})
            if "{" in path:
                send("path", path=re.sub(r"\{[^}]*\}", NUMBER, path))
    assert tried > 300
    assert Payment.objects.count() == 1
    kept, written = everything_kept(owner_url), "".join(capfd.readouterr())
    # The search itself works: it finds the gift's message, and the log lines of these very calls.
    assert mark in kept
    assert '"status": 422' in written
    for text in (kept, written):
        assert NUMBER not in re.sub(r"[ .\-]", "", text)
    assert not [asked for asked in standin.asked("*") if NUMBER in json.dumps(asked)]
