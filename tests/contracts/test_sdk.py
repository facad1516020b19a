"""The SDK and the services offer the same: each route has a method, each method its route."""

from __future__ import annotations

import inspect
from datetime import date
from typing import Any
from uuid import UUID

import httpx

from bh_sdk import clients
from bh_sdk.clients.base import adoes, aeach, does, each
from bh_sdk.clients.call import Call
from bh_sdk.events import UserJoined
from bh_sdk.testing import papers
from bh_sdk.wire.trust import EvidenceFact
from tests.contracts.conftest import Door

CLIENTS: dict[str, tuple[type, type]] = {
    "payments": (clients.Payments, clients.AsyncPayments),
    "trust": (clients.Trust, clients.AsyncTrust),
    "notify": (clients.Notify, clients.AsyncNotify),
}
# Called by others than those who import the SDK.
NOT_FOR_THE_SDK = {
    ("POST", "/api/v1/payments/webhooks/stripe"),
    ("POST", "/api/v1/notifications/webhooks/{provider}"),
    *(
        (verb, f"/api/v1/notifications/{page}/{{token}}")
        for page in ("unsubscribe", "preferences")
        for verb in ("GET", "POST")
    ),
}
# Probes are not part of the API's document.
NOT_IN_THE_DOCUMENT = {("GET", "/readyz")}
AN_ID = UUID("0d9f1a52-6f5e-4f0a-b7c4-0a6f2f2f7b10")
A_PERSON = UUID("6a3c1d0e-52b9-4c55-9d0c-6a51f3f0c9d4")
VALUES: dict[str, Any] = {
    "amount": "25.00",
    "currency": "GBP",
    "goal": "100.00",
    "title": "A well",
    "status": "FUNDING",
    "kind": "campaign",
    "entity_type": "campaign",
    "description": "Long enough to be read",
    "payment_intent_id": "pi_1",
    "payment_method_id": "pm_1",
    "setup_intent_id": "seti_1",
    "subject": str(AN_ID),
    "data": {},
    "name": "Ada Cole",
    "address": {"line1": "4 Chapel Lane", "city": "Leeds", "postcode": "LS1 4AP", "country": "GB"},
    "statement": "2026-01",
    "content": papers.pdf(),
    "item": "identity",
    "reason": "duplicate",
    "notes": "Decided with the donor",
    "account_id": None,
    "token": str(AN_ID),
    "start_date": date(2026, 1, 1),
    "end_date": date(2026, 1, 31),
}


def operations(client: type) -> dict[str, Any]:
    """`method name → operation` of a client and of its feed."""
    bound = (does, adoes, each, aeach)
    found = {name: value.operation for name, value in inspect.getmembers_static(client) if isinstance(value, bound)}
    feed = {"page": clients.Feed.__dict__["page"]}
    return found | {f"events.{name}": value.operation for name, value in feed.items()}


def a_call(name: str, operation: Any) -> Call[Any]:
    """What an operation would send."""
    special: dict[str, dict[str, Any]] = {
        "report": {"kind": "fraud"},
        "file_appeal": {"against": "hold", "statement": "The beneficiary confirmed what we said"},
        "push_event": {"type": UserJoined.type, "data": {"user_id": str(AN_ID)}},
    }
    values = VALUES | special.get(operation.__name__, {})
    if operation.__name__ == "push_fact":
        return operation(UserJoined(user_id=AN_ID), subject=AN_ID)  # type: ignore[no-any-return]
    if operation.__name__ == "evidence":
        fact = {"id": AN_ID, "type": "user.joined", "time": "2026-01-01T00:00:00Z"}
        # The other id names a campaign by now.
        return operation(EvidenceFact.model_validate(fact | {"subject": {"kind": "user", "id": A_PERSON}}))  # type: ignore[no-any-return]
    required = [
        part for part in inspect.signature(operation).parameters.values() if part.default is inspect.Parameter.empty
    ]
    positional = [values.get(part.name, AN_ID) for part in required if part.kind is part.POSITIONAL_OR_KEYWORD]
    named = {part.name: values.get(part.name, AN_ID) for part in required if part.kind is part.KEYWORD_ONLY}
    if "currency" in inspect.signature(operation).parameters:
        named["currency"] = "GBP"
    if operation.__name__ == "send":
        # To whom, and of what type, can be said in two ways each; one of them is needed.
        named |= {"recipient_ids": [AN_ID], "type": "campaign_update"}
    if operation.__name__ in ("subscribe", "unsubscribe"):
        # A browser or an app, one of the two.
        named["token"] = "an-app-s-token"
    call: Call[Any] = operation(*positional, **named)
    return call


def template_of(door: Door, method: str, path: str) -> str | None:
    """The documented path that an address belongs to; a literal one wins."""
    parts = path.split("/")

    def fits(template: str) -> bool:
        there = template.split("/")
        return len(there) == len(parts) and all(
            a == b or (b.startswith("{") and a == str(AN_ID)) for a, b in zip(parts, there, strict=True)
        )

    found = [where for known, where, _ in door.routes() if known == method and fits(where)]
    return min(found, key=lambda where: where.count("{"), default=None)


def test_each_route_has_a_method_and_the_reverse(door: Door) -> None:
    for client in CLIENTS[door.service]:
        table = {}
        for name, operation in operations(client).items():
            call = a_call(name, operation)
            if (call.method, call.path) not in NOT_IN_THE_DOCUMENT:
                table[name] = (call.method, template_of(door, call.method, call.path))
        assert {name: route for name, route in table.items() if route[1] is None} == {}
        documented = {(method, path) for method, path, _ in door.routes()} - NOT_FOR_THE_SDK
        assert documented - set(table.values()) == set()
        assert set(table.values()) - documented == set()


def test_what_the_sdk_sends_is_what_the_document_asks_for(door: Door) -> None:
    """Keys where keys are required, bodies where bodies are, and no field that the service would refuse."""
    by_route = {(method, path): operation for method, path, operation in door.routes()}
    for name, operation in operations(CLIENTS[door.service][0]).items():
        call = a_call(name, operation)
        documented = by_route.get((call.method, template_of(door, call.method, call.path) or ""))
        if documented is None:
            continue
        keyed = any(part["name"] == "Idempotency-Key" for part in documented.get("parameters", []))
        assert call.key is not None or not keyed, f"{name} sends no key"
        assert (call.body is not None) == ("requestBody" in documented), name
        offered = {part["name"] for part in documented.get("parameters", []) if part["in"] == "query"}
        # A call with a body may carry them there.
        asked = set(inspect.signature(operation).parameters) & {"limit", "cursor", "link", "unread"}
        assert asked <= offered or call.body is not None, name


def test_the_sdk_sends_what_the_service_takes(door: Door) -> None:
    """Each call as it is made, by whoever may make it, is understood: refused for what it is about, not for its shape."""
    with httpx.Client(base_url=door.url, timeout=60, trust_env=False) as http:
        for name, operation in operations(CLIENTS[door.service][0]).items():
            call = a_call(name, operation)
            headers = door.header("monolith") | {"Content-Type": "application/json"}
            if call.key is not None:
                headers["Idempotency-Key"] = str(call.key)
            answer = http.request(call.method, call.path, params=call.query, content=call.body, headers=headers)
            if answer.status_code in (400, 415, 422):
                codes = {"notification_data_invalid", "notification_type_unknown", "amount_out_of_bounds"}
                assert answer.json()["code"] in codes, f"{name}: {answer.text}"
            assert answer.status_code < 500, f"{name}: {answer.text}"
