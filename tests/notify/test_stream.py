"""The stream of a feed: opened once by a ticket, told everything once, through ends of all kinds."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.db import connection, transaction

from bh_sdk.server.ops import clock
from notify_svc.delivery.models import Notification
from notify_svc.feed import commands
from notify_svc.feed.models import Reader, Ticket
from tests.notify.conftest import Caller, person, service
from tests.notify.streams import SITE, Program, listening, running
from tests.notify.test_api import ask, code

PATH = "/api/v1/notifications/stream"


@pytest.fixture
def program(transactional_db: None) -> Iterator[Program]:
    with running() as started:
        yield started


def send(reader: Caller, **more: Any) -> str:
    """One more entry; returns its id."""
    answer = service("monolith").send(ask(reader.sub, channels=["in_app"], **more)).json()
    return str(answer["results"][0]["notification_id"])


def an_entry(reader: Caller, *, ago: timedelta = timedelta()) -> Notification:
    """An entry that is not written yet."""
    now = clock.now() - ago
    return Notification(
        dedupe=str(uuid.uuid4()),
        recipient_id=reader.sub,
        type="campaign_update",
        category="subscription",
        accepted_by="test",
        created_at=now,
        shown_at=now,
    )


def many(reader: Caller, count: int) -> list[str]:
    """So many more entries, one after another; their ids."""
    rows = [an_entry(reader, ago=timedelta(milliseconds=count - place)) for place in range(count)]
    return [str(row.id) for row in Notification.objects.bulk_create(rows)]


# --- tickets ------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_ticket_is_given_to_people_and_only_its_digest_is_kept() -> None:
    reader = person()
    answer = reader("POST", "/stream-ticket")
    assert answer.status_code == 201
    ticket = answer.json()
    assert ticket["url"].endswith(PATH)
    kept = Ticket.objects.get()
    assert (bytes(kept.digest), kept.person_id) == (hashlib.sha256(ticket["ticket"].encode()).digest(), reader.sub)


@pytest.mark.django_db
def test_nobody_without_a_feed_gets_a_ticket() -> None:
    assert code(Caller()("POST", "/stream-ticket")) == (401, "unauthenticated")
    assert service("monolith")("POST", "/stream-ticket").status_code == 403
    assert Ticket.objects.count() == 0


@pytest.mark.django_db
def test_tickets_that_nobody_used_are_forgotten() -> None:
    reader = person()
    reader("POST", "/stream-ticket")
    assert commands.forget_tickets() == 0
    Ticket.objects.update(expires_at=clock.now() - timedelta(days=1))
    assert commands.forget_tickets() == 1


def test_a_ticket_opens_one_stream_in_its_time_and_no_other(program: Program) -> None:
    reader = person()
    ticket = reader("POST", "/stream-ticket").json()["ticket"]
    with httpx.stream("GET", f"{program.url}{PATH}?ticket={ticket}", timeout=30) as first:
        assert first.status_code == 200
        again = httpx.get(f"{program.url}{PATH}?ticket={ticket}")
        assert (again.status_code, again.json()["code"]) == (401, "unauthenticated")
        assert again.headers["content-type"] == "application/problem+json"
        assert "ticket" in again.json()["detail"]
    late = reader("POST", "/stream-ticket").json()["ticket"]
    Ticket.objects.update(expires_at=clock.now() - timedelta(days=1))
    for bad in (late, "", "made-up", "x" * 5000):
        assert httpx.get(f"{program.url}{PATH}?ticket={bad}").status_code in (400, 401)
    assert httpx.get(f"{program.url}{PATH}").status_code == 401
    assert httpx.post(f"{program.url}{PATH}").status_code == 405
    assert httpx.get(f"{program.url}/elsewhere").status_code == 404


# --- what is told -------------------------------------------------------------------------------------------------------


def test_a_stream_tells_what_comes_what_changes_and_what_goes_and_nobody_elses(program: Program) -> None:
    reader, other = person(), person()
    send(reader)
    with listening(program, reader) as browser:
        first = browser.next()
        assert (first.kind, first.data) == ("counts", {"unread_count": 1, "unseen_count": 1})
        send(other)
        entry = send(reader)
        told = browser.next()
        page = reader("GET", f"/user/{reader.sub}").json()
        assert (told.kind, told.data["id"], told.data["title"]) == ("entry", entry, page["results"][0]["title"])
        assert browser.next().data == {"unread_count": 2, "unseen_count": 2}
        reader("PUT", f"/read/{entry}")
        changed = browser.next()
        assert (changed.kind, changed.data["read_at"] is not None) == ("entry", True)
        assert int(changed.id or 0) > int(told.id or 0)
        assert browser.next().data == {"unread_count": 1, "unseen_count": 1}
        reader("DELETE", f"/user/{reader.sub}/{entry}")
        gone = browser.next()
        assert (gone.kind, gone.data) == ("gone", {"id": entry})
        reader("POST", "/read-all")
        assert browser.until("counts").data == {"unread_count": 1, "unseen_count": 1}
        assert browser.until("counts").data == {"unread_count": 0, "unseen_count": 0}


def test_a_transaction_that_ends_late_is_told_all_the_same(program: Program) -> None:
    reader = person()
    with listening(program, reader) as browser:
        browser.next()
        late = an_entry(reader)
        with transaction.atomic():
            late.save(force_insert=True)
            early = person_sends_meanwhile(reader)
            assert browser.entries(1) == [early]
        assert browser.entries(1) == [str(late.id)]
        last = browser.last
    with listening(program, reader, last) as browser:
        browser.next()
        entry = send(reader)
        assert browser.entries(1) == [entry]


def person_sends_meanwhile(reader: Caller) -> str:
    """An entry that another connection commits while this one's transaction is open."""
    import psycopg

    from tests.notify.streams import database_url

    entry = uuid.uuid4()
    with psycopg.connect(database_url()) as another:
        another.execute(
            """INSERT INTO notify_delivery_notification (id, dedupe, recipient_id, guest, type, category, data, "group",
               priority, accepted_by, created_at, title, body, action_url, shown_at)
               VALUES (%s, 'early', %s, false, 'campaign_update', 'subscription', '{}', '', 1, 'test', now(), '', '', '',
               now())""",
            [entry, reader.sub],
        )
    return str(entry)


def test_what_is_scheduled_is_told_in_its_time(program: Program) -> None:
    reader = person()
    entry = send(reader, schedule_at=(clock.now() + timedelta(seconds=2)).isoformat())
    with listening(program, reader) as browser:
        assert browser.next().data["unread_count"] == 0
        assert browser.entries(1) == [entry]
        assert browser.next().data["unread_count"] == 1


# --- ends ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("told", [True, False])
def test_after_a_restart_nothing_is_missing_and_nothing_comes_twice(program: Program, told: bool) -> None:
    reader = person()
    with listening(program, reader) as browser:
        browser.next()
        before = [send(reader) for _ in range(3)]
        assert browser.entries(3) == before
        if told:
            program.end()
            assert browser.until("end").data == {"reason": "restart"}
        else:
            program.cut()
        last = browser.last
    # More than one page.
    meanwhile = many(reader, 120)
    program.start()
    with listening(program, reader, last) as browser:
        browser.next()
        assert browser.entries(120) == meanwhile
        after = send(reader)
        assert browser.entries(1) == [after]


def test_a_lost_connection_to_the_database_costs_only_time(program: Program) -> None:
    reader = person()
    with listening(program, reader) as browser:
        browser.next()
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'notify-stream'"
            )
            assert cursor.fetchone()[0] >= 2
        entries = [send(reader) for _ in range(3)]
        assert browser.entries(3) == entries


def test_two_streams_of_one_person_are_told_the_same_and_a_seventh_is_refused(program: Program) -> None:
    from contextlib import ExitStack

    reader = person()
    with ExitStack() as stack:
        browsers = [stack.enter_context(listening(program, reader)) for _ in range(6)]
        for browser in browsers:
            browser.next()
        entry = send(reader)
        assert [browser.entries(1) for browser in browsers] == [[entry]] * 6
        ticket = reader("POST", "/stream-ticket").json()["ticket"]
        refused = httpx.get(f"{program.url}{PATH}?ticket={ticket}")
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")


@pytest.mark.parametrize("last", ["999", "-1", "x", "9" * 40, "²"])
def test_whoever_comes_with_a_number_that_was_never_given_out_reads_anew(program: Program, last: str) -> None:
    reader = person()
    send(reader)
    ticket = reader("POST", "/stream-ticket").json()["ticket"]
    params = {"ticket": ticket, "last_event_id": last}
    from tests.notify.streams import Browser

    with httpx.stream("GET", f"{program.url}{PATH}", params=params, timeout=30) as response:
        browser = Browser(response)
        assert browser.next().kind == "reload"
        assert browser.next().kind == "counts"
        assert browser.last == str(Reader.objects.get(person_id=reader.sub).revision)


def test_pages_of_the_site_may_read_a_stream_and_others_may_not(program: Program) -> None:
    reader = person()
    with listening(program, reader, Origin=SITE) as browser:
        headers = browser.response.headers
        assert headers["access-control-allow-origin"] == SITE
        assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-store", "no")
    with listening(program, reader, Origin="https://evil.example") as browser:
        assert "access-control-allow-origin" not in browser.response.headers
    asked = httpx.options(f"{program.url}{PATH}", headers={"Origin": SITE})
    assert (asked.status_code, "Last-Event-ID" in asked.headers["access-control-allow-headers"]) == (204, True)
