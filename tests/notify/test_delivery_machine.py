"""Any order of sending, refusing, dying, waking and settling late: a delivery goes forward, once, and is not forgotten."""

from __future__ import annotations

import uuid
from collections import defaultdict
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
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

from bh_sdk.server.events.models import RecordedEvent
from bh_sdk.server.ops import clock
from notify_svc.audience.commands import describe_contact
from notify_svc.delivery import claims, commands, rules
from notify_svc.delivery.channels.base import Outcome
from notify_svc.delivery.claims import Result
from notify_svc.delivery.models import Attempt, Delivery, Notification
from notify_svc.delivery.orders import Order
from tests.notify.test_sending import UPDATE, expire

FATES = ("accepted", "transient", "permanent", "unknown")


class Deliveries(RuleBasedStateMachine):
    """A few mails and the workers that hold them. `sent` counts what each provider call left us believing."""

    def __init__(self) -> None:
        super().__init__()
        Attempt.objects.all().delete()
        Delivery.objects.all().delete()
        Notification.objects.all().delete()
        self.held: list[tuple[UUID, list[UUID]]] = []
        self.seen: dict[UUID, list[str]] = defaultdict(list)
        self.claimed: dict[UUID, int] = defaultdict(int)
        self.people: list[UUID] = []

    @initialize(reachable=st.lists(st.booleans(), min_size=1, max_size=3))
    def accept(self, reachable: list[bool]) -> None:
        for known in reachable:
            person = uuid.uuid4()
            self.people.append(person)
            if known:
                describe_contact(user_id=person, email="a@b.example")
            order = Order(
                recipient_id=person, type="campaign_update", data=UPDATE, dedupe=str(person), channels=("email",)
            )
            commands.accept([order], by="test")
            commands.accept([order], by="test")

    @rule(who=st.integers(0, 2))
    def an_address_arrives(self, who: int) -> None:
        person = self.people[who % len(self.people)]
        describe_contact(user_id=person, email="a@b.example")
        commands.wake(recipient_id=person)

    @rule(limit=st.integers(1, 3))
    def a_worker_claims(self, limit: int) -> None:
        Delivery.objects.filter(status__in=rules.DUE).update(due_at=clock.now() - timedelta(seconds=1))
        token, rows = claims.claim("email", limit=limit)
        for row in rows:
            self.claimed[row.id] += 1
            assert all(row.id not in ids for _, ids in self.held), "two workers hold one delivery"
        if rows:
            self.held.append((token, [row.id for row in rows]))

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def a_worker_puts_down_what_became_of_its_batch(self, data: Any) -> None:
        token, ids = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
        results = []
        for one in ids:
            fate = data.draw(st.sampled_from(FATES))
            if fate == "accepted":
                claims.mark_handed_over(one, token)
            results.append(Result(one, clock.now(), clock.now(), Outcome(fate, "" if fate == "accepted" else "why")))
        claims.settle(token, results)
        # Doing it again, as after a lost answer of the database, changes nothing.
        claims.settle(token, results)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), handed_over=st.booleans())
    def a_worker_dies(self, data: Any, handed_over: bool) -> None:
        token, ids = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
        if handed_over:
            claims.mark_handed_over(ids[0], token)
        expire(*ids)
        claims.reclaim()
        # What it would still have written is refused.
        claims.settle(token, [Result(one, clock.now(), clock.now(), Outcome("permanent", "late")) for one in ids])

    @invariant()
    def nothing_goes_back_or_is_doubled(self) -> None:
        for delivery in Delivery.objects.all():
            past = self.seen[delivery.id]
            if not past or past[-1] != delivery.status:
                assert not past or past[-1] not in rules.FINAL
                past.append(delivery.status)
            assert delivery.tries == self.claimed[delivery.id] <= rules.MAX_TRIES
            assert (delivery.claim is not None) == (
                delivery.status in ("sending", "sent", "failed", "canceled") and delivery.tries > 0
            )
            facts = RecordedEvent.objects.filter(aggregateid=delivery.id).values_list("type", flat=True)
            expected = {"sent": ["notifications.delivery.sent.v1"], "failed": ["notifications.delivery.failed.v1"]}
            assert list(facts) == expected.get(delivery.status, [])
            accepted = delivery.attempts.filter(outcome="accepted").count()
            assert accepted == (delivery.status == "sent")

    @invariant()
    def nothing_is_forgotten(self) -> None:
        held = {one for _, ids in self.held for one in ids}
        for delivery in Delivery.objects.exclude(status__in=rules.FINAL):
            assert delivery.status in (*rules.DUE, "waiting") or delivery.id in held


@pytest.mark.django_db
def test_deliveries_survive_any_order_of_things() -> None:
    calm = settings(max_examples=12, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Deliveries, settings=calm)
