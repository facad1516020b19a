"""A person's feed: pages, filters, counts, groups, and what is done to entries."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bh_sdk.server.ops import clock
from notify_svc.delivery.models import Notification
from notify_svc.feed import rules
from tests.notify.conftest import Caller, Campaign, describe, hear, person, succeeded
from tests.notify.test_api import ask, code

pytestmark = pytest.mark.django_db


def fill(monolith: Caller, reader: Caller, count: int) -> list[str]:
    """Send so many, one by one; returns their ids, newest first."""
    ids = [
        monolith.send(ask(reader.sub, channels=["in_app"])).json()["results"][0]["notification_id"]
        for _ in range(count)
    ]
    return ids[::-1]


def test_the_feed_is_paged_by_what_follows_even_while_it_grows(monolith: Caller) -> None:
    reader = person()
    ids = fill(monolith, reader, 5)
    page = reader("GET", f"/user/{reader.sub}?limit=2").json()
    assert ([one["id"] for one in page["results"]], page["unread_count"]) == (ids[:2], 5)
    fill(monolith, reader, 1)
    seen = []
    while page["next"]:
        page = reader("GET", page["next"].removeprefix("/api/v1/notifications")).json()
        seen += [one["id"] for one in page["results"]]
    assert seen == ids[2:]


def test_entries_of_the_same_moment_are_all_paged(monolith: Caller) -> None:
    reader = person()
    ids = fill(monolith, reader, 4)
    moment = clock.now()
    Notification.objects.update(shown_at=moment)
    page, seen = reader("GET", f"/user/{reader.sub}?limit=1").json(), []
    while True:
        seen += [one["id"] for one in page["results"]]
        if not page["next"]:
            break
        page = reader("GET", page["next"].removeprefix("/api/v1/notifications")).json()
    assert seen == sorted(ids, reverse=True)


def test_the_feed_is_filtered_and_the_filter_follows_the_pages(monolith: Caller) -> None:
    reader = person()
    ids = fill(monolith, reader, 4)
    reader("PUT", f"/read/{ids[1]}")
    page = reader("GET", f"/user/{reader.sub}?unread=true&limit=2").json()
    assert ([one["id"] for one in page["results"]], page["unread_count"]) == ([ids[0], ids[2]], 3)
    rest = reader("GET", page["next"].removeprefix("/api/v1/notifications")).json()
    assert [one["id"] for one in rest["results"]] == [ids[3]]
    assert [one["id"] for one in reader("GET", f"/user/{reader.sub}?unread=false").json()["results"]] == [ids[1]]
    assert len(reader("GET", f"/user/{reader.sub}?type=campaign_update").json()["results"]) == 4
    assert reader("GET", f"/user/{reader.sub}?type=gift.failed").json()["results"] == []


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=x",
        "cursor=x",
        "unread=maybe",
        "type=%00",
        "type=A%20b",
        "what=1",
        "cursor=" + "a" * 2000,
    ],
)
def test_a_feed_asked_for_in_nonsense_is_refused(query: str) -> None:
    reader = person()
    assert reader("GET", f"/user/{reader.sub}?{query}").status_code == 422


def test_a_cursor_of_another_list_is_refused(monolith: Caller) -> None:
    one, two = person(), person()
    fill(monolith, one, 2)
    link = one("GET", f"/user/{one.sub}?limit=1").json()["next"]
    assert two("GET", f"/user/{two.sub}?{link.partition('?')[2]}").status_code == 422


def test_reading_is_kept_from_the_first_time(monolith: Caller) -> None:
    reader = person()
    (entry,) = fill(monolith, reader, 1)
    first = reader("PUT", f"/read/{entry}")
    assert first.status_code == 200
    assert first.json()["read_at"] is not None
    assert reader("PUT", f"/read/{entry}").json() == first.json()
    assert reader("GET", f"/user/{reader.sub}").json()["unread_count"] == 0
    assert reader("PUT", f"/read/{uuid.uuid4()}").status_code == 404


def test_read_all_marks_the_rest_once(monolith: Caller) -> None:
    reader = person()
    ids = fill(monolith, reader, 3)
    before = reader("PUT", f"/read/{ids[0]}").json()["read_at"]
    assert reader("POST", "/read-all").json() == {"marked": 2}
    assert reader("POST", "/read-all").json() == {"marked": 0}
    entries = reader("GET", f"/user/{reader.sub}").json()["results"]
    assert datetime.fromisoformat(entries[0]["read_at"]) == datetime.fromisoformat(before)
    assert all(entry["seen_at"] for entry in entries)


# --- marks --------------------------------------------------------------------------------------------------------------

MARKS = [("PUT", "seen"), ("PUT", "read"), ("DELETE", "read"), ("PUT", "archive"), ("DELETE", "archive")]
TIMES = ("seen_at", "read_at", "archived_at")


def listed(reader: Caller, query: str = "") -> list[str]:
    return [one["id"] for one in reader("GET", f"/user/{reader.sub}?{query}").json()["results"]]


def counted(reader: Caller) -> tuple[int, int]:
    answer = reader("GET", f"/user/{reader.sub}/counts").json()
    page = reader("GET", f"/user/{reader.sub}").json()
    assert answer == {name: page[name] for name in ("unread_count", "unseen_count")}
    return answer["unread_count"], answer["unseen_count"]


@pytest.mark.parametrize(("method", "mark"), MARKS)
def test_a_mark_is_answered_with_the_entry_and_repeating_it_changes_nothing(
    monolith: Caller, method: str, mark: str
) -> None:
    reader = person()
    (entry,) = fill(monolith, reader, 1)
    reader("PUT", f"/read/{entry}")
    first = reader(method, f"/{mark}/{entry}")
    assert first.status_code == 200
    assert reader(method, f"/{mark}/{entry}").json() == first.json()
    shown = reader("GET", f"/user/{reader.sub}?archived={'true' if first.json()['archived_at'] else 'false'}").json()
    assert shown["results"] == [first.json()]


@pytest.mark.parametrize(("method", "mark"), MARKS)
def test_another_persons_entry_is_not_there_and_stays_as_it_was(monolith: Caller, method: str, mark: str) -> None:
    reader, other = person(), person()
    (entry,) = fill(monolith, reader, 1)
    before = Notification.objects.values().get(id=entry)
    assert code(other(method, f"/{mark}/{entry}")) == (404, "notification_not_found")
    assert other("DELETE", f"/user/{reader.sub}/{entry}").status_code == 404
    assert code(other("DELETE", f"/user/{other.sub}/{entry}")) == (404, "notification_not_found")
    assert other("GET", f"/user/{reader.sub}/counts").status_code == 404
    assert Notification.objects.values().get(id=entry) == before


def test_seen_read_and_unread_are_counted_as_what_they_are(monolith: Caller) -> None:
    reader = person()
    newest, middle, oldest = fill(monolith, reader, 3)
    assert counted(reader) == (3, 3)
    reader("PUT", f"/seen/{newest}")
    assert counted(reader) == (3, 2)
    reader("PUT", f"/read/{middle}")
    assert counted(reader) == (2, 1)
    reader("DELETE", f"/read/{middle}")
    assert counted(reader) == (3, 1)
    assert listed(reader, "unseen=true") == [oldest]
    assert listed(reader, "unseen=false") == [newest, middle]
    assert reader("POST", "/seen-all").json() == {"marked": 1}
    assert reader("POST", "/seen-all").json() == {"marked": 0}
    assert counted(reader) == (3, 0)


def test_what_is_archived_is_listed_apart_counts_no_more_and_comes_back_unread(monolith: Caller) -> None:
    reader = person()
    newest, oldest = fill(monolith, reader, 2)
    reader("PUT", f"/archive/{newest}")
    assert (listed(reader), listed(reader, "archived=true"), counted(reader)) == ([oldest], [newest], (1, 1))
    assert reader("POST", "/read-all").json() == {"marked": 1}
    back = reader("DELETE", f"/archive/{newest}").json()
    assert (back["archived_at"], back["read_at"], back["seen_at"] is not None) == (None, None, True)
    assert (listed(reader), counted(reader)) == ([newest, oldest], (1, 0))


def test_what_is_deleted_is_gone_for_its_reader_and_is_not_told_again(campaign: Campaign) -> None:
    reader = person()
    fact = succeeded(campaign, donor_id=reader.sub)
    hear(fact)
    (entry,) = listed(reader)
    assert reader("DELETE", f"/user/{reader.sub}/{entry}").status_code == 204
    deleted = Notification.objects.get(id=entry).deleted_at
    assert reader("DELETE", f"/user/{reader.sub}/{entry}").status_code == 204
    assert Notification.objects.get(id=entry).deleted_at == deleted
    hear(fact)
    assert (listed(reader), counted(reader)) == ([], (0, 0))
    for method, mark in MARKS:
        assert reader(method, f"/{mark}/{entry}").status_code == 404
    assert reader("POST", "/read-all").json() == {"marked": 0}
    assert Notification.objects.get(id=entry).read_at is None


@pytest.mark.parametrize("change", [{"canceled_at": datetime(2020, 1, 1).astimezone()}, {"test": True}])
def test_what_was_called_off_or_is_only_a_test_is_in_nobodys_feed(monolith: Caller, change: dict[str, Any]) -> None:
    reader = person()
    (entry,) = fill(monolith, reader, 1)
    Notification.objects.update(**change)
    assert (listed(reader), counted(reader)) == ([], (0, 0))
    assert reader("PUT", f"/read/{entry}").status_code == 404
    assert reader("DELETE", f"/user/{reader.sub}/{entry}").status_code == 404


def test_the_feed_is_narrowed_by_category_group_and_time(monolith: Caller, campaign: Campaign) -> None:
    reader = person()
    (news,) = fill(monolith, reader, 1)
    hear(succeeded(campaign, donor_id=reader.sub))
    thanks, _ = listed(reader)
    entry = reader("GET", f"/user/{reader.sub}").json()["results"][0]
    assert (entry["category"], entry["group"]) == ("transactional", f"gift.thank_you.{campaign.id}")
    assert (listed(reader, "category=transactional"), listed(reader, "category=social")) == ([thanks], [])
    assert listed(reader, f"group={entry['group']}") == [thanks]
    since = quote(entry["created_at"])
    assert (listed(reader, f"since={since}"), listed(reader, f"until={since}")) == ([thanks], [thanks, news])
    assert listed(reader, f"since={quote((clock.now() + timedelta(hours=1)).isoformat())}") == []
    assert reader("GET", f"/user/{reader.sub}?since=yesterday").status_code == 422


# --- groups -------------------------------------------------------------------------------------------------------------


def test_gifts_that_follow_each_other_are_one_line_whose_members_can_be_reached(
    campaign: Campaign, monolith: Caller
) -> None:
    owner = person(sub=campaign.owner)
    people = [uuid.uuid4() for _ in range(12)]
    for number, donor in enumerate(people):
        describe(donor, f"donor{number}@example.org", f"Donor {number}")
        hear(succeeded(campaign, donor_id=donor))
    page = owner("GET", f"/user/{owner.sub}?grouped=true").json()
    (line,) = page["results"]
    together = line["together"]
    assert (together["count"], together["people"], page["unread_count"]) == (12, 12, 12)
    assert together["names"] == ["Donor 11", "Donor 10", "Donor 9"]
    assert together["summary"] == f"12 people gave to {campaign.title}"
    assert line["id"] == listed(owner)[0]
    members = owner("GET", together["members"].removeprefix("/api/v1/notifications")).json()["results"]
    assert [one["id"] for one in members] == listed(owner)
    ends = [datetime.fromisoformat(moment) for moment in (together["first_at"], together["last_at"])]
    assert [datetime.fromisoformat(members[place]["created_at"]) for place in (-1, 0)] == ends


def test_something_else_or_something_read_in_between_parts_a_group(campaign: Campaign, monolith: Caller) -> None:
    owner = person(sub=campaign.owner)
    hear(succeeded(campaign))
    hear(succeeded(campaign))
    (news,) = fill(monolith, owner, 1)
    hear(succeeded(campaign))
    hear(succeeded(campaign))
    hear(succeeded(campaign))
    ids = listed(owner)

    def lines() -> list[tuple[str, int]]:
        found = owner("GET", f"/user/{owner.sub}?grouped=true").json()["results"]
        return [(one["id"], one.get("together", {}).get("count", 1)) for one in found]

    assert lines() == [(ids[0], 3), (news, 1), (ids[4], 2)]
    owner("PUT", f"/read/{ids[1]}")
    assert lines() == [(ids[0], 1), (ids[1], 1), (ids[2], 1), (news, 1), (ids[4], 2)]


def test_groups_are_paged_one_after_the_other(campaign: Campaign, monolith: Caller) -> None:
    owner = person(sub=campaign.owner)
    for _ in range(3):
        hear(succeeded(campaign))
        hear(succeeded(campaign))
        fill(monolith, owner, 1)
    path, counts = f"/user/{owner.sub}?grouped=true&limit=1", []
    while path:
        page = owner("GET", path).json()
        counts += [one.get("together", {}).get("count", 1) for one in page["results"]]
        path = (page["next"] or "").removeprefix("/api/v1/notifications")
    assert counts == [1, 2, 1, 2, 1, 2]


def test_a_line_is_written_in_its_readers_language(campaign: Campaign) -> None:
    owner, donor = person(sub=campaign.owner), uuid.uuid4()
    describe(owner.sub, "owner@example.org", locale="es")
    describe(donor, "ruth@example.org", "Ruth")
    for _ in range(2):
        hear(succeeded(campaign, donor_id=donor))
    (line,) = owner("GET", f"/user/{owner.sub}?grouped=true").json()["results"]
    assert line["together"]["summary"] == f"2 donaciones para {campaign.title}"
    hear(succeeded(campaign))
    (line,) = owner("GET", f"/user/{owner.sub}?grouped=true").json()["results"]
    assert line["together"]["summary"] == f"2 personas donaron a {campaign.title}"


@given(
    type=st.sampled_from(["gift.received", "campaign_update"]),
    locale=st.sampled_from(["en", "en-GB", "es", "fr", "ar", "de"]),
    about=st.text(),
    title=st.text(),
    people=st.integers(1, 500),
)
@settings(max_examples=50, deadline=None)
def test_whatever_a_campaign_is_called_the_line_holds_it_as_it_is(
    type: str, locale: str, about: str, title: str, people: int
) -> None:
    line = rules.summary(type, locale=locale, count=people, people=people, about=about, title=title)
    assert (about in line and str(people) in line) if type == "gift.received" and about else line == title
