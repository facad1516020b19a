"""Pages by keyset, fast rows, and ETags."""

from __future__ import annotations

import base64
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from tests.kit.project.demo.models import Gift

pytestmark = pytest.mark.django_db
RUTH = {"Authorization": "Bearer ruth"}
GIFTS = "/api/v1/demo/gifts"
FAST = "/api/v1/demo/fast-gifts"
DAY = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture
def gifts() -> list[str]:
    """Forty-five gifts, many of the same moment; newest first by time, then id."""
    rows = [
        Gift(title="odd" if n % 2 else "even", size=n, created_at=DAY + timedelta(seconds=n // 4)) for n in range(45)
    ]
    Gift.objects.bulk_create(rows)
    return [str(row.id) for row in sorted(rows, key=lambda row: (row.created_at, row.id), reverse=True)]


def get(client: Client, path: str) -> Any:
    response = client.get(path, headers=RUTH)
    assert response.status_code == 200, response.content
    return response.json()


def walk(client: Client, path: str, way: str = "next") -> list[list[str]]:
    pages = []
    follow: str | None = path
    while follow:
        page = get(client, follow)
        pages.append([row["id"] for row in page["results"]])
        follow = page[way]
    return pages


@pytest.mark.parametrize("path", [GIFTS, FAST])
@pytest.mark.parametrize("limit", [1, 4, 7, 20, 44, 45, 46, 100])
def test_walking_the_pages_meets_every_row_once_and_in_order(
    client: Client, gifts: list[str], path: str, limit: int
) -> None:
    pages = walk(client, f"{path}?limit={limit}")
    assert [row for page in pages for row in page] == gifts
    assert all(len(page) == limit for page in pages[:-1])


def test_a_page_holds_twenty_unless_asked(client: Client, gifts: list[str]) -> None:
    page = get(client, GIFTS)
    assert [row["id"] for row in page["results"]] == gifts[:20]
    assert set(page) == {"results", "next", "previous"}
    assert page["previous"] is None
    assert page["next"].startswith(f"{GIFTS}?cursor=")


def test_the_way_back_shows_the_same_pages(client: Client, gifts: list[str]) -> None:
    first = get(client, f"{GIFTS}?limit=20")
    second = get(client, first["next"])
    third = get(client, second["next"])
    assert third["next"] is None
    assert [row["id"] for row in third["results"]] == gifts[40:]
    back = get(client, third["previous"])
    assert back["results"] == second["results"]
    start = get(client, back["previous"])
    assert (start["results"], start["previous"]) == (first["results"], None)
    assert get(client, start["next"])["results"] == second["results"]


def test_filters_and_limit_go_along(client: Client, gifts: list[str]) -> None:
    page = get(client, f"{GIFTS}?title=odd&limit=5")
    assert "title=odd" in page["next"]
    assert "limit=5" in page["next"]
    walked = walk(client, f"{GIFTS}?title=odd&limit=5")
    assert [row for page in walked for row in page] == [row for row in gifts if Gift.objects.get(id=row).title == "odd"]


def test_rows_that_arrive_meanwhile_shift_nothing(client: Client, gifts: list[str]) -> None:
    page = get(client, f"{GIFTS}?limit=10")
    Gift.objects.create(title="new", created_at=DAY + timedelta(days=1))
    assert [row["id"] for row in get(client, page["next"])["results"]] == gifts[10:20]


def test_an_empty_list_is_a_page(client: Client) -> None:
    for path in (GIFTS, FAST):
        assert get(client, path) == {"results": [], "next": None, "previous": None}


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "é",
        "!!!!",
        "AAAA",
        base64.urlsafe_b64encode(b"0" * 12 + b'["n","2026-11-01","x"]').decode(),
        "A" * 1000,
        "A" * 5000,
    ],
)
@pytest.mark.parametrize("path", [GIFTS, FAST])
def test_a_cursor_that_is_not_ours_is_422(client: Client, path: str, cursor: str) -> None:
    response = client.get(path, {"cursor": cursor}, headers=RUTH)
    assert (response.status_code, response.json()["code"]) == (422, "invalid")
    assert response.json()["errors"][0]["pointer"] == "#/query/cursor"


def test_a_cursor_of_another_list_is_422(client: Client, gifts: list[str]) -> None:
    foreign = get(client, f"{GIFTS}?limit=5")["next"].replace(GIFTS, FAST)
    assert client.get(foreign, headers=RUTH).status_code == 422


def test_a_cursor_with_one_letter_changed_is_422(client: Client, gifts: list[str]) -> None:
    follow = get(client, f"{GIFTS}?limit=5")["next"]
    changed = follow[:-12] + ("A" if follow[-12] != "A" else "B") + follow[-11:]
    assert client.get(changed, headers=RUTH).status_code == 422


def test_the_page_costs_one_query(client: Client, gifts: list[str], django_assert_num_queries: Any) -> None:
    follow = get(client, f"{GIFTS}?limit=5")["next"]
    with django_assert_num_queries(1):
        client.get(follow, headers=RUTH)


def test_a_fast_row_is_the_databases_own_words(client: Client, gifts: list[str]) -> None:
    row = Gift.objects.get(id=gifts[0])
    response = client.get(f"{FAST}/{row.id}", headers=RUTH)
    assert response["Content-Type"] == "application/json; charset=utf-8"
    assert response.json() == {"id": str(row.id), "title": row.title, "size": row.size}


def test_a_fast_row_that_is_not_there_is_404(client: Client) -> None:
    response = client.get(f"{FAST}/{uuid.uuid4()}", headers=RUTH)
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_who_has_it_already_gets_304(client: Client, gifts: list[str]) -> None:
    path = f"{FAST}/{gifts[0]}"
    first = client.get(path, headers=RUTH)
    tag = first["ETag"]
    assert tag.startswith('W/"')
    for known in (tag, tag.removeprefix("W/"), "*", f'"other", {tag}'):
        again = client.get(path, headers={**RUTH, "If-None-Match": known})
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)
        assert "Content-Type" not in again
    assert client.get(path, headers={**RUTH, "If-None-Match": '"other"'}).status_code == 200
    Gift.objects.filter(id=gifts[0]).update(title="changed")
    changed = client.get(path, headers={**RUTH, "If-None-Match": tag})
    assert changed.status_code == 200
    assert changed["ETag"] != tag
