"""Public scores kept in the process: given out before Django, and gone the moment the row moves."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.http import HttpResponse
from django.test import RequestFactory

from bh_sdk.server.access import watch
from bh_sdk.server.api import kept
from bh_sdk.server.api.early import Early
from bh_sdk.server.events.leadership import direct_connection
from tests.trust.conftest import Caller, person
from tests.trust.evidence import a_good_campaign, fact
from trust_svc.scoring import commands
from trust_svc.scoring.api import SCORES
from trust_svc.scoring.models import Score

pytestmark = pytest.mark.django_db(transaction=True)


def eventually(condition: Callable[[], object], seconds: float = 20.0) -> None:
    until, pause = time.monotonic() + seconds, threading.Event()
    while not condition():
        assert time.monotonic() < until, f"did not happen within {seconds} s"
        pause.wait(0.01)


class Site:
    """The application as Granian calls it."""

    def __init__(self) -> None:
        self.application = Early(WSGIHandler())

    def get(self, path: str, method: str = "GET", query: str = "", **headers: str) -> tuple[str, dict[str, str], bytes]:
        """The status line, the headers and the body."""
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "PATH_INFO": f"/api/v1{path}",
            "QUERY_STRING": query,
            "SERVER_NAME": "trust",
            "SERVER_PORT": "80",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.input": io.BytesIO(),
            "wsgi.url_scheme": "http",
        } | {f"HTTP_{name.upper()}": value for name, value in headers.items()}
        told: list[Any] = []
        body = b"".join(self.application(environ, lambda status, headers: told.extend((status, headers))))
        return told[0], dict(told[1]), body

    def keep(self, path: str) -> tuple[str, dict[str, str], bytes]:
        """Ask until a copy answers: news of what was committed just before may take the first ones along."""
        before = given_out()
        eventually(lambda: self.get(path) and given_out() > before)
        return self.get(path)


def given_out() -> float:
    """How many answers came from the copies so far."""
    return float(kept.ANSWERS.labels("scores")._value.get())


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(kept, "CHECKED_EVERY", 0.05)
    site = Site()
    assert kept.LISTENING.is_on()
    eventually(kept.LISTENING.is_sound)
    yield site
    kept.LISTENING.stop()
    SCORES.outdated((kept.ALL,))
    SCORES.largest = kept.LARGEST


@pytest.fixture
def campaign(monolith: Caller) -> UUID:
    campaign = uuid4()
    assert monolith.post("/trust/evidence", {"facts": a_good_campaign(campaign, uuid4())}).status_code == 200
    commands.rescore(kind="campaign", entity_id=campaign)
    return campaign


def is_kept(campaign: UUID) -> bool:
    return f"/api/v1/trust/campaign/{campaign}" in SCORES._ready


def test_the_second_guest_gets_the_same_answer_without_django(site: Site, campaign: UUID) -> None:
    path = f"/trust/campaign/{campaign}"
    ordinary = Caller().get(path)
    status, headers, body = site.keep(path)
    before = given_out()
    again = site.get(path)
    assert given_out() == before + 1
    assert (status, body) == ("200 OK", ordinary.content) == (again[0], again[2])
    assert {**headers, "X-Request-ID": ""} == {**ordinary.headers, "X-Request-ID": ""}
    assert again[1]["X-Request-ID"] != headers["X-Request-ID"]
    assert site.get(path, x_request_id="mine-12345")[1]["X-Request-ID"] == "mine-12345"


def test_a_known_answer_is_304_with_the_headers_of_the_ordinary_road(site: Site, campaign: UUID) -> None:
    path = f"/trust/campaign/{campaign}"
    etag = site.keep(path)[1]["ETag"]
    ordinary = Caller().get(path, **{"If-None-Match": etag})
    status, headers, body = site.get(path, if_none_match=etag)
    assert (status, body) == ("304 Not Modified", b"")
    assert {**headers, "X-Request-ID": ""} == {**ordinary.headers, "X-Request-ID": ""}
    assert site.get(path, if_none_match='"another"')[0] == "200 OK"


def test_pages_of_ours_may_read_it_and_strange_ones_not(site: Site, campaign: UUID, settings: Any) -> None:
    settings.BH_ALLOWED_ORIGINS = frozenset({"https://ours.test"})
    path = f"/trust/campaign/{campaign}"
    site.keep(path)
    for origin, allowed in (("https://ours.test", "https://ours.test"), ("https://strange.test", None)):
        before = given_out()
        headers = site.get(path, origin=origin)[1]
        assert given_out() == before + 1
        assert (headers.get("Access-Control-Allow-Origin"), headers["Vary"]) == (allowed, "Authorization, Origin")


def test_only_a_plain_question_of_nobody_is_answered_here(site: Site, campaign: UUID) -> None:
    path = f"/trust/campaign/{campaign}"
    site.keep(path)
    before = given_out()
    assert site.get(path, authorization=f"Bearer {person('analyst').token}")[0] == "200 OK"
    assert site.get(path, authorization="Bearer nonsense")[0].startswith("401")
    assert site.get(path, query="x=1")[0].startswith("422")
    assert site.get(path, method="HEAD")[2] == b""
    assert site.get(path, method="POST")[0].startswith("405")
    assert given_out() == before


def test_what_only_its_owner_may_see_is_never_kept(site: Site, monolith: Caller) -> None:
    owner, campaign = person("recipient"), uuid4()
    monolith.put(f"/trust/campaigns/{campaign}", {"title": "A well", "owner_id": str(owner.id), "currency": "GBP"})
    commands.rescore(kind="campaign", entity_id=campaign)
    path = f"/trust/campaign/{campaign}"
    assert b'"score" : null' not in site.get(path, authorization=f"Bearer {owner.token}")[2]
    assert not is_kept(campaign)
    assert b'"score" : null' in site.keep(path)[2]
    assert b'"score" : null' not in site.get(path, authorization=f"Bearer {owner.token}")[2]


def test_an_answer_that_no_row_stands_behind_is_not_kept(site: Site, monolith: Caller) -> None:
    campaign = uuid4()
    monolith.put(f"/trust/campaigns/{campaign}", {"title": "A well", "owner_id": str(uuid4()), "currency": "GBP"})
    assert site.get(f"/trust/campaign/{campaign}")[0] == "200 OK"
    assert site.get(f"/trust/campaign/{uuid4()}")[0].startswith("404")
    assert SCORES._ready == {}


def test_a_score_that_moves_takes_its_copy_along(site: Site, monolith: Caller, campaign: UUID) -> None:
    path = f"/trust/campaign/{campaign}"
    old = site.keep(path)
    monolith.post("/trust/evidence", fact("payment.disputed", campaign, payment_id="p", stage="lost"))
    commands.rescore(kind="campaign", entity_id=campaign)
    eventually(lambda: not is_kept(campaign))
    new = site.get(path)
    assert new[1]["ETag"] != old[1]["ETag"]
    assert site.get(path)[2] == new[2]


def test_a_change_by_another_process_is_heard_and_one_rolled_back_is_not(site: Site, campaign: UUID) -> None:
    path, other = f"/trust/campaign/{campaign}", uuid4()
    site.keep(path)
    with direct_connection() as elsewhere:
        with elsewhere.transaction(force_rollback=True):
            elsewhere.execute("UPDATE trust_scoring_score SET score = 1 WHERE entity_id = %s", [campaign])
        # Whatever comes after the rollback is heard in order.
        site.keep(f"/trust/campaign/{_another(campaign, other)}")
        elsewhere.execute("SELECT pg_notify('bh_kept_scores', %s)", [f"campaign/{other}"])
        eventually(lambda: not is_kept(other))
        assert is_kept(campaign)
        elsewhere.execute("UPDATE trust_scoring_score SET score = 1 WHERE entity_id = %s", [campaign])
        eventually(lambda: not is_kept(campaign))
        assert b'"score" : 1,' in site.keep(path)[2]
        elsewhere.execute("DELETE FROM trust_scoring_score WHERE entity_id = %s", [campaign])
        eventually(lambda: not is_kept(campaign))


def test_many_rows_at_once_are_all_told(site: Site, campaign: UUID) -> None:
    site.keep(f"/trust/campaign/{campaign}")
    copies = [_copy(campaign, uuid4()) for _ in range(400)]
    Score.objects.bulk_create(copies)
    for each in copies[::100]:
        site.keep(f"/trust/campaign/{each.entity_id}")
    assert len(SCORES._ready) == 5
    Score.objects.exclude(entity_id=campaign).update(score=2)
    eventually(lambda: len(SCORES._ready) == 1)
    assert is_kept(campaign)


def test_an_answer_that_moves_while_it_is_computed_is_not_kept(site: Site, campaign: UUID) -> None:
    class Guest:
        is_guest = True

    request: Any = RequestFactory().get(f"/api/v1/trust/campaign/{campaign}")
    request.auth, request.resolver_match = Guest(), None

    def compute(meanwhile: str) -> Any:
        SCORES.outdated(meanwhile.split())
        return HttpResponse(b"{}"), True

    for meanwhile, keeps in (
        (f"campaign/{campaign}", False),
        ("*", False),
        (f"user/{campaign} campaign/{uuid4()}", True),
    ):
        assert SCORES.answer(request, lambda said=meanwhile: compute(said)).content == b"{}"  # type: ignore[misc]
        assert is_kept(campaign) is keeps, meanwhile


def test_a_lost_connection_takes_every_copy_along_and_is_made_anew(site: Site, campaign: UUID) -> None:
    path = f"/trust/campaign/{campaign}"
    site.keep(path)
    with direct_connection() as elsewhere:
        elsewhere.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() AND query IN ('SELECT 1', %s)",
            ['LISTEN "bh_kept_scores"'],
        )
        eventually(lambda: not is_kept(campaign))
        # Nobody heard this one, and it does not matter.
        elsewhere.execute("UPDATE trust_scoring_score SET score = 3 WHERE entity_id = %s", [campaign])
        assert b'"score" : 3,' in site.get(path)[2]
        assert b'"score" : 3,' in site.keep(path)[2]
        elsewhere.execute("UPDATE trust_scoring_score SET score = 4 WHERE entity_id = %s", [campaign])
        eventually(lambda: b'"score" : 4,' in site.get(path)[2])


def test_a_copy_answers_nobody_whom_the_policies_no_longer_let(site: Site, campaign: UUID) -> None:
    path = f"/trust/campaign/{campaign}"
    site.keep(path)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM casbin_rule WHERE ptype = 'p' AND v0 = 'guest'")
    watch.look_again()
    before = given_out()
    assert site.get(path)[0].startswith("401")
    assert site.get(path)[0].startswith("401")
    assert (given_out(), is_kept(campaign)) == (before, True)


def test_memory_is_bounded_and_the_oldest_goes_first(site: Site, campaign: UUID) -> None:
    copies = [_copy(campaign, uuid4()) for _ in range(4)]
    Score.objects.bulk_create(copies)
    site.keep(f"/trust/campaign/{campaign}")
    SCORES.largest = int(SCORES._size * 2.5)
    for each in copies:
        site.keep(f"/trust/campaign/{each.entity_id}")
    assert [is_kept(each.entity_id) for each in copies] == [False, False, True, True]
    assert SCORES._size <= SCORES.largest
    SCORES.outdated((kept.ALL,))
    assert SCORES._size == 0


def test_without_a_door_before_django_nothing_is_kept_nor_listened_for(campaign: UUID) -> None:
    assert Caller().get(f"/trust/campaign/{campaign}").status_code == 200
    assert not is_kept(campaign)
    assert not kept.LISTENING.is_on()


def test_many_threads_never_see_an_old_score_after_it_was_heard(site: Site, campaign: UUID) -> None:
    path, stop, seen = f"/trust/campaign/{campaign}", threading.Event(), list[tuple[int, int]]()
    newest = 10

    def ask() -> None:
        try:
            while not stop.is_set():
                least = newest
                body = site.get(path)[2]
                seen.append((least, int(body.split(b'"score" : ')[1].split(b",")[0])))
        finally:
            connection.close()

    with direct_connection() as elsewhere:
        elsewhere.execute("UPDATE trust_scoring_score SET score = 10 WHERE entity_id = %s", [campaign])
        eventually(lambda: b'"score" : 10,' in site.get(path)[2])
        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for value in range(11, 31):
            elsewhere.execute("UPDATE trust_scoring_score SET score = %s WHERE entity_id = %s", [value, campaign])
            eventually(lambda value=value: f'"score" : {value},'.encode() in site.get(path)[2])  # type: ignore[misc]
            newest = value
        stop.set()
        for thread in threads:
            thread.join()
    assert len(seen) > 50
    assert [pair for pair in seen if pair[1] < pair[0]] == []


def _another(campaign: UUID, entity_id: UUID) -> UUID:
    _copy(campaign, entity_id).save(force_insert=True)
    return entity_id


def _copy(campaign: UUID, entity_id: UUID) -> Score:
    score = Score.objects.get(entity_id=campaign)
    score.id, score.entity_id = uuid4(), entity_id
    return score
