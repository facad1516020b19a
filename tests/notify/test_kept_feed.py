"""The first page of a feed kept in the process: for its reader alone, and gone the moment something in it moves."""

from __future__ import annotations

import io
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection

from bh_sdk.server.access import watch
from bh_sdk.server.access.models import Policy, Revocation
from bh_sdk.server.api import kept
from bh_sdk.server.api.early import Early
from bh_sdk.server.ops import clock
from notify_svc.feed.api import FEEDS
from tests.notify.conftest import Caller, person, service
from tests.notify.streams import database_url
from tests.notify.test_api import ask

pytestmark = pytest.mark.django_db(transaction=True)


def eventually(condition: Callable[[], object], seconds: float = 20.0) -> None:
    until, pause = time.monotonic() + seconds, threading.Event()
    while not condition():
        assert time.monotonic() < until, f"did not happen within {seconds} s"
        pause.wait(0.01)


def given_out() -> float:
    return float(kept.ANSWERS.labels("feed")._value.get())


class Site:
    """The application as Granian calls it."""

    def __init__(self) -> None:
        self.application = Early(WSGIHandler())

    def get(self, whose: Caller, by: Caller, query: str = "", **headers: str) -> tuple[str, dict[str, str], bytes]:
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": f"/api/v1/notifications/user/{whose.sub}",
            "QUERY_STRING": query,
            "SERVER_NAME": "notify",
            "SERVER_PORT": "80",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.input": io.BytesIO(),
            "wsgi.url_scheme": "http",
        } | {f"HTTP_{name.upper()}": value for name, value in headers.items()}
        if by.token:
            environ["HTTP_AUTHORIZATION"] = f"Bearer {by.token}"
        told: list[Any] = []
        body = b"".join(self.application(environ, lambda status, headers: told.extend((status, headers))))
        return told[0], dict(told[1]), body

    def keep(self, reader: Caller) -> bytes:
        """Ask until a copy answers: news of what was committed just before may take the first ones along."""
        before = given_out()
        eventually(lambda: self.get(reader, reader) and given_out() > before)
        return self.get(reader, reader)[2]


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(kept, "CHECKED_EVERY", 0.05)
    site = Site()
    assert kept.LISTENING.is_on()
    eventually(kept.LISTENING.is_sound)
    yield site
    kept.LISTENING.stop()
    FEEDS.outdated((kept.ALL,))


@pytest.fixture
def reader() -> Caller:
    reader = person()
    entry(reader)
    return reader


def entry(reader: Caller, **more: Any) -> str:
    answer = service("monolith").send(ask(reader.sub, channels=["in_app"], **more)).json()
    return str(answer["results"][0]["notification_id"])


def test_the_second_question_gets_the_same_answer_without_django(site: Site, reader: Caller) -> None:
    ordinary = reader("GET", f"/user/{reader.sub}")
    site.keep(reader)
    before = given_out()
    status, headers, body = site.get(reader, reader)
    assert (status, body, given_out() - before) == ("200 OK", ordinary.content, 1)
    for name in ("Content-Type", "ETag", "X-Content-Type-Options", "Content-Security-Policy"):
        assert headers[name] == ordinary[name]
    assert site.get(reader, reader, if_none_match=headers["ETag"])[0] == "304 Not Modified"


def test_nobody_else_is_ever_given_it(site: Site, reader: Caller) -> None:
    site.keep(reader)
    before = given_out()
    for other, status in ((person(), "404"), (person("admin"), "404"), (Caller(), "401"), (Caller("x.y.z"), "401")):
        answered, _, body = site.get(reader, other)
        assert answered.startswith(status)
        assert b"results" not in body
    assert not site.get(reader, service("monolith"))[0].startswith("200")
    assert given_out() == before


def test_other_questions_go_the_ordinary_road(site: Site, reader: Caller) -> None:
    site.keep(reader)
    before = given_out()
    assert b'"results":[]' in site.get(reader, reader, "archived=true")[2]
    assert b'"results":[]' in site.get(reader, reader, "unread=false")[2]
    assert given_out() == before


@pytest.mark.parametrize(
    ("method", "path", "gone"),
    [
        ("DELETE", "/user/{user}/{entry}", True),
        ("PUT", "/archive/{entry}", True),
        ("PUT", "/read/{entry}", False),
        ("DELETE", "/read/{entry}", False),
        ("PUT", "/seen/{entry}", False),
        ("POST", "/read-all", False),
        ("POST", "/seen-all", False),
    ],
)
def test_who_changes_the_feed_reads_it_changed_at_once(
    site: Site, reader: Caller, method: str, path: str, gone: bool
) -> None:
    one = entry(reader)
    before = site.keep(reader)
    # Nothing is heard any more: it must not take that.
    kept.LISTENING._over.set()
    assert reader(method, path.format(user=reader.sub, entry=one)).status_code in (200, 204)
    after = site.get(reader, reader)[2]
    assert after != before
    assert (one.encode() in after) != gone


def test_what_another_process_changes_is_heard(site: Site, reader: Caller) -> None:
    one = entry(reader)
    assert one.encode() in site.keep(reader)
    with psycopg.connect(database_url(), autocommit=True) as another:
        another.execute("UPDATE notify_delivery_notification SET deleted_at = now() WHERE id = %s", [one])
    eventually(lambda: one.encode() not in site.get(reader, reader)[2])
    assert one.encode() not in site.keep(reader)
    two = entry(reader)
    eventually(lambda: two.encode() in site.get(reader, reader)[2])


def test_what_is_scheduled_appears_in_its_time_though_nothing_is_written(
    site: Site, reader: Caller, moved_clock: Callable[[timedelta], None]
) -> None:
    later = entry(reader, schedule_at=(clock.now() + timedelta(hours=1)).isoformat())
    assert later.encode() not in site.keep(reader)
    moved_clock(timedelta(minutes=59))
    assert later.encode() not in site.get(reader, reader)[2]
    moved_clock(timedelta(hours=1, seconds=1))
    assert later.encode() in site.get(reader, reader)[2]
    # A clock that is set back takes it away again.
    assert later.encode() in site.keep(reader)
    moved_clock(timedelta())
    assert later.encode() not in site.get(reader, reader)[2]


def test_a_revoked_token_and_a_policy_that_is_gone_end_it(site: Site, reader: Caller) -> None:
    site.keep(reader)
    Revocation.objects.create(kind="subject", value=str(reader.sub), reason="stolen", revoked_by="x")
    watch.look_again()
    assert site.get(reader, reader)[0].startswith("401")
    Revocation.objects.all().delete()
    watch.look_again()
    site.keep(reader)
    Policy.objects.filter(v1="feed", v2="read").delete()
    watch.look_again()
    assert site.get(reader, reader)[0].startswith("403")


def test_a_lost_connection_takes_every_copy_along(site: Site, reader: Caller) -> None:
    site.keep(reader)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND query LIKE 'SELECT 1' AND datname = current_database()"
        )
    eventually(lambda: not FEEDS._ready)
    site.keep(reader)


def test_no_thread_reads_an_entry_after_its_deletion_was_answered(site: Site, reader: Caller) -> None:
    entries = [entry(reader) for _ in range(12)]
    gone: list[str] = []
    wrong: list[str] = []
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            known = list(gone)
            body = site.get(reader, reader)[2].decode()
            wrong.extend(one for one in known if one in body)
        connection.close()

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for one in entries:
        assert reader("DELETE", f"/user/{reader.sub}/{one}").status_code == 204
        gone.append(one)
    over.set()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_copy_is_for_the_reader_in_its_address_alone_whatever_the_case(site: Site, reader: Caller) -> None:
    site.keep(reader)
    strange = Caller(reader.token, uuid.UUID(int=reader.sub.int ^ 1))
    assert site.get(strange, reader)[0].startswith("404")
