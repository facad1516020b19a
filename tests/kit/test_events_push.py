"""`POST /api/v1/events`: the platform tells a fact, and it is handled once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import Client

from bh_sdk.events import UserVerified
from bh_sdk.server.events import Delivered, handlers, handles
from bh_sdk.server.events.models import Inbox
from tests.tokens import bearer, service_token

pytest_plugins = ("tests.kit.events_fixtures",)
pytestmark = pytest.mark.django_db(transaction=True)

heard: list[Delivered[UserVerified]] = []
failing: list[Exception] = []


def hear(event: Delivered[UserVerified]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO effect (event_id, subject) VALUES (%s, %s)", [event.id, event.data.user_id])
    if failing:
        raise failing[0]
    heard.append(event)


@pytest.fixture(autouse=True)
def handled(effects: None) -> Iterator[None]:
    handles(UserVerified)(hear)
    yield
    handlers._handlers[UserVerified.type].remove(hear)
    heard.clear()
    failing.clear()


def envelope(**changes: Any) -> dict[str, Any]:
    user = str(uuid4())
    return {
        "specversion": "1.0",
        "id": str(uuid4()),
        "source": "platform",
        "type": "platform.user.verified.v1",
        "subject": user,
        "time": "2026-11-22T10:00:00Z",
        "data": {"user_id": user, "item": "email"},
    } | changes


def push(client: Client, body: Any, who: str = "monolith") -> tuple[int, Any]:
    response = client.post("/api/v1/events", body, content_type="application/json", headers=bearer(service_token(who)))
    return response.status_code, response.json()


def effects_written() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM effect")
        (found,) = cursor.fetchone()
    return int(found)


def test_a_fact_is_handled_once_however_often_it_is_told(client: Client) -> None:
    body = envelope()
    assert push(client, body) == (202, {"id": body["id"], "status": "accepted"})
    for _ in range(3):
        assert push(client, body) == (200, {"id": body["id"], "status": "repeated"})
    assert effects_written() == 1
    (event,) = heard
    assert (event.id, event.source, event.number) == (UUID(body["id"]), "platform", None)
    assert event.data == UserVerified(user_id=UUID(body["subject"]), item="email")
    assert list(Inbox.objects.values_list("source", "event_id", "type")) == [("platform", event.id, UserVerified.type)]


def test_the_same_id_of_another_source_is_another_fact(client: Client) -> None:
    body = envelope()
    assert push(client, body)[0] == 202
    assert push(client, body | {"source": "elsewhere"})[0] == 202
    assert effects_written() == 2


def test_told_ten_times_at_once_it_is_handled_once(client: Client) -> None:
    body, answers = envelope(), list[int]()

    def tell() -> None:
        answers.append(push(Client(), body)[0])
        connection.close()

    threads = [threading.Thread(target=tell) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sorted(answers), effects_written()) == ([*[200] * 9, 202], 1)


def test_when_a_handler_fails_nothing_is_kept_and_it_may_be_told_again(client: Client) -> None:
    failing.append(RuntimeError("a bug"))
    client.raise_request_exception = False
    body = envelope()
    assert push(client, body)[0] == 500
    assert (Inbox.objects.count(), effects_written()) == (0, 0)
    failing.clear()
    assert push(client, body)[0] == 202


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"type": "platform.unknown.v1"}, "#/type"),
        ({"type": "payments.donation.succeeded.v1"}, "#/type"),
        ({"data": {"item": "email"}}, "#/data/user_id"),
        ({"data": {"user_id": str(UUID(int=1)), "item": "shoe"}}, "#/data/item"),
        ({"data": {"user_id": 5, "item": "email"}}, "#/data/user_id"),
        (
            {"data": {"user_id": str(UUID(int=1)), "item": "email", "expires_at": "2026-01-01T00:00:00"}},
            "#/data/expires_at",
        ),
        (
            {"data": {"user_id": str(UUID(int=1)), "item": "email", "expires_at": "9999-12-31T23:59:59Z"}},
            "#/data/expires_at",
        ),
        ({"id": "x"}, "#/id"),
        ({"specversion": "0.3"}, "#/specversion"),
        ({"surplus": 1}, "#/surplus"),
        ({"time": "yesterday"}, "#/time"),
    ],
)
def test_what_is_no_fact_of_the_platform_is_refused(client: Client, changes: dict[str, Any], pointer: str) -> None:
    status, problem = push(client, envelope(**changes))
    assert (status, [error["pointer"] for error in problem["errors"]]) == (422, [pointer])
    assert (Inbox.objects.count(), effects_written()) == (0, 0)


def test_a_fact_that_nobody_handles_is_taken(client: Client) -> None:
    user = str(uuid4())
    body = envelope(type="platform.user.joined.v1", data={"user_id": user})
    assert push(client, body)[0] == 202
    assert push(client, body)[0] == 200


def test_only_the_platform_tells_facts(client: Client) -> None:
    assert client.post("/api/v1/events", envelope(), content_type="application/json").status_code == 401
    assert push(client, envelope(), who="payments")[0] == 403
    assert Inbox.objects.count() == 0
