"""Several workers, and workers that die: on real, committed rows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import connection, connections

from bh_sdk.server.ops import clock
from trust_svc.evidence.commands import take_in
from trust_svc.evidence.models import Fact
from trust_svc.evidence.rules import NewFact
from trust_svc.scoring import commands
from trust_svc.scoring.models import Due, Score

pytestmark = pytest.mark.django_db(transaction=True)


def gift(campaign: UUID) -> NewFact:
    said = {"payment_id": str(uuid4()), "donor_id": str(uuid4()), "amount": "1.00", "currency": "GBP"}
    return NewFact(uuid4(), "payment.succeeded", clock.now(), "campaign", campaign, said)


def test_two_workers_share_the_work_and_leave_nothing() -> None:
    for _ in range(30):
        take_in(facts=[gift(uuid4())], source="test")
    Due.objects.update(due_at=clock.now())

    def work(_: int) -> int:
        try:
            return sum(iter(lambda: commands.rescore_due(limit=7), 0))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        done = sum(pool.map(work, range(2)))
    assert done == 60
    assert Due.objects.count() == 0
    assert Score.objects.count() == 60


def test_what_a_dead_worker_had_picked_is_taken_up_at_once(owner_url: str) -> None:
    campaign = uuid4()
    take_in(facts=[gift(campaign)], source="test")
    Due.objects.update(due_at=clock.now(), picked=True)
    with psycopg.connect(owner_url) as worker:
        # A living worker holds its rows…
        worker.execute("SELECT * FROM trust_scoring_due FOR UPDATE")
        assert commands.rescore_due() == 0
        # …and a dead one does not.
        worker.execute("ROLLBACK")
    assert commands.rescore_due() == 2
    assert Due.objects.count() == 0


def test_new_evidence_does_not_wait_for_a_worker_that_calculates(owner_url: str) -> None:
    campaign = uuid4()
    take_in(facts=[gift(campaign)], source="test")
    Due.objects.update(due_at=clock.now(), picked=True)
    with psycopg.connect(owner_url) as worker:
        worker.execute("SELECT * FROM trust_scoring_due FOR UPDATE")
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = '2s'")
        take_in(facts=[gift(campaign)], source="test")
    assert Due.objects.filter(kind="campaign", entity_id=campaign).count() == 2


def test_the_same_facts_from_many_senders_are_taken_once() -> None:
    campaign = uuid4()
    facts = [gift(campaign) for _ in range(50)]
    start = Barrier(4)

    def send(sender: int) -> int:
        try:
            start.wait()
            return take_in(facts=facts if sender % 2 else facts[::-1], source="test").accepted
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        accepted = sum(pool.map(send, range(4)))
    assert accepted == Fact.objects.count() == 50
