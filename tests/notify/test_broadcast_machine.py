"""Any order of telling, dying at any statement, pausing, resuming, stopping, sending and wiping Redis: nobody is forgotten,
nobody is told twice, and nothing leaves while it is held or after it was stopped."""

from __future__ import annotations

import os
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
import redis
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bh_sdk.server.ops import clock
from notify_svc.broadcasts import commands, errors, queries
from notify_svc.broadcasts.models import Broadcast
from notify_svc.delivery import claims, composing, mailings, rules
from notify_svc.delivery.channels.base import Outcome
from notify_svc.delivery.claims import Result
from notify_svc.delivery.errors import MailingOver
from notify_svc.delivery.models import Delivery, Mailing, Notification
from tests.notify.conftest import describe
from tests.notify.test_broadcasts import SECOND, WRITER, draft

PAGE = 2


class Killed(BaseException):
    """The process is gone: no `except Exception` hears of it."""


@contextmanager
def killed_at(statement: int) -> Iterator[None]:
    """Die before the nth statement from here on; what was not committed is lost, as it is when a process dies."""
    left = [statement]

    def count(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        left[0] -= 1
        if left[0] < 0 and not sql.startswith(("ROLLBACK", "SAVEPOINT", "RELEASE")):
            raise Killed
        return execute(sql, params, many, context)

    try:
        with transaction.atomic(), connection.execute_wrapper(count):
            yield
    except Killed:
        pass


class Broadcasting(RuleBasedStateMachine):
    """One broadcast to a list, its workers, and two people who hold and stop it."""

    def __init__(self) -> None:
        super().__init__()
        self.left: Counter[UUID] = Counter()
        self.held: list[tuple[UUID, list[UUID]]] = []
        self.paused = self.stopped = False
        self.people: list[UUID] = []

    @initialize(count=st.integers(1, 7), slow=st.booleans())
    def approve(self, count: int, slow: bool) -> None:
        self.people = [uuid.uuid4() for _ in range(count)]
        for one in self.people:
            describe(one, f"{one}@example.org")
        row = commands.ask(broadcast_id=draft(ids=self.people, per_minute=6 if slow else None).id, by=WRITER)
        with killed_at(count + 3):
            commands.approve(broadcast_id=row.id, revision=row.revision, by=SECOND)
        if Broadcast.objects.get(id=row.id).status == "asked":
            commands.approve(broadcast_id=row.id, revision=row.revision, by=SECOND)
        with pytest.raises(errors.BroadcastDecided):
            commands.approve(broadcast_id=row.id, revision=row.revision, by=SECOND)
        self.row = row
        self.mailing = Mailing.objects.get(dedupe=f"broadcast:{row.id}").id

    def _due(self) -> None:
        Mailing.objects.filter(id=self.mailing).update(due_at=clock.now())

    @rule()
    def a_worker_tells_a_page(self) -> None:
        self._due()
        mailings.expand(pages=1)

    @rule(statement=st.integers(0, 30))
    def a_worker_dies_over_a_page(self, statement: int) -> None:
        self._due()
        with killed_at(statement):
            mailings.expand(pages=1)

    @rule(statement=st.just(99) | st.integers(3, 15), what=st.sampled_from(["pause", "pause", "resume", "stop"]))
    def somebody_decides_and_the_process_may_die(self, statement: int, what: str) -> None:
        decide: dict[str, Callable[[], object]] = {
            "pause": lambda: commands.pause(broadcast_id=self.row.id, by=SECOND),
            "resume": lambda: commands.resume(broadcast_id=self.row.id, by=SECOND),
            "stop": lambda: commands.stop(broadcast_id=self.row.id, note="Wrong", by=SECOND),
        }
        try:
            with killed_at(statement):
                decide[what]()
        except MailingOver:
            assert (what == "pause") == self.paused or self.stopped
        mailing = Mailing.objects.get(id=self.mailing)
        self.stopped = mailing.status in ("canceling", "canceled")
        self.paused = mailing.paused_at is not None and not self.stopped

    @rule(limit=st.integers(1, 3))
    def a_worker_claims(self, limit: int) -> None:
        Delivery.objects.filter(status__in=rules.DUE).update(due_at=clock.now())
        token, claimed = claims.claim("email", limit=limit)
        composed = composing.compose(claimed)
        assert not composed.letters or not (self.paused or self.stopped)
        claims.settle(token, composed.results)
        if composed.letters:
            self.held.append((token, [letter.delivery_id for letter in composed.letters]))

    @precondition(lambda self: self.held)
    @rule()
    def a_worker_hands_over_what_it_holds(self) -> None:
        token, ids = self.held.pop()
        now = clock.now()
        for one in ids:
            claims.mark_handed_over(one, token, provider="smtp")
            self.left[Delivery.objects.get(id=one).recipient_id] += 1
        claims.settle(token, [Result(one, now, now, Outcome("accepted"), provider="smtp") for one in ids])

    @rule()
    def redis_is_wiped(self) -> None:
        with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
            client.flushdb()

    @invariant()
    def nobody_is_told_twice_and_the_count_is_true(self) -> None:
        if not self.people:
            return
        told = list(Notification.objects.filter(dedupe__startswith=rules.keys_of(self.mailing)))
        assert len({one.recipient_id for one in told}) == len(told) == Mailing.objects.get(id=self.mailing).reached
        assert set(self.left.values()) <= {1}
        assert queries.stage(self.row) in queries.STAGES

    def teardown(self) -> None:
        """Whatever happened, the workers of later finish it."""
        if not self.people:
            return
        if self.paused:
            commands.resume(broadcast_id=self.row.id, by=SECOND)
            self.paused = False
        while self.held:
            self.a_worker_hands_over_what_it_holds()
        for _ in range(2 * len(self.people) + 2):
            self.a_worker_tells_a_page()
            self.a_worker_claims(3)
            while self.held:
                self.a_worker_hands_over_what_it_holds()
        mailing = Mailing.objects.get(id=self.mailing)
        if self.stopped:
            assert mailing.status == "canceled"
        else:
            assert (mailing.status, mailing.reached) == ("done", len(self.people))
            assert self.left == Counter(self.people)
        open_ones = Delivery.objects.filter(recipient_id__in=self.people, channel="email").exclude(
            status__in=rules.FINAL
        )
        assert not open_ones.exists()


@pytest.mark.django_db
def test_broadcasts_survive_any_order_of_things(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailings, "PAGE", PAGE)
    calm = settings(max_examples=12, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Broadcasting, settings=calm)
