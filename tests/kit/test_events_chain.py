"""`manage.py verify_chain` names the first row that is not what it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
import redis
from django.core.management import CommandError, call_command

from bh_sdk.server.events.chain import Verdict, verify
from bh_sdk.server.events.models import FeedEntry, FeedHead
from bh_sdk.server.events.seals import SealSink
from bh_sdk.tokens import new_signing_key
from tests.kit.events_road import SOURCE, reign, relay_all, tell

pytestmark = pytest.mark.django_db(transaction=True)

SUBJECT = UUID(int=7)


@pytest.fixture
def sink(tmp_path: Path) -> SealSink:
    return SealSink(tmp_path / "seals", new_signing_key())


@pytest.fixture
def log(clean_redis: redis.Redis) -> list[int]:
    """Six events in two seals; their positions."""
    for n in range(6):
        tell(SUBJECT, n)
        if n == 2:
            relay_all()
    relay_all()
    return list(FeedEntry.objects.values_list("position_id", flat=True))


@contextmanager
def tampering(owner_url: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A superuser who takes every guard down and puts it up again."""
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("SET session_replication_role = replica")
        for table in ("event", "feed", "seal"):
            owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER {table}_stays")
        yield owner
        for table in ("event", "feed", "seal"):
            owner.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_stays")


def finding(sink: SealSink | None = None) -> tuple[int, int | None]:
    found = verify(SOURCE, sink).finding
    assert found is not None
    return found.number, found.position


def test_an_untouched_log_is_intact(log: list[int]) -> None:
    tell(uuid4(), 1)
    assert verify(SOURCE) == Verdict(events=6, seals=2)


@pytest.mark.parametrize(
    "change",
    [
        "payload = jsonb_set(payload, '{n}', '99')",
        "payload = jsonb_set(payload, '{n}', '1.5')",
        "actor = 'somebody else'",
        "created_at = created_at + interval '1 microsecond'",
        "aggregateid = gen_random_uuid()",
        "type = 'kit.other.v1'",
        "digest = sha256('x')",
    ],
)
def test_an_edited_event_is_named(log: list[int], owner_url: str, change: str) -> None:
    with tampering(owner_url) as owner:
        owner.execute(f"UPDATE event SET {change} WHERE position = %s", [log[3]])
    assert finding() == (4, log[3])


def test_an_event_edited_with_its_digest_breaks_its_seal(log: list[int], owner_url: str) -> None:
    with tampering(owner_url) as owner:
        # Another event's fields with its digest: every digest is right, the chain is not.
        owner.execute("UPDATE feed SET position = -position")
        owner.execute("UPDATE event SET position = -position")
        owner.execute("UPDATE event SET position = -position + 100000")
        owner.execute("UPDATE feed SET position = -position + 100000")
    assert finding() == (1, None)


def test_a_deleted_event_is_named(log: list[int], owner_url: str) -> None:
    with tampering(owner_url) as owner:
        owner.execute("DELETE FROM event WHERE position = %s", [log[1]])
    assert finding() == (2, log[1])


def test_a_deleted_number_is_named(log: list[int], owner_url: str) -> None:
    with tampering(owner_url) as owner:
        owner.execute("DELETE FROM feed WHERE number = 5")
    assert finding() == (5, None)


def test_reordered_events_are_named(log: list[int], owner_url: str) -> None:
    with tampering(owner_url) as owner:
        owner.execute("UPDATE feed SET position = -1 WHERE number = 4")
        owner.execute("UPDATE feed SET position = %s WHERE number = 5", [log[3]])
        owner.execute("UPDATE feed SET position = %s WHERE number = 4", [log[4]])
    assert finding() == (5, log[3])


def test_a_missing_seal_is_noticed(log: list[int], owner_url: str) -> None:
    with tampering(owner_url) as owner:
        owner.execute("DELETE FROM seal WHERE first = 1")
    assert finding() == (1, None)


def test_a_cut_tail_is_noticed(log: list[int], owner_url: str, sink: SealSink) -> None:
    with reign() as leader:
        sink.keep(SOURCE, leader.head)
    assert verify(SOURCE, sink) == Verdict(events=6, seals=2, heads=1)
    with tampering(owner_url) as owner:
        owner.execute("DELETE FROM feed WHERE number > 3")
        owner.execute("DELETE FROM event WHERE position > %s", [log[2]])
        owner.execute("DELETE FROM seal WHERE first > 3")
    assert finding() == (4, None)
    with tampering(owner_url) as owner:
        # Who also turns the head back still has the signed one against them.
        owner.execute("UPDATE feed_head SET number = 3, published = 3, chain = (SELECT hash FROM seal)")
    assert verify(SOURCE).finding is None
    assert finding(sink) == (6, None)


def test_a_fact_that_never_got_a_number_is_noticed(log: list[int], owner_url: str) -> None:
    tell(SUBJECT, 6)
    with tampering(owner_url) as owner:
        owner.execute("DELETE FROM outbox")
    number, position = finding()
    assert (number, position is not None) == (0, True)


def test_one_head_an_hour_is_kept_and_only_our_own_counts(log: list[int], sink: SealSink, tmp_path: Path) -> None:
    head = None
    with reign() as leader:
        head = leader.head
        for _ in range(3):
            SealSink(sink.folder, sink._key).keep(SOURCE, leader.head)
    (file,) = sink.folder.iterdir()
    (kept,) = sink.kept(SOURCE)
    assert (kept.file, kept.epoch, kept.number, kept.chain) == (file.name, head.epoch, 6, head.chain)
    assert verify(SOURCE, SealSink(sink.folder, new_signing_key())).finding is not None


def test_numbers_lost_in_a_restore_are_told_but_no_fault(log: list[int], sink: SealSink, owner_url: str) -> None:
    with reign() as leader:
        sink.keep(SOURCE, leader.head)
    with tampering(owner_url) as owner:
        owner.execute("DELETE FROM feed WHERE number > 3")
        owner.execute("DELETE FROM event WHERE position > %s", [log[2]])
        owner.execute("DELETE FROM seal WHERE first > 3")
        owner.execute("UPDATE feed_head SET home = 'elsewhere'")
    tell(SUBJECT, 3)
    relay_all()
    verdict = verify(SOURCE, sink)
    assert (verdict.finding, verdict.events) == (None, 4)
    assert verdict.notes == [f"{next(sink.folder.iterdir()).name}: numbers 4 to 6 were lost in a restore"]


def test_the_command_says_so(log: list[int], owner_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BH_SEAL_SINK", tmp_path.as_uri())
    out = StringIO()
    call_command("verify_chain", stdout=out)
    assert out.getvalue().startswith("6 events in 2 seals are intact")
    with tampering(owner_url) as owner:
        owner.execute("UPDATE event SET actor = 'x' WHERE position = %s", [log[0]])
    with pytest.raises(CommandError, match="number 1"):
        call_command("verify_chain", stdout=out)
    assert FeedHead.objects.get().number == 6
