"""Staff read the log and look after parked events; nobody changes a fact."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis
from django.test import Client

import tests.tokens  # noqa: F401  # this process looks at changes at once
from bh_sdk.server.access.models import Staff, demo_sub
from bh_sdk.server.events import handles
from bh_sdk.server.events.models import DeadLetter, RecordedEvent
from tests.kit.events_road import Counted, count, tell, trouble
from tests.kit.test_events_consumer import applied, catch_up

pytest_plugins = ("tests.kit.events_fixtures",)
pytestmark = pytest.mark.django_db(transaction=True)

LETTERS = "/admin/bh_events/deadletter/"
FACTS = "/admin/bh_events/recordedevent/"


@pytest.fixture(autouse=True)
def handled(effects: None) -> Iterator[None]:
    handles(Counted)(count)
    for name in ("admin", "auditor", "editor"):
        Staff.objects.create(username=name, sub=demo_sub(name), roles=[name], password="!")
    yield
    trouble.clear()


@pytest.fixture
def parked(clean_redis: redis.Redis) -> DeadLetter:
    """The first of two parked events of one subject; the trouble is over."""
    subject = UUID(int=9)
    trouble[0] = ValueError("not yet")
    tell(subject, 0)
    tell(subject, 1)
    catch_up()
    trouble.clear()
    return DeadLetter.objects.order_by("number")[0]


def signed_in(name: str) -> Client:
    client = Client()
    client.force_login(Staff.objects.get(username=name))
    return client


def press(client: Client, letter: DeadLetter, button: str, **form: str) -> Any:
    body = {"_form_submitted": "True", **form}
    return client.post(f"{LETTERS}{letter.pk}/{button}/", body, headers={"HX-Request": "true"})


def states() -> list[tuple[str, str | None]]:
    return list(DeadLetter.objects.order_by("number").values_list("state", "settled_by"))


def test_a_parked_event_is_shown_with_its_reason_and_replayed(parked: DeadLetter) -> None:
    client = signed_in("admin")
    assert "ValueError: not yet" in client.get(LETTERS).content.decode()
    page = client.get(f"{LETTERS}{parked.pk}/change/").content.decode()
    assert "ValueError: not yet" in page
    assert str(parked.event_id) in page
    assert client.get(f"{LETTERS}{parked.pk}/replay/", headers={"HX-Request": "true"}).status_code == 200
    assert (applied(), states()[0][0]) == ([], "parked")
    assert press(client, parked, "replay").headers["HX-Redirect"]
    assert applied() == [0, 1]
    assert states() == [("replayed", str(demo_sub("admin")))] * 2


def test_a_replay_that_fails_again_is_told(parked: DeadLetter) -> None:
    trouble[1] = KeyError("another")
    client = signed_in("admin")
    answer = press(client, parked, "replay")
    told = client.get(answer.headers["HX-Redirect"]).content.decode()
    assert "1 applied, then kit.counted.v1" in told
    assert (applied(), [state for state, _ in states()]) == ([0], ["replayed", "parked"])


def test_giving_up_needs_a_reason(parked: DeadLetter) -> None:
    client = signed_in("admin")
    press(client, parked, "discard", note="no")
    assert states() == [("parked", None)] * 2
    press(client, parked, "discard", note="the campaign was a test")
    parked.refresh_from_db()
    assert (parked.state, parked.note) == ("discarded", "the campaign was a test")


def test_an_auditor_looks_and_an_editor_does_not_even_that(parked: DeadLetter) -> None:
    auditor, editor = signed_in("auditor"), signed_in("editor")
    assert auditor.get(f"{LETTERS}{parked.pk}/change/").status_code == 200
    for client in (auditor, editor):
        assert press(client, parked, "replay").status_code == 403
        assert press(client, parked, "discard", note="long enough").status_code == 403
    assert editor.get(LETTERS).status_code == 403
    assert editor.get(FACTS).status_code == 403
    assert (applied(), states()) == ([], [("parked", None)] * 2)


def test_a_fact_is_found_by_its_ids_and_its_type_and_cannot_be_changed(clean_redis: redis.Redis) -> None:
    subject = uuid4()
    event_id = tell(subject, 5)
    tell(uuid4(), 6)
    client = signed_in("admin")
    for term, hits in ((event_id, 1), (subject, 1), ("kit.counted", 2), (uuid4(), 0), ("%", 0)):
        page = client.get(FACTS, {"q": str(term)}).content.decode()
        assert page.count("kit.counted.v1</a>") == hits, term
    fact = RecordedEvent.objects.get(id=event_id)
    page = client.get(f"{FACTS}{fact.pk}/change/").content.decode()
    assert str(subject) in page
    for path in (f"{FACTS}{fact.pk}/change/", f"{FACTS}{fact.pk}/delete/", f"{FACTS}add/"):
        assert client.post(path, {"actor": "me"}).status_code == 403
    assert RecordedEvent.objects.get(id=event_id).actor == "system"
