"""An event that cannot be applied waits aside with those behind it, and goes in their order when it is replayed."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
import redis
from django.core.management import CommandError, call_command
from django.db import transaction

from bh_sdk.events import Fact
from bh_sdk.server.events import dead_letters, handles, record
from bh_sdk.server.events.models import DeadLetter
from tests.kit.events_road import LISTENER, SOURCE, Counted, count, tell, trouble
from tests.kit.test_events_consumer import applied, catch_up

pytest_plugins = ("tests.kit.events_fixtures",)
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def handled(effects: None) -> Iterator[None]:
    handles(Counted)(count)
    yield
    trouble.clear()


def parked() -> list[tuple[int, str, int]]:
    rows = DeadLetter.objects.filter(state="parked").order_by("number")
    return [(row.event["data"]["n"], row.reason, row.attempts) for row in rows]


BEHIND = "waits behind an earlier event of its subject"


def test_a_poison_event_is_parked_and_others_go_on(clean_redis: redis.Redis) -> None:
    sick, well = uuid4(), uuid4()
    trouble[2] = ValueError("no such campaign")
    for n, subject in enumerate([sick, well, sick, well, sick, well]):
        tell(subject, n)
    catch_up()
    assert applied() == [0, 1, 3, 5]
    assert parked() == [(2, "ValueError: no such campaign", 2), (4, BEHIND, 0)]
    letter = DeadLetter.objects.order_by("number")[0]
    assert (letter.consumer, letter.source, letter.subject, letter.number) == (LISTENER, SOURCE, str(sick), 3)
    # What comes later waits too, in batches that have no trouble of their own.
    tell(sick, 6)
    tell(well, 7)
    catch_up()
    assert applied() == [0, 1, 3, 5, 7]
    assert [n for n, _, _ in parked()] == [2, 4, 6]


def test_a_replay_applies_the_subject_in_order(clean_redis: redis.Redis) -> None:
    sick = uuid4()
    trouble[0] = ValueError("not yet")
    for n in range(3):
        tell(sick, n)
    catch_up()
    assert applied() == []
    trouble.clear()
    last = DeadLetter.objects.order_by("-number")[0]
    assert dead_letters.replay(id=last.id, by="staff:1").applied == 3
    assert applied() == [0, 1, 2]
    assert set(DeadLetter.objects.values_list("state", "settled_by")) == {("replayed", "staff:1")}
    with pytest.raises(dead_letters.NotParked):
        dead_letters.replay(id=last.id, by="staff:1")
    # The subject is free again.
    tell(sick, 3)
    catch_up()
    assert applied() == [0, 1, 2, 3]


def test_a_replay_that_fails_stops_there_and_writes_nothing_of_it(clean_redis: redis.Redis) -> None:
    sick = uuid4()
    trouble[0] = ValueError("first")
    for n in range(3):
        tell(sick, n)
    catch_up()
    del trouble[0]
    trouble[1] = KeyError("second")
    outcome = dead_letters.replay(id=DeadLetter.objects.order_by("number")[0].id, by="staff:1")
    assert (outcome.applied, applied()) == (1, [0])
    assert parked() == [(1, "KeyError: 'second'", 1), (2, BEHIND, 0)]


def test_giving_one_up_frees_those_behind_it(clean_redis: redis.Redis) -> None:
    sick = uuid4()
    trouble[0] = ValueError("never")
    tell(sick, 0)
    tell(sick, 1)
    catch_up()
    first = DeadLetter.objects.order_by("number")[0]
    dead_letters.discard(id=first.id, by="staff:1", note="the campaign was a test")
    call_command("replay_dead_letters", subject=str(sick), by="ops")
    assert applied() == [1]
    assert list(DeadLetter.objects.order_by("number").values_list("state", "settled_by", "note")) == [
        ("discarded", "staff:1", "the campaign was a test"),
        ("replayed", "ops", ""),
    ]


def test_the_command_replays_every_subject_and_says_who_still_waits(clean_redis: redis.Redis) -> None:
    one, two = uuid4(), uuid4()
    trouble[0], trouble[1] = ValueError("a"), ValueError("b")
    tell(one, 0)
    tell(two, 1)
    catch_up()
    del trouble[0]
    with pytest.raises(CommandError, match="1 subjects still wait"):
        call_command("replay_dead_letters")
    assert applied() == [0]
    assert parked() == [(1, "ValueError: b", 3)]


def test_data_that_its_type_does_not_allow_is_parked(clean_redis: redis.Redis) -> None:
    class Wrong(Fact):
        type = Counted.type
        aggregate = "counter"
        n: str

    with transaction.atomic():
        record(Wrong(n="many"), subject=uuid4())
    catch_up()
    assert applied() == []
    ((_, reason, attempts),) = parked()
    assert (reason.split(":")[0], attempts) == ("ValidationError", 2)
    # The reason is read by people: it says what is wrong, not the data.
    assert "many" not in reason
