"""What an attacker sends to every POST and PUT of the three services: refused in our words, and never a 5xx."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.contracts.conftest import Door, is_a_problem

MIB = 1024 * 1024
JSON = "application/json"
# A refusal may come before the body was read; then the connection is closed, and nobody may count on it.
ONE_EACH = httpx.Limits(max_keepalive_connections=0)

SAMPLES = {"amount": "25.00", "currency": "GBP", "payment_intent_id": "pi_1", "email": "ada@demo.test", "goal": "9.00"}
SAMPLES |= {"type": "campaign_update", "description": "Long enough to be read", "payment_method_id": "pm_1"}


def plain(document: dict[str, Any], schema: dict[str, Any], depth: int = 0) -> Any:
    """A value of a schema, the plainest there is."""
    if "$ref" in schema:
        return plain(document, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], depth + 1)
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema and "type" not in schema:
            return plain(document, schema[word][0], depth + 1)
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    match schema.get("type"):
        case "object":
            # Of several ways to say it the first.
            choices = [schema, *schema.get("allOf", [])]
            required = [name for part in choices for name in part.get("oneOf", [{}])[0].get("required", [])]
            required += schema.get("required", [])
            return {
                name: SAMPLES[name] if name in SAMPLES else plain(document, part, depth + 1)
                for name, part in schema.get("properties", {}).items()
                if name in required
            }
        case "array":
            return [plain(document, schema["items"], depth + 1)]
        case "string" if schema.get("format") == "uuid":
            return str(uuid4())
        case "string" if schema.get("format") == "date-time":
            return "2026-01-01T00:00:00Z"
        case "string":
            return (schema.get("examples") or ["x" * max(1, schema.get("minLength", 1))])[0]
        case "integer" | "number":
            return 1
        case "boolean":
            return True
    return {}


def bodies(usual: dict[str, Any]) -> dict[str, tuple[str, bytes]]:
    """`name → (content type, body)`; `usual` is what the route takes."""
    text = json.dumps(usual)
    # Money is what attackers want; elsewhere the first field will do.
    first = next((name for name in ("amount", "goal", *usual) if name in usual), "amount")

    def instead(value: str) -> bytes:
        """The usual body with one field replaced by raw JSON."""
        rest = [f"{json.dumps(name)}: {json.dumps(part)}" for name, part in usual.items() if name != first]
        return ("{" + ", ".join([f"{json.dumps(first)}: {value}", *rest]) + "}").encode()

    return {
        "nothing": (JSON, b""),
        "no JSON": (JSON, b"{"),
        "a list": (JSON, b"[]"),
        "null": (JSON, b"null"),
        "a number": (JSON, b"7"),
        "NaN": (JSON, instead("NaN")),
        "infinity": (JSON, instead("-Infinity")),
        "an absurd exponent": (JSON, instead("1E+999999")),
        "an absurd exponent in a string": (JSON, instead('"1E+999999"')),
        "a thousand digits": (JSON, instead("9" * 1000)),
        "a hundred thousand digits": (JSON, instead("9" * 100_000)),
        "a boolean": (JSON, instead("true")),
        "a number for text": (JSON, instead("25.00")),
        "an object for text": (JSON, instead('{"$ne": null}')),
        "NUL": (JSON, instead('"a\\u0000b"')),
        "a raw NUL": (JSON, instead('"a\x00b"')),
        "a lone surrogate": (JSON, instead('"\\ud800"')),
        "an escape character": (JSON, instead('"\\u001b[31m"')),
        "a line break": (JSON, instead('"a\\r\\nBcc: everybody@demo.test"')),
        "HTML": (JSON, instead('"<script>alert(1)</script>"')),
        "a template": (JSON, instead('"{{ settings.SECRET_KEY }}"')),
        "SQL": (JSON, instead('"\'; DROP TABLE payment; --"')),
        "no UTF-8": (JSON, b'{"a": "\xff\xfe"}'),
        "UTF-16": (JSON, text.encode("utf-16")),
        "deep": (JSON, b'{"a":' * 5_000 + b"1" + b"}" * 5_000),
        "very deep": (JSON, b"[" * 100_000 + b"]" * 100_000),
        "many keys": (JSON, ("{" + ",".join(f'"k{n}": 1' for n in range(20_000)) + "}").encode()),
        "a key twice": (JSON, (text[:-1] + f', {json.dumps(first)}: "again"}}').encode()),
        "an unknown field": (JSON, (text[:-1] + (", " if usual else "") + '"is_staff": true}').encode()),
        "a wrong type of content": ("text/plain", text.encode()),
        "a form": ("application/x-www-form-urlencoded", b"amount=1"),
        "no type of content": ("", text.encode()),
        "XML": ("application/xml", b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>"),
        "8 MiB": (JSON, b'{"a": "' + b"x" * (8 * MIB - 20) + b'"}'),
    }


def harmless(name: str) -> bool:
    """Words like any other where a field takes words; what becomes of them is escaping's business."""
    return name in {"HTML", "a template", "SQL", "an absurd exponent in a string"}


def test_hostile_bodies_are_refused_by_every_route(door: Door) -> None:
    """By all who may call it; who may not is refused before the body matters."""
    tried, wrong = 0, []
    writing = [(method, path, op) for method, path, op in door.routes() if method in ("POST", "PUT")]
    assert len(writing) >= 4
    with httpx.Client(base_url=door.url, timeout=60, trust_env=False, limits=ONE_EACH) as client:

        def send(method: str, path: str, caller: str, kind: str, body: bytes) -> httpx.Response:
            headers = door.header(caller) | {"Idempotency-Key": str(uuid4())}
            headers |= {"Content-Type": kind} if kind else {}
            return client.request(method, door.filled(path), content=body, headers=headers)

        for method, path, operation in writing:
            content = operation.get("requestBody", {}).get("content", {}).get(JSON)
            usual = plain(door.document, content["schema"]) if content else {}
            every = bodies(usual)
            for caller in ("guest", "staff", "monolith"):
                may = send(method, path, caller, JSON, b"{}").status_code not in (401, 403)
                for name in every if may else ("nothing", "very deep", "a wrong type of content", "8 MiB"):
                    answer = send(method, path, caller, *every[name])
                    tried += 1
                    found = faults(answer, name, operation) + undocumented(answer, operation)
                    wrong += [f"{method} {path}, {name}, as {caller}: {fault}" for fault in found]
    print(f"{door.service}: {tried} hostile bodies to {len(writing)} routes")
    assert wrong == []


def undocumented(answer: httpx.Response, operation: dict[str, Any]) -> list[str]:
    documented = operation["responses"]
    return [] if str(answer.status_code) in documented else [f"{answer.status_code} is not in the document"]


def faults(answer: httpx.Response, name: str, operation: dict[str, Any]) -> list[str]:
    if answer.status_code < 400:
        # A route that takes no body does not look at one.
        return [] if harmless(name) or "requestBody" not in operation else [f"{answer.status_code} {answer.text[:200]}"]
    if answer.status_code >= 500:
        return [f"{answer.status_code} {answer.text[:200]}"]
    if "<script>" in answer.text:
        return ["repeats what was sent"]
    return is_a_problem(answer, operation)


QUERIES = (
    *("limit=1000000000", "limit=-1", "limit=0", "limit=1e3", "limit=true", "limit=%00", "limit=1&limit=2"),
    *("cursor=%00", "cursor=x", "cursor=" + "A" * 5000, "cursor=%ff%fe", "cursor=%ed%a0%80"),
    *("after=-1:5", "after=" + "9" * 400, "after=00000000-0000-0000-0000-000000000000:1", "after=%00:1"),
    *("status=%27%3B--", "from=9999-12-31T23:59:59Z", "from=0001-01-01T00:00:00Z", "to=now", "from=1e400"),
    *("campaign_id=1", "unread=maybe", "type=%00", "link=%00", "link=" + "A" * 8000, "user__password__startswith=a"),
)


def test_hostile_queries_are_refused_or_ignored(door: Door) -> None:
    wrong, tried = [], 0
    with httpx.Client(base_url=door.url, timeout=60, trust_env=False, limits=ONE_EACH) as client:
        for _, path, operation in [route for route in door.routes() if route[0] == "GET"]:
            for query in QUERIES:
                for caller in ("donor", "monolith"):
                    answer = client.get(f"{door.filled(path)}?{query}", headers=door.header(caller))
                    tried += 1
                    wrong += [f"GET {path}?{query[:60]}: {fault}" for fault in undocumented(answer, operation)]
                    if answer.status_code >= 500 or (answer.status_code >= 400 and is_a_problem(answer, operation)):
                        wrong.append(f"GET {path}?{query[:60]} as {caller}: {answer.status_code} {answer.text[:200]}")
    print(f"{door.service}: {tried} hostile queries")
    assert wrong == []


PATHS = (
    "%00",
    "..%2f..%2fetc",
    "not-a-uuid",
    "%ff",
    "{id}",
    "a" * 4000,
)


def test_hostile_paths_and_methods_are_refused(door: Door) -> None:
    wrong = []
    with httpx.Client(base_url=door.url, timeout=60, trust_env=False, limits=ONE_EACH) as client:
        for method, path, operation in door.routes():
            if "{" in path:
                head, tail = path.partition("{")[0], path.partition("}")[2]
                for part in PATHS:
                    answer = client.request(method, f"{head}{part}{tail}", headers=door.header("staff"), json={})
                    if not 400 <= answer.status_code < 500 or is_a_problem(answer, operation):
                        wrong.append(f"{method} {head}{part[:40]}{tail}: {answer.status_code} {answer.text[:200]}")
            taken = {known for known, where, _ in door.routes() if where == path}
            for other in {"GET", "POST", "PUT", "DELETE", "PATCH", "TRACE"} - taken:
                answer = client.request(other, door.filled(path), headers=door.header("staff"))
                # Another route may have the same shape of address.
                if answer.status_code not in (404, 405) and not shadowed(door, other, path):
                    wrong.append(f"{other} {path}: {answer.status_code} {answer.text[:200]}")
                elif answer.status_code >= 500:
                    wrong.append(f"{other} {path}: {answer.status_code}")
    assert wrong == []


def shadowed(door: Door, method: str, path: str) -> bool:
    """Whether a route with a parameter covers this address for that method."""
    here = door.filled(path).split("/")

    def covers(other: str) -> bool:
        there = other.split("/")
        return len(there) == len(here) and all(b.startswith("{") or a == b for a, b in zip(here, there, strict=True))

    return any(known == method and covers(where) for known, where, _ in door.routes())


BAD_HEADERS: dict[str, Callable[[], dict[str, str]]] = {
    "no key": dict,
    "a key that is no UUID": lambda: {"Idempotency-Key": "once"},
    "an empty key": lambda: {"Idempotency-Key": ""},
    "two keys": lambda: {"Idempotency-Key": f"{uuid4()}, {uuid4()}"},
    "an endless key": lambda: {"Idempotency-Key": "a" * 4000},
}


@pytest.mark.parametrize("name", BAD_HEADERS)
def test_a_route_with_a_key_refuses_a_bad_one(door: Door, name: str) -> None:
    keyed = [
        (method, path, operation)
        for method, path, operation in door.routes()
        if any(part["name"] == "Idempotency-Key" for part in operation.get("parameters", []))
    ]
    assert keyed or door.service == "trust"
    for method, path, operation in keyed:
        content = operation.get("requestBody", {}).get("content", {}).get(JSON)
        answer = httpx.request(
            method,
            door.url + door.filled(path),
            json=plain(door.document, content["schema"]) if content else None,
            headers=door.header("staff") | BAD_HEADERS[name](),
            timeout=60,
            trust_env=False,
        )
        assert (answer.status_code, is_a_problem(answer)) == (400, []), f"{method} {path}: {answer.text}"
