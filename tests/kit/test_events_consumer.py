"""A consumer applies every event once and in order, whatever happens to the stream."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
import redis
from django.db import OperationalError, connection, transaction

from bh_sdk.errors import ConnectFailed
from bh_sdk.events import Event
from bh_sdk.server.events import Delivered, handlers, handles, record
from bh_sdk.server.events.consumer import BrokenLog, Overtaken, Reading
from bh_sdk.server.events.epochs import begin_epoch
from bh_sdk.server.events.leadership import direct_connection
from bh_sdk.server.events.models import Checkpoint, DeadLetter, FeedHead
from bh_sdk.server.events.stream import Stream
from bh_sdk.wire.events import FeedPage
from tests.kit.events_road import (
    LISTENER,
    SOURCE,
    Counted,
    Ignored,
    Nearby,
    count,
    eventually,
    listener,
    nowhere,
    relay_all,
    running,
    tell,
    trouble,
)

pytest_plugins = ("tests.kit.events_fixtures",)
pytestmark = pytest.mark.django_db(transaction=True)

STOP = threading.Event()


@pytest.fixture(autouse=True)
def handled(effects: None) -> Iterator[None]:
    handles(Counted)(count)
    yield
    trouble.clear()


def applied() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT n FROM effect ORDER BY seq")
        return [n for (n,) in cursor.fetchall()]


def checkpoint() -> int:
    return Checkpoint.objects.filter(consumer=LISTENER).values_list("number", flat=True).first() or 0


def caught_up() -> bool:
    head = FeedHead.objects.get()
    return Checkpoint.objects.filter(consumer=LISTENER, epoch=head.epoch, number=head.number).exists()


def key() -> str:
    return f"bh:events:{SOURCE}:{FeedHead.objects.get().epoch}"


def catch_up(feed: Nearby | None = None) -> Nearby:
    """Run a listener until it has applied everything there is."""
    feed = feed or Nearby()
    relay_all()
    with running(listener(feed).run):
        eventually(caught_up)
    return feed


def recount(subject: UUID, *numbers: int) -> None:
    for n in numbers:
        tell(subject, n)


def test_events_are_applied_in_order_and_once(clean_redis: redis.Redis) -> None:
    recount(uuid4(), *range(250))
    catch_up()
    assert applied() == list(range(250))
    catch_up()
    assert applied() == list(range(250))


def test_events_that_nobody_handles_are_skipped(clean_redis: redis.Redis) -> None:
    with transaction.atomic():
        record(Ignored(), subject=uuid4())
    recount(uuid4(), 1)
    catch_up()
    assert (applied(), checkpoint(), DeadLetter.objects.count()) == ([1], 2, 0)


@pytest.mark.parametrize(
    "harm",
    [
        lambda client: client.flushdb(),
        lambda client: client.xtrim(key(), maxlen=0),
        lambda client: client.xtrim(key(), maxlen=2, approximate=False),
        lambda client: client.xdel(key(), "4-0"),
    ],
    ids=["wiped", "trimmed to nothing", "trimmed", "hole"],
)
def test_what_the_stream_lost_comes_from_the_feed(
    clean_redis: redis.Redis, harm: Callable[[redis.Redis], object]
) -> None:
    subject = uuid4()
    recount(subject, 0, 1)
    catch_up()
    recount(subject, 2, 3, 4, 5)
    relay_all()
    harm(clean_redis)
    catch_up()
    recount(subject, 6)
    catch_up()
    assert applied() == list(range(7))


def test_what_went_on_in_a_new_stream_closes_the_gap_by_the_feed(clean_redis: redis.Redis) -> None:
    recount(uuid4(), 0, 1)
    relay_all()
    clean_redis.flushdb()
    recount(uuid4(), 2)
    catch_up()
    assert applied() == [0, 1, 2]


def test_without_redis_the_feed_carries_everything(clean_redis: redis.Redis) -> None:
    recount(uuid4(), *range(3))
    head = relay_all()
    lonely = listener()
    lonely.stream = Stream(SOURCE, nowhere())
    with running(lonely.run):
        eventually(lambda: checkpoint() == head)
    assert applied() == [0, 1, 2]


def test_without_the_feed_the_stream_carries_everything(clean_redis: redis.Redis) -> None:
    class Silent(Nearby):
        def page(self, after: str, limit: int) -> FeedPage:
            raise ConnectFailed

    recount(uuid4(), 0)
    catch_up()
    recount(uuid4(), 1, 2)
    catch_up(Silent())
    assert applied() == [0, 1, 2]


def test_entries_that_are_not_ours_are_never_applied(clean_redis: redis.Redis) -> None:
    recount(uuid4(), 0)
    catch_up()
    false: dict[str, Any] = {
        "specversion": "1.0",
        "id": str(uuid4()),
        "source": SOURCE,
        "type": Counted.type,
        "subject": str(uuid4()),
    }
    false |= {"time": "2026-01-01T00:00:00Z", "data": {"n": 99}}
    clean_redis.xadd(key(), {"event": json.dumps(false)}, id="2-0")
    clean_redis.xadd(key(), {"other": b"\xff"}, id="3-0")
    feed = Nearby()
    with running(listener(feed).run):
        eventually(lambda: len(feed.asked) >= 4)
    assert (applied(), checkpoint()) == ([0], 1)


def test_a_new_epoch_is_followed_from_the_last_shared_number(clean_redis: redis.Redis) -> None:
    recount(uuid4(), 0, 1)
    catch_up()
    with direct_connection() as operator:
        begin_epoch(operator, reason="test")
    recount(uuid4(), 2)
    catch_up()
    assert applied() == [0, 1, 2]
    assert Checkpoint.objects.get().epoch == FeedHead.objects.get().epoch


def test_a_source_that_lost_its_end_is_followed_without_its_lost_events(
    clean_redis: redis.Redis, owner_url: str
) -> None:
    recount(uuid4(), 0, 1, 2)
    catch_up()
    # The restore: number 3 never happened, and the database lives elsewhere now.
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("SET session_replication_role = replica")
        for table in ("event", "feed", "seal"):
            owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER {table}_stays")
        owner.execute("DELETE FROM feed WHERE number = 3")
        owner.execute("DELETE FROM event WHERE payload->>'n' = '2'")
        owner.execute("DELETE FROM seal")
        owner.execute("INSERT INTO seal VALUES (1, 2, sha256(''))")
        owner.execute("UPDATE feed_head SET home = 'elsewhere', number = 2, published = 2")
        for table in ("event", "feed", "seal"):
            owner.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_stays")
    recount(uuid4(), 3)
    catch_up()
    assert applied() == [0, 1, 2, 3]
    assert checkpoint() == 3


def test_a_brand_new_source_is_read_from_its_start(clean_redis: redis.Redis) -> None:
    recount(uuid4(), 0)
    catch_up()
    Checkpoint.objects.update(epoch=uuid4(), number=70)
    # Handlers may run twice after such a loss; here they are counted.
    with running(listener().run):
        eventually(lambda: applied() == [0, 0])
    assert checkpoint() == 1


def test_two_listeners_apply_nothing_twice(clean_redis: redis.Redis) -> None:
    with running(listener().run), running(listener().run):
        for n in range(40):
            tell(uuid4(), n)
        head = relay_all()
        eventually(lambda: checkpoint() == head)
    assert applied() == list(range(40))


def test_a_reader_that_was_overtaken_rolls_back_and_stops(clean_redis: redis.Redis) -> None:
    recount(uuid4(), 0)
    relay_all()
    with direct_connection() as held:
        stale = Reading(listener(), held)
        catch_up()
        events = Nearby().page("", 10).results
        with pytest.raises(Overtaken):
            stale.apply(events, STOP)
    assert applied() == [0]


def test_a_feed_that_skips_a_number_is_not_believed(clean_redis: redis.Redis) -> None:
    class Skipping(Nearby):
        def page(self, after: str, limit: int) -> FeedPage:
            found = super().page(after, limit)
            return found.model_copy(update={"results": found.results[1:]})

    recount(uuid4(), 0, 1)
    relay_all()
    with direct_connection() as held, pytest.raises(BrokenLog):
        Reading(listener(Skipping()), held)._from_feed()
    assert (applied(), checkpoint()) == ([], 0)


def test_a_database_in_trouble_is_waited_for_and_nothing_is_parked(clean_redis: redis.Redis) -> None:
    recount(uuid4(), 0, 1)
    head = relay_all()
    trouble[1] = OperationalError("the connection is lost")
    feed = Nearby()
    with running(listener(feed, attempts=1).run):
        eventually(lambda: len(feed.asked) >= 3)
        assert (applied(), DeadLetter.objects.count()) == ([], 0)
        trouble.clear()
        eventually(lambda: checkpoint() == head)
    assert (applied(), DeadLetter.objects.count()) == ([0, 1], 0)


def test_a_handler_gets_the_fact_and_its_envelope(clean_redis: redis.Redis) -> None:
    seen: list[Delivered[Counted]] = []
    subject = uuid4()

    def look(event: Delivered[Counted]) -> None:
        seen.append(event)

    handles(Counted)(look)
    try:
        event_id = tell(subject, 5)
        catch_up()
    finally:
        handlers._handlers[Counted.type].remove(look)
    (event,) = seen
    told = {name: getattr(event, name) for name in ("id", "source", "type", "subject", "data", "number")}
    assert told == {
        "id": event_id,
        "source": SOURCE,
        "type": Counted.type,
        "subject": str(subject),
        "data": Counted(n=5),
        "number": 1,
    }
    assert Event.model_validate(Nearby().page("", 1).results[0].model_dump()).id == event_id
