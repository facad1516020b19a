"""Any order of sending, refusing, dying, waking, settling late, taking back and being spoken of: a delivery goes forward,
leaves as often as its category allows, and is not forgotten."""

from __future__ import annotations

import os
import uuid
from collections import Counter, defaultdict
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import redis
from django.db import transaction
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
from notify_svc.delivery import claims, commands, fates, recall, rules
from notify_svc.delivery.channels.base import Outcome
from notify_svc.delivery.claims import Result
from notify_svc.delivery.models import Attempt, Delivery, Notification
from notify_svc.delivery.orders import Order
from tests.notify.test_sending import REFUSED_GIFT, UPDATE, expire

FATES = ("accepted", "transient", "permanent", "unknown", "throttled", "auth", "later")
WORDS = ("delivered", "bounced", "complained", "opened")


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
        self.unused: dict[UUID, int] = defaultdict(int)
        # What providers said before a worker had written down that it sent: it is said again later.
        self.early: list[fates.Word] = []

    @initialize(reachable=st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=3))
    def accept(self, reachable: list[tuple[bool, bool]]) -> None:
        for known, news in reachable:
            person = uuid.uuid4()
            self.people.append(person)
            if known:
                describe_contact(user_id=person, email="a@b.example")
            order = Order(
                recipient_id=person,
                type="campaign_update" if news else "gift.failed",
                data=UPDATE if news else REFUSED_GIFT,
                dedupe=str(person),
                channels=("email",),
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
        due = Delivery.objects.filter(status__in=rules.DUE)
        due.update(due_at=clock.now() - timedelta(seconds=1))
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
            fate, now = data.draw(st.sampled_from(FATES)), clock.now()
            if fate == "later":
                # It was not tried: it does not count as a try.
                self.unused[one] += Delivery.objects.filter(id=one, claim=token, status="sending").count()
                results.append(Result(one, now, now, why="paced", later=now))
                continue
            if fate == "accepted":
                claims.mark_handed_over(one, token, provider="smtp", provider_ref=str(one))
            results.append(Result(one, now, now, Outcome(fate, "" if fate == "accepted" else "why"), provider="smtp"))
        claims.settle(token, results)
        # Doing it again, as after a lost answer of the database, changes nothing.
        claims.settle(token, results)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), begun=st.booleans(), handed_over=st.booleans())
    def a_worker_dies(self, data: Any, begun: bool, handed_over: bool) -> None:
        token, ids = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
        if begun:
            claims.begin(ids, token, provider="smtp")
        if handed_over:
            claims.mark_handed_over(ids[0], token)
        expire(*ids)
        claims.reclaim()
        # What it would still have written is refused.
        claims.settle(token, [Result(one, clock.now(), clock.now(), Outcome("permanent", "late")) for one in ids])

    @rule(who=st.integers(0, 2), kind=st.sampled_from(WORDS), twice=st.booleans())
    def a_provider_says_something(self, who: int, kind: str, twice: bool) -> None:
        person = self.people[who % len(self.people)]
        delivery = Delivery.objects.get(recipient_id=person)
        if delivery.tries:
            self._hear(fates.Word("smtp", kind, clock.now(), delivery.id))
            if twice:
                self._hear(fates.Word("smtp", kind, clock.now(), delivery.id))

    @rule()
    def what_came_too_early_is_said_again(self) -> None:
        early, self.early = self.early, []
        for word in early:
            self._hear(word)

    def _hear(self, word: fates.Word) -> None:
        with transaction.atomic():
            learned, delivery = fates.learn(word)
        assert (learned == "early") == (delivery is not None and delivery.status == "sending")
        if learned == "early":
            self.early.append(word)

    @rule(who=st.integers(0, 2))
    def the_sender_takes_it_back(self, who: int) -> None:
        recall.take_back(
            Notification.objects.filter(recipient_id=self.people[who % len(self.people)]).values_list("id", flat=True)
        )

    @rule()
    def nobody_speaks_for_a_day(self) -> None:
        Delivery.objects.filter(status="unknown", reason=rules.FATE_UNKNOWN).update(due_at=clock.now())
        claims.give_up_unknown()

    @rule()
    def redis_is_wiped(self) -> None:
        with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
            client.flushdb()

    @invariant()
    def what_may_have_left_goes_again_only_where_its_category_allows(self) -> None:
        for delivery in Delivery.objects.select_related("notification"):
            outcomes = list(delivery.attempts.values_list("outcome", flat=True))
            if "unknown" in outcomes and delivery.notification.category not in rules.RESENT:
                assert outcomes[-1] == "unknown"

    @invariant()
    def nothing_goes_back_or_is_doubled(self) -> None:
        for delivery in Delivery.objects.all():
            past = self.seen[delivery.id]
            if not past or past[-1] != delivery.status:
                assert not past or past[-1] not in ("canceled", "bounced")
                past.append(delivery.status)
            assert delivery.tries == self.claimed[delivery.id] - self.unused[delivery.id] <= rules.MAX_TRIES
            assert delivery.claim is None or delivery.status in ("sending", *rules.FINAL)
            assert (delivery.status == "sending") <= (delivery.claim is not None)
            facts = Counter(RecordedEvent.objects.filter(aggregateid=delivery.id).values_list("type", flat=True))
            assert all(count == 1 for count in facts.values()), "a fact is told once"
            accepted = delivery.attempts.filter(outcome="accepted").count()
            assert accepted == facts["notifications.delivery.sent.v1"] <= 1
            if delivery.status in ("sent", "failed"):
                assert facts[f"notifications.delivery.{delivery.status}.v1"] == 1

    @invariant()
    def nothing_is_forgotten(self) -> None:
        held = {one for _, ids in self.held for one in ids}
        for delivery in Delivery.objects.exclude(status__in=rules.FINAL):
            assert delivery.status in (*rules.DUE, "waiting") or delivery.id in held


@pytest.mark.django_db
def test_deliveries_survive_any_order_of_things() -> None:
    calm = settings(max_examples=12, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Deliveries, settings=calm)
