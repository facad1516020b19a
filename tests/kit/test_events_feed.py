"""`GET /api/v1/events`: the log in number order, for services alone."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
import redis
from django.test import Client

from bh_sdk.server.events.epochs import begin_epoch
from bh_sdk.server.events.leadership import direct_connection
from bh_sdk.server.events.models import FeedHead
from tests.kit.events_road import relay_all, tell
from tests.tokens import bearer, service_token

pytestmark = pytest.mark.django_db(transaction=True)


def get(client: Client, query: str = "", who: str = "trust") -> tuple[int, Any]:
    response = client.get(f"/api/v1/events{query}", headers=bearer(service_token(who)))
    return response.status_code, response.json()


def test_pages_follow_each_other_to_the_head(client: Client, clean_redis: redis.Redis) -> None:
    ids = [str(tell(uuid4(), n)) for n in range(5)]
    relay_all()
    epoch = FeedHead.objects.get().epoch
    seen, after = [], ""
    for size in (2, 2, 1):
        status, page = get(client, f"?limit=2&after={after}")
        assert (status, len(page["results"]), page["head"]) == (200, size, f"{epoch}:5")
        seen += page["results"]
        after = page["next"]
    assert ([event["id"] for event in seen], [event["number"] for event in seen]) == (ids, [1, 2, 3, 4, 5])
    assert after == f"{epoch}:5"
    assert get(client, f"?after={after}") == (200, {"results": [], "next": after, "head": after})
    assert [event["number"] for event in get(client, "?after=3")[1]["results"]] == [4, 5]


def test_an_event_is_a_cloud_event(client: Client, clean_redis: redis.Redis) -> None:
    subject = uuid4()
    event_id = tell(subject, 3)
    relay_all()
    (event,) = get(client)[1]["results"]
    assert event.pop("time").endswith("Z")
    assert event == {
        "specversion": "1.0",
        "id": str(event_id),
        "source": "kit",
        "type": "kit.counted.v1",
        "subject": str(subject),
        "datacontenttype": "application/json",
        "traceparent": None,
        "number": 1,
        "epoch": str(FeedHead.objects.get().epoch),
        "data": {"n": 3, "remark": None},
    }


def test_a_log_without_events_has_a_head(client: Client, clean_redis: redis.Redis) -> None:
    status, page = get(client)
    head = f"{FeedHead.objects.get().epoch}:0"
    assert (status, page) == (200, {"results": [], "next": head, "head": head})


def test_another_epoch_is_told_where_to_resume(client: Client, clean_redis: redis.Redis) -> None:
    tell(uuid4(), 1)
    tell(uuid4(), 2)
    relay_all()
    first = FeedHead.objects.get().epoch
    with direct_connection() as operator:
        begin_epoch(operator, reason="test")
    epoch = FeedHead.objects.get().epoch
    for asked, resume in ((f"{first}:1", 1), (f"{first}:2", 2), (f"{first}:9", 2), (f"{uuid4()}:1", 0)):
        status, problem = get(client, f"?after={asked}")
        assert (status, problem["code"]) == (409, "epoch_mismatch")
        assert (problem["resume"], problem["head"]) == (f"{epoch}:{resume}", f"{epoch}:2")


def test_a_position_ahead_of_the_log_is_a_conflict(client: Client, clean_redis: redis.Redis) -> None:
    relay_all()
    epoch = FeedHead.objects.get().epoch
    status, problem = get(client, f"?after={epoch}:1")
    assert (status, problem["code"], problem["head"]) == (409, "feed_behind", f"{epoch}:0")


@pytest.mark.parametrize("query", ["?after=x", "?after=%00", f"?after={uuid4()}:-1", "?after=" + "9" * 40, "?after=١"])
def test_a_position_that_is_none_is_refused(client: Client, query: str) -> None:
    status, problem = get(client, query)
    assert status == 422
    assert problem["errors"][0]["pointer"] == "#/query/after"


@pytest.mark.parametrize("query", ["?limit=0", "?limit=501", "?limit=x", "?other=1"])
def test_limits_are_kept(client: Client, query: str) -> None:
    assert get(client, query)[0] == 422


def test_only_services_read_it(client: Client) -> None:
    assert client.get("/api/v1/events").status_code == 401
    assert get(client, who="kit")[0] in (401, 403)
    for who in ("payments", "trust", "notify", "monolith"):
        assert get(client, who=who)[0] == 200


def test_a_page_is_one_statement(client: Client, clean_redis: redis.Redis, django_assert_max_num_queries: Any) -> None:
    from bh_sdk.server.events import feed

    tell(uuid4(), 1)
    relay_all()
    with django_assert_max_num_queries(1):
        page = json.loads(feed.page(""))
    assert len(page["results"]) == 1
