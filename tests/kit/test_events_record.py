"""Facts enter the log in the transaction of their command, in order, once and for good."""

from __future__ import annotations

import json
import threading
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from bh_sdk.server.events import OutsideTransaction, UnfitPayload, record, record_all
from bh_sdk.server.events.canonical import canonical, digest_of
from bh_sdk.server.events.models import Outbox, RecordedEvent
from bh_sdk.server.ops import trace
from tests.kit.events_road import Counted, tell

pytestmark = pytest.mark.django_db


def sequences(subject: UUID) -> list[int]:
    return list(RecordedEvent.objects.filter(aggregateid=subject).values_list("sequence", flat=True))


def test_a_fact_is_one_row_and_waits_in_the_outbox() -> None:
    subject = uuid4()
    trace.begin(None, "00-" + "a" * 32 + "-" + "b" * 16 + "-01")
    event_id = record(Counted(n=7, remark="für alle"), subject=subject, actor="user:1")
    trace.end()
    row = RecordedEvent.objects.get(id=event_id)
    assert (row.aggregatetype, row.aggregateid, row.sequence, row.type) == ("counter", subject, 1, "kit.counted.v1")
    assert (row.payload, row.actor) == ({"n": 7, "remark": "für alle"}, "user:1")
    assert row.traceparent == "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    assert list(Outbox.objects.values_list("position", flat=True)) == [row.position]
    assert row.digest == digest_of(
        id=event_id,
        aggregatetype="counter",
        aggregateid=subject,
        type="kit.counted.v1",
        payload='{"n":7,"remark":"für alle"}',
        traceparent=row.traceparent,
        actor="user:1",
        created_at=row.created_at,
    )


@pytest.mark.django_db(transaction=True)
def test_a_fact_outside_a_transaction_is_refused() -> None:
    with pytest.raises(OutsideTransaction):
        record(Counted(n=1), subject=uuid4())
    assert (RecordedEvent.objects.count(), Outbox.objects.count()) == (0, 0)


@pytest.mark.django_db(transaction=True)
def test_many_facts_outside_a_transaction_are_refused() -> None:
    with pytest.raises(OutsideTransaction):
        record_all([(Counted(n=1), uuid4())])
    assert record_all([]) == []
    assert (RecordedEvent.objects.count(), Outbox.objects.count()) == (0, 0)


def test_many_facts_at_once_are_recorded_as_if_in_turn() -> None:
    one, other = uuid4(), uuid4()
    record(Counted(n=1), subject=one)
    ids = record_all(
        [(Counted(n=2), other), (Counted(n=3), one), (Counted(n=4, remark="für alle"), one)], actor="user:1"
    )
    rows = list(RecordedEvent.objects.filter(id__in=ids).order_by("position"))
    assert [row.id for row in rows] == ids
    assert [(row.aggregateid, row.sequence, row.payload["n"]) for row in rows] == [
        (other, 1, 2),
        (one, 2, 3),
        (one, 3, 4),
    ]
    assert Outbox.objects.count() == 4
    for row in rows:
        assert (row.type, row.aggregatetype, row.actor) == ("kit.counted.v1", "counter", "user:1")
        assert row.digest == digest_of(
            id=row.id,
            aggregatetype="counter",
            aggregateid=row.aggregateid,
            type="kit.counted.v1",
            payload=canonical(row.payload),
            traceparent=row.traceparent,
            actor="user:1",
            created_at=row.created_at,
        )


@pytest.mark.parametrize(
    ("payload", "pointer"),
    [
        ({"n": 1.5}, "/n"),
        ({"deep": [{"n": float("nan")}]}, "/deep/0/n"),
        ({"n": 2**53 + 1}, "/n"),
        ({"text": "a\x00b"}, "/text"),
        ({"text": "\ud800"}, "/text"),
        ({"a\x00": 1}, ""),
        ({"set": {1}}, "/set"),
    ],
)
def test_what_jsonb_would_not_give_back_is_refused(payload: dict[str, Any], pointer: str) -> None:
    with pytest.raises(UnfitPayload) as refusal:
        canonical(payload)
    assert refusal.value.pointer == pointer


def test_canonical_json_survives_jsonb() -> None:
    payload = {"zz": 1, "a": {"é": [True, None, -5], "long": "x" * 50}, "B": '\u2028\t"\\', "10": 2**53}
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::jsonb", [canonical(payload)])
        (back,) = cursor.fetchone()
    assert canonical(json.loads(back) if isinstance(back, str) else back) == canonical(payload)


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_command_leaves_no_fact_and_no_hole() -> None:
    subject = uuid4()
    tell(subject, 1)
    with transaction.atomic():
        record(Counted(n=2), subject=subject)
        transaction.set_rollback(True)
    tell(subject, 2)
    assert sequences(subject) == [1, 2]
    assert Outbox.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_many_writers_of_one_subject_queue_up_without_a_hole() -> None:
    subject, errors = uuid4(), list[BaseException]()

    def write(base: int) -> None:
        try:
            for n in range(5):
                tell(subject, base + n)
            for n in range(5):
                with transaction.atomic():
                    record_all([(Counted(n=base + n), each) for each in (subject, uuid4(), subject)])
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=[100 * number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    positions = dict(RecordedEvent.objects.filter(aggregateid=subject).values_list("position", "sequence"))
    assert [positions[position] for position in sorted(positions)] == list(range(1, 121))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE event SET actor = 'x'",
        "UPDATE event SET payload = payload",
        "DELETE FROM event",
        "INSERT INTO event SELECT * FROM event ON CONFLICT (id) DO UPDATE SET actor = 'x'",
        "UPDATE feed SET numbered_at = now()",
        "DELETE FROM feed",
        "UPDATE seal SET last = last",
        "DELETE FROM seal",
        "TRUNCATE event CASCADE",
    ],
)
@pytest.mark.django_db(transaction=True)
def test_nothing_recorded_can_be_changed(statement: str, owner_url: str) -> None:
    tell(uuid4(), 1)
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("INSERT INTO feed SELECT 1, position, now() FROM event")
        owner.execute("INSERT INTO seal VALUES (1, 1, sha256(''))")
        before = owner.execute("SELECT event::text, feed::text FROM event JOIN feed USING (position)").fetchall()
        with pytest.raises(DatabaseError), connection.cursor() as cursor:
            cursor.execute(statement)
        # Not even the owner, nor one who plays replica.
        with pytest.raises(psycopg.errors.RestrictViolation):
            owner.execute(statement)
        if not statement.startswith("TRUNCATE"):
            owner.execute("SET session_replication_role = replica")
            with pytest.raises(psycopg.errors.RestrictViolation):
                owner.execute(statement)
        assert (
            owner.execute("SELECT event::text, feed::text FROM event JOIN feed USING (position)").fetchall() == before
        )


def test_a_sequence_is_given_once() -> None:
    subject = uuid4()
    record(Counted(n=1), subject=subject)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO event (id, aggregatetype, aggregateid, sequence, type, payload, digest, actor, created_at) "
            "SELECT gen_random_uuid(), aggregatetype, aggregateid, sequence, type, payload, digest, actor, created_at "
            "FROM event WHERE aggregateid = %s",
            [subject],
        )
