"""The relay numbers what was committed, commits that, and only then publishes."""

from __future__ import annotations

import json
import threading
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import redis
from django.db import connection, transaction

from bh_sdk.events import Event
from bh_sdk.server.events import record
from bh_sdk.server.events.epochs import begin_epoch
from bh_sdk.server.events.leadership import direct_connection
from bh_sdk.server.events.models import Epoch, FeedEntry, FeedHead, Outbox, RecordedEvent, Seal
from bh_sdk.server.events.relay import Deposed, Relay, StreamAhead
from tests.kit.events_road import SOURCE, Counted, eventually, nowhere, reign, relay_all, running, tell

pytestmark = pytest.mark.django_db(transaction=True)


def stream(client: redis.Redis) -> list[tuple[str, dict[str, object]]]:
    head = FeedHead.objects.get()
    entries: Any = client.xrange(f"bh:events:{SOURCE}:{head.epoch}")
    return [(entry.decode(), json.loads(fields[b"event"])) for entry, fields in entries]


def test_events_get_gapless_numbers_a_seal_and_a_place_in_the_stream(clean_redis: redis.Redis) -> None:
    subject = uuid4()
    ids = [tell(subject, n) for n in range(3)]
    assert relay_all() == 3
    assert list(FeedEntry.objects.values_list("number", "position__id")) == [(1, ids[0]), (2, ids[1]), (3, ids[2])]
    assert [(seal.first, seal.last) for seal in Seal.objects.all()] == [(1, 3)]
    assert Outbox.objects.count() == 0
    entries = stream(clean_redis)
    assert [entry for entry, _ in entries] == ["1-0", "2-0", "3-0"]
    event = Event.model_validate(entries[2][1])
    row = RecordedEvent.objects.get(id=ids[2])
    assert (event.id, event.source, event.type, event.subject) == (ids[2], "kit", "kit.counted.v1", str(subject))
    assert (event.time, event.number, event.epoch) == (row.created_at, 3, FeedHead.objects.get().epoch)
    assert event.data == {"n": 2, "remark": None}


def test_who_commits_late_gets_a_later_number_and_subjects_keep_their_order(clean_redis: redis.Redis) -> None:
    late, quick = uuid4(), uuid4()
    began, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            record(Counted(n=1), subject=late)
            began.set()
            go_on.wait(10)
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    began.wait(10)
    tell(quick, 1)
    assert relay_all() == 1
    go_on.set()
    thread.join()
    tell(late, 2)
    assert relay_all() == 3
    numbered = FeedEntry.objects.values_list("position__aggregateid", "position__sequence")
    assert list(numbered) == [(quick, 1), (late, 1), (late, 2)]


def test_a_crash_between_numbering_and_publishing_loses_nothing(clean_redis: redis.Redis) -> None:
    for n in range(4):
        tell(uuid4(), n)
    with reign() as doomed:
        doomed.number()
    assert (FeedEntry.objects.count(), clean_redis.dbsize()) == (4, 0)
    relay_all()
    assert [entry for entry, _ in stream(clean_redis)] == ["1-0", "2-0", "3-0", "4-0"]


def test_a_crash_after_publishing_publishes_nothing_twice(clean_redis: redis.Redis) -> None:
    tell(uuid4(), 1)
    with reign() as doomed:
        batch = doomed.number()
        assert batch is not None
        doomed.publish(batch)
        before = stream(clean_redis)
        # The next leader would publish the same again: Redis refuses it, and nobody is told of an error.
        doomed.relay.stream.append(doomed.head.epoch, batch.entries)
    relay_all()
    assert stream(clean_redis) == before


def number_and_break(owner_url: str) -> None:
    with reign() as doomed, doomed.connection.transaction():
        doomed.number()
        with psycopg.connect(owner_url, autocommit=True) as owner:
            owner.execute("SELECT pg_terminate_backend(%s)", [doomed.connection.info.backend_pid])


def test_a_crash_before_the_commit_gives_the_numbers_again(clean_redis: redis.Redis, owner_url: str) -> None:
    tell(uuid4(), 1)
    with pytest.raises(psycopg.OperationalError):
        number_and_break(owner_url)
    assert (FeedEntry.objects.count(), Seal.objects.count(), Outbox.objects.count()) == (0, 0, 1)
    assert relay_all() == 1


def test_a_relay_that_was_overtaken_numbers_nothing(clean_redis: redis.Redis) -> None:
    tell(uuid4(), 1)
    with reign() as stale:
        relay_all()
        tell(uuid4(), 2)
        with pytest.raises((Deposed, psycopg.errors.UniqueViolation)):
            stale.number()
    assert (FeedEntry.objects.count(), Outbox.objects.count()) == (1, 1)


def test_while_redis_is_away_numbering_goes_on_and_publishing_catches_up(
    clean_redis: redis.Redis,
) -> None:
    with reign() as leader:
        real, leader.relay.stream._redis = leader.relay.stream._redis, nowhere()
        for n in range(3):
            tell(uuid4(), n)
            leader.publish(leader.number())
        assert (leader.head.number, clean_redis.dbsize()) == (3, 0)
        leader.relay.stream._redis = real
        eventually(lambda: leader.publish(None) or leader.sent == 3)
    assert [entry for entry, _ in stream(clean_redis)] == ["1-0", "2-0", "3-0"]


def test_a_wiped_stream_goes_on_with_the_next_number(clean_redis: redis.Redis) -> None:
    with reign() as leader:
        tell(uuid4(), 1)
        leader.publish(leader.number())
        clean_redis.flushdb()
        tell(uuid4(), 2)
        leader.publish(leader.number())
    assert [entry for entry, _ in stream(clean_redis)] == ["2-0"]


def test_a_stream_ahead_of_its_log_stops_the_relay_until_a_new_epoch(clean_redis: redis.Redis) -> None:
    tell(uuid4(), 1)
    relay_all()
    old = FeedHead.objects.get().epoch
    clean_redis.xadd(f"bh:events:{SOURCE}:{old}", {"event": b"{}"}, id="9-0")
    tell(uuid4(), 2)
    with reign() as leader:
        with pytest.raises(StreamAhead):
            leader.publish(None)
        assert FeedEntry.objects.count() == 1
        begin_epoch(leader.connection, reason="copied back")
    relay_all()
    assert [entry for entry, _ in stream(clean_redis)] == ["2-0"]
    assert list(Epoch.objects.values_list("begins", "reason")) == [(0, "opened"), (1, "copied back")]


def test_a_leader_notices_a_new_epoch_on_a_quiet_day(clean_redis: redis.Redis) -> None:
    with reign() as leader, direct_connection() as operator:
        assert leader.number() is None
        begin_epoch(operator, reason="test")
        with pytest.raises(Deposed):
            leader.number()


def test_a_log_that_finds_itself_in_another_place_begins_a_new_epoch(clean_redis: redis.Redis) -> None:
    tell(uuid4(), 1)
    relay_all()
    before = FeedHead.objects.get()
    FeedHead.objects.update(home="elsewhere/00000001/5")
    tell(uuid4(), 2)
    assert relay_all() == 2
    after = FeedHead.objects.get()
    assert after.epoch != before.epoch
    assert Epoch.objects.get(epoch=after.epoch).begins == 1
    # The finished epoch's stream is left to those who still read it, for a day.
    assert 0 < clean_redis.ttl(f"bh:events:{SOURCE}:{before.epoch}") <= 86_400


@pytest.mark.parametrize("bell", [True, False])
def test_a_running_relay_hears_of_facts_and_a_second_one_waits(
    clean_redis: redis.Redis, settings: Any, bell: bool
) -> None:
    settings.BH_EVENTS_NOTIFY = bell
    with running(Relay(SOURCE).run), running(Relay(SOURCE).run):
        for n in range(5):
            tell(uuid4(), n)
            eventually(FeedEntry.objects.filter(number=n + 1).exists)
        eventually(lambda: len(stream(clean_redis)) == 5)


def test_a_relay_whose_connection_breaks_leads_again(clean_redis: redis.Redis, owner_url: str) -> None:
    with running(Relay(SOURCE).run):
        tell(uuid4(), 1)
        eventually(lambda: FeedEntry.objects.count() == 1)
        with psycopg.connect(owner_url, autocommit=True) as owner:
            # Of this database alone: other suites run on the same server.
            owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted "
                "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
        tell(uuid4(), 2)
        eventually(lambda: FeedEntry.objects.count() == 2)
