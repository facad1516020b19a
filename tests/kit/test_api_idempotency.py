"""One key, one execution, one answer."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.test import Client

from bh_sdk.server.api.idempotency import purge
from bh_sdk.server.api.models import IdempotencyKey
from bh_sdk.server.ops import clock
from tests.kit.project.demo import api
from tests.kit.project.demo.models import Gift

GIFTS = "/api/v1/demo/gifts"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_ran_yet() -> Iterator[None]:
    api.ran.clear()
    api.gate.set()
    yield
    api.gate.set()


def give(client: Client, key: object = None, *, by: str = "ruth", path: str = GIFTS, **body: Any) -> Any:
    headers = {"Authorization": f"Bearer {by}"} | ({"Idempotency-Key": str(key)} if key is not None else {})
    return client.post(path, {"title": "A roof", **body}, content_type="application/json", headers=headers)


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


@pytest.mark.parametrize(
    "key", [None, "", "abc", "1" * 32, "{6f1c2a3e-0000-4000-8000-000000000000}", "6f1c2a3e-0000-4000-8000-00000000000g"]
)
def test_without_a_uuid_nothing_runs(client: Client, key: str | None) -> None:
    assert code(give(client, key)) == (400, "idempotency_key_missing")
    assert (api.ran, Gift.objects.count(), IdempotencyKey.objects.count()) == ([], 0, 0)


def test_the_second_call_gets_the_first_answer(client: Client) -> None:
    key = uuid.uuid4()
    first, second = give(client, key), give(client, str(key).upper())
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert "Idempotent-Replayed" not in first
    assert second["Idempotent-Replayed"] == "true"
    assert second["Content-Type"] == first["Content-Type"]
    assert second["X-Request-ID"] != first["X-Request-ID"]
    assert (api.ran, Gift.objects.count()) == (["fine"], 1)


def test_the_order_of_members_does_not_make_another_body(client: Client) -> None:
    headers = {"Authorization": "Bearer ruth", "Idempotency-Key": str(uuid.uuid4())}
    one = client.post(GIFTS, '{"title": "x", "size": 1}', content_type="application/json", headers=headers)
    two = client.post(GIFTS, '{ "size":1,"title":"\\u0078" }', content_type="application/json", headers=headers)
    assert (one.status_code, two.status_code, one.content) == (201, 201, two.content)


def test_another_body_under_the_same_key_is_refused(client: Client) -> None:
    key = uuid.uuid4()
    give(client, key)
    assert code(give(client, key, size=9)) == (422, "idempotency_key_reused")
    assert (api.ran, Gift.objects.count()) == (["fine"], 1)


def test_another_path_under_the_same_key_is_refused(client: Client) -> None:
    first, second = (Gift.objects.create(title="x", created_at=clock.now()) for _ in range(2))
    key = uuid.uuid4()
    assert give(client, key, path=f"{GIFTS}/{first.id}/wrap").status_code == 200
    assert code(give(client, key, path=f"{GIFTS}/{second.id}/wrap")) == (422, "idempotency_key_reused")
    assert api.ran == [str(first.id)]


def test_callers_and_routes_do_not_share_keys(client: Client) -> None:
    key = uuid.uuid4()
    ids = {give(client, key, by=by).json()["id"] for by in ("ruth", "naomi")}
    assert len(ids) == 2
    assert len(set(Gift.objects.values_list("digest", flat=True))) == 2
    gift = ids.pop()
    assert give(client, key, path=f"{GIFTS}/{gift}/wrap").status_code == 200


def test_guests_are_told_apart_by_the_callers_own_words(client: Client) -> None:
    def as_guest(email: str) -> Any:
        body = {"title": "x", "email": email}
        return client.post(
            "/api/v1/demo/guest-gifts", body, content_type="application/json", headers={"Idempotency-Key": key}
        )

    key = str(uuid.uuid4())
    assert as_guest("ruth@demo.test").json() != as_guest("naomi@demo.test").json()
    assert as_guest("ruth@demo.test")["Idempotent-Replayed"] == "true"
    assert api.ran == ["guest", "guest"]


def test_a_commands_own_refusal_is_kept(client: Client) -> None:
    key = uuid.uuid4()
    first, second = give(client, key, outcome="refused"), give(client, key, outcome="refused")
    assert code(first) == code(second) == (409, "campaign_not_accepting")
    assert (second["Idempotent-Replayed"], second["Content-Type"]) == ("true", "application/problem+json")
    assert second.json()["campaign"] == "closed"
    assert api.ran == ["refused"]


@pytest.mark.parametrize(("outcome", "status"), [("away", 502), ("broken", 500)])
def test_a_failure_frees_the_key_at_once_for_the_same_body(client: Client, outcome: str, status: int) -> None:
    key = uuid.uuid4()
    for _ in range(3):
        assert give(client, key, outcome=outcome).status_code == status
    assert api.ran == [outcome] * 3
    assert code(give(client, key, outcome="fine")) == (422, "idempotency_key_reused")
    assert IdempotencyKey.objects.get().status is None


@pytest.mark.parametrize(("outcome", "status"), [("limited", 429), ("invalid", 422)])
def test_a_limit_or_a_wrong_value_leaves_no_trace_of_the_key(client: Client, outcome: str, status: int) -> None:
    key = uuid.uuid4()
    assert give(client, key, outcome=outcome).status_code == status
    assert IdempotencyKey.objects.count() == 0
    assert give(client, key, outcome="fine").status_code == 201


def test_a_body_that_is_refused_before_the_view_stores_nothing(client: Client) -> None:
    key = uuid.uuid4()
    assert code(give(client, key, unknown=1)) == (422, "invalid")
    assert IdempotencyKey.objects.count() == 0
    assert give(client, key).status_code == 201


def test_while_the_first_runs_the_others_wait_outside(client: Client) -> None:
    key = uuid.uuid4()
    give(client, key, outcome="away")
    IdempotencyKey.objects.update(lease=uuid.uuid4(), lease_until=in_database(timedelta(seconds=60)))
    response = give(client, key, outcome="away")
    assert code(response) == (409, "idempotency_in_progress")
    assert response["Retry-After"] == "1"
    assert api.ran == ["away"]


def test_another_body_is_refused_even_while_the_first_runs(client: Client) -> None:
    key = uuid.uuid4()
    give(client, key, outcome="away")
    IdempotencyKey.objects.update(lease=uuid.uuid4(), lease_until=in_database(timedelta(seconds=60)))
    assert code(give(client, key, size=3)) == (422, "idempotency_key_reused")


def test_a_dead_holders_key_is_free_when_its_lease_is_over(client: Client) -> None:
    key = uuid.uuid4()
    give(client, key, outcome="away")
    IdempotencyKey.objects.update(lease=uuid.uuid4(), lease_until=in_database(timedelta(seconds=-1)))
    assert code(give(client, key, outcome="away")) == (502, "provider_unavailable")
    assert api.ran == ["away", "away"]


def in_database(shift: timedelta) -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp() + make_interval(secs => %s)", [shift.total_seconds()])
        return cursor.fetchone()[0]


@pytest.mark.django_db(transaction=True)
def test_a_retry_after_a_crash_resumes_the_same_object(client: Client) -> None:
    key = uuid.uuid4()
    first = give(client, key).json()
    # As if the process had died between the command's commit and the answer's.
    IdempotencyKey.objects.update(
        status=None, answer=None, lease=uuid.uuid4(), lease_until=in_database(timedelta(seconds=-1))
    )
    again = give(client, key)
    assert again.json() == first
    assert "Idempotent-Replayed" not in again
    assert (len(api.ran), Gift.objects.count()) == (2, 1)


@pytest.mark.django_db(transaction=True)
def test_a_database_that_restarts_within_the_command_leaves_the_key_free(client: Client) -> None:
    key = uuid.uuid4()
    for _ in range(2):
        assert code(give(client, key, outcome="cut")) == (503, "unavailable")
    assert api.ran == ["cut", "cut"]
    assert IdempotencyKey.objects.get().lease is None


@pytest.mark.django_db(transaction=True)
def test_a_database_that_restarts_after_the_commit_does_not_cost_the_answer(client: Client) -> None:
    key = uuid.uuid4()
    first = give(client, key, outcome="cut late")
    assert first.status_code == 201
    assert give(client, key, outcome="cut late").content == first.content
    assert (api.ran, Gift.objects.count()) == (["cut late"], 1)


@pytest.mark.django_db(transaction=True)
def test_a_late_first_holder_cannot_overwrite_its_successors_answer() -> None:
    key = uuid.uuid4()
    late: list[Any] = []
    api.gate.clear()

    def first() -> None:
        late.append(give(Client(), key))
        connections.close_all()

    thread = threading.Thread(target=first)
    thread.start()
    until(lambda: api.ran == ["fine"])
    # The first is taken for dead: its lease runs out, another takes over and ends.
    IdempotencyKey.objects.update(lease_until=in_database(timedelta(seconds=-1)))
    row = IdempotencyKey.objects.get()
    api.gate.set()
    second = give(Client(), key)
    thread.join(20)
    assert second.status_code in (201, 409)
    assert late[0].status_code in (201, 409)
    answered = [response for response in (late[0], second) if response.status_code == 201]
    assert len({response.content for response in answered}) == 1
    assert IdempotencyKey.objects.get(id=row.id).status == 201
    assert Gift.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_holder_whose_lease_was_taken_answers_with_what_is_stored(client: Client) -> None:
    key = uuid.uuid4()
    api.gate.clear()
    late: list[Any] = []

    def first() -> None:
        late.append(give(Client(), key))
        connections.close_all()

    thread = threading.Thread(target=first)
    thread.start()
    until(lambda: api.ran == ["fine"])
    successor = uuid.uuid4()
    IdempotencyKey.objects.update(lease=successor, lease_until=in_database(timedelta(seconds=60)))
    api.gate.set()
    thread.join(20)
    # The successor is still at it: the late one says so, and leaves its lease alone.
    assert code(late[0]) == (409, "idempotency_in_progress")
    row = IdempotencyKey.objects.get()
    assert (row.status, row.lease) == (None, successor)


@pytest.mark.django_db(transaction=True)
def test_fifty_threads_with_one_key_are_one_execution() -> None:
    key = uuid.uuid4()
    start = threading.Barrier(50)

    def one(_: int) -> Any:
        try:
            client = Client()
            start.wait(30)
            return give(client, key)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(50) as pool:
        responses = list(pool.map(one, range(50)))
    seen = Counter(response.status_code for response in responses)
    assert set(seen) <= {201, 409}
    assert seen[201] >= 1
    assert api.ran == ["fine"]
    assert Gift.objects.count() == 1
    assert len({response.content for response in responses if response.status_code == 201}) == 1
    assert all(response["Retry-After"] == "1" for response in responses if response.status_code == 409)
    assert give(Client(), key)["Idempotent-Replayed"] == "true"


def test_what_is_stored_shows_nothing_of_the_answer(client: Client) -> None:
    give(client, uuid.uuid4(), title="ruth@demo.test")
    with connection.cursor() as cursor:
        cursor.execute("SELECT k::text, answer FROM bh_api_idempotencykey k")
        text, answer = cursor.fetchone()
    for planted in ("ruth", "demo.test", Gift.objects.get().id.hex[:8]):
        assert planted not in text
        assert planted.encode() not in bytes(answer)


def test_an_answer_moved_to_another_row_is_not_given(client: Client) -> None:
    first, second = uuid.uuid4(), uuid.uuid4()
    give(client, first)
    give(client, second, size=5)
    IdempotencyKey.objects.filter(key=second).update(answer=IdempotencyKey.objects.get(key=first).answer)
    assert code(give(client, second, size=5)) == (500, "internal_error")


def test_keys_are_forgotten_after_72_hours(client: Client) -> None:
    old, young = uuid.uuid4(), uuid.uuid4()
    give(client, old)
    give(client, young)
    IdempotencyKey.objects.filter(key=old).update(created_at=clock.now() - timedelta(hours=73))
    assert purge() == 1
    assert IdempotencyKey.objects.get().key == young
    # Older than that it is a new call; what the command stored by digest still resumes.
    assert "Idempotent-Replayed" not in give(client, old)
    assert Gift.objects.count() == 2


def until(ready: Any) -> None:
    """Give another thread its turn until `ready`."""
    turn = threading.Event()
    for _ in range(2_000):
        if ready():
            return
        turn.wait(0.005)
    raise AssertionError("it never happened")
