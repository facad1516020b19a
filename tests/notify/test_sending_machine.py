"""Two workers, a provider and everybody else, in any order: what happens between claim and result, in the middle of a call and
after a death is drawn. Readers get what they were promised, and nothing that must not go twice."""

from __future__ import annotations

import os
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
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
    rule,
    run_state_machine_as_test,
)

from bh_sdk.server.events.models import RecordedEvent
from bh_sdk.server.ops import clock
from notify_svc.audience.commands import describe_contact
from notify_svc.delivery import claims, commands, fates, recall, rules, sending, ways
from notify_svc.delivery.channels.base import Letter
from notify_svc.delivery.models import Attempt, Delivery, Notification
from notify_svc.delivery.orders import Order
from notify_svc.preferences import commands as preferences
from notify_svc.providers.models import Provider
from notify_svc.tracking import commands as tracking
from notify_svc.tracking.errors import AlreadySuppressed
from tests.notify.crashes import Carrier, drain, killed_at, recover
from tests.notify.test_sending import REFUSED_GIFT, UPDATE

CARRIER = Carrier()
ANSWERS = ("", "", "", "lost", "throttled", "auth", "transient", "permanent")
WORDS = ("delivered", "bounced", "complained", "opened")
# What somebody else does, at any time or while a worker is in the middle of a call.
DEEDS = ("cancel", "suppress", "never", "expire", "speak", "another worker", "sweep", "wipe redis", "again")


class Sending(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        for model in (Attempt, Delivery, Notification, Provider):
            model.objects.all().delete()
        CARRIER.taken.clear()
        CARRIER.script, CARRIER.asked, CARRIER.dies_at = [], 0, -1
        self.people: list[UUID] = []
        self.orders: list[Order] = []
        self.early: list[fates.Word] = []
        # Why somebody gets nothing more that no worker had begun with; and how much they had got by then.
        self.stopped: dict[UUID, int] = {}
        self.accidents = 0
        self.busy = 0

    @initialize(kinds=st.lists(st.booleans(), min_size=2, max_size=4))
    def accept(self, kinds: list[bool]) -> None:
        for news in kinds:
            person = uuid.uuid4()
            describe_contact(user_id=person, email=f"{person}@example.org")
            type, data = ("campaign_update", UPDATE) if news else ("gift.failed", REFUSED_GIFT)
            self.people.append(person)
            self.orders.append(
                Order(recipient_id=person, type=type, data=data, dedupe=str(person), channels=("email",))
            )
            commands.accept(self.orders[-1:], by="test")

    @rule(
        answers=st.lists(st.sampled_from(ANSWERS), max_size=4),
        limit=st.integers(1, 4),
        meanwhile=st.lists(st.tuples(st.integers(1, 4), st.sampled_from(DEEDS), st.integers(0, 3)), max_size=2),
        statement=st.integers(-1, 40),
        dies_at=st.integers(-3, 4),
        with_letter=st.booleans(),
    )
    def a_worker_sends(
        self,
        answers: list[str],
        limit: int,
        meanwhile: list[tuple[int, str, int]],
        statement: int,
        dies_at: int,
        with_letter: bool,
    ) -> None:
        """A batch; others act while it hands over, and it may die at a statement or at a call."""
        self._make_due()
        CARRIER.script, CARRIER.asked = list(answers), 0
        CARRIER.dies_at, CARRIER.with_letter = dies_at, with_letter
        deeds = {place: (deed, who) for place, deed, who in meanwhile}

        def act(letter: Letter) -> None:
            if CARRIER.asked in deeds and self.busy == 1:
                self._do(*deeds[CARRIER.asked])

        CARRIER.meanwhile = act
        self._work(lambda: sending.send_batch("email", limit=limit), statement)
        CARRIER.script, CARRIER.dies_at = [], -1

    @rule(deed=st.sampled_from(DEEDS), who=st.integers(0, 3))
    def somebody_does_something(self, deed: str, who: int) -> None:
        self._do(deed, who)

    @rule()
    def nobody_speaks_for_a_day(self) -> None:
        Delivery.objects.filter(status="unknown", reason=rules.FATE_UNKNOWN).update(due_at=clock.now())
        claims.give_up_unknown()

    def _work(self, work: Callable[[], Any], statement: int = -1) -> None:
        self.busy += 1
        try:
            if killed_at(statement, work):
                self.accidents += 1
        finally:
            self.busy -= 1

    def _make_due(self) -> None:
        Provider.objects.update(circuit="closed", rests_until=None, tries=0, fails=0, until=None)
        due = Delivery.objects.filter(status__in=rules.DUE).exclude(status="unknown", reason=rules.FATE_UNKNOWN)
        due.update(due_at=clock.now() - timedelta(seconds=1))

    def _do(self, deed: str, who: int) -> None:
        person = self.people[who % len(self.people)]
        mine = Notification.objects.filter(recipient_id=person)
        if deed == "cancel":
            recall.take_back(mine.values_list("id", flat=True))
            self._stops(person)
        elif deed == "suppress":
            with suppress(AlreadySuppressed):
                tracking.suppress(email=f"{person}@example.org", note="test", by="test")
            self._stops(person)
        elif deed == "never":
            preferences.unsubscribe(user_id=person, category="subscription")
            if mine.get().category not in rules.RESENT:
                self._stops(person)
        elif deed == "expire":
            mine.update(expires_at=clock.now() - timedelta(seconds=1))
            self._stops(person)
        elif deed == "speak":
            self._speak(person)
        elif deed == "another worker":
            self._make_due()
            self._work(lambda: sending.send_batch("email", limit=2))
        elif deed == "sweep":
            # Whoever still works is taken for dead: what it has in its hand nobody knows.
            self.accidents += self.busy
            recover()
        elif deed == "wipe redis":
            with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
                client.flushdb()
        else:
            commands.accept([self.orders[who % len(self.orders)]], by="test")

    def _stops(self, person: UUID) -> None:
        delivery = Delivery.objects.get(recipient_id=person)
        if delivery.status != "sending":
            self.stopped.setdefault(delivery.id, CARRIER.taken[delivery.id])

    def _speak(self, person: UUID) -> None:
        """A provider says what is true, twice, also before our commit."""
        delivery = Delivery.objects.get(recipient_id=person)
        if not CARRIER.taken[delivery.id]:
            return
        kind = WORDS[CARRIER.asked % len(WORDS)]
        for word in [*self.early, *[fates.Word("carrier", kind, clock.now(), delivery.id)] * 2]:
            with transaction.atomic():
                learned, _ = fates.learn(word)
            if learned == "early" and word not in self.early:
                self.early.append(word)

    @invariant()
    def news_goes_to_nobody_twice_and_a_receipt_only_after_an_accident(self) -> None:
        again = 0
        for delivery in Delivery.objects.select_related("notification"):
            taken = CARRIER.taken[delivery.id]
            if delivery.notification.category in rules.RESENT:
                lost = delivery.attempts.filter(outcome="unknown").count()
                again += max(0, taken - 1 - lost)
            else:
                assert taken <= 1, "news went twice"
        assert again <= self.accidents, "a receipt went twice without an accident"

    @invariant()
    def nothing_leaves_after_it_was_stopped(self) -> None:
        for one, before in self.stopped.items():
            assert CARRIER.taken[one] == before, "it left after it was stopped"

    @invariant()
    def what_is_said_to_be_sent_was_sent_and_each_fact_is_told_once(self) -> None:
        facts = Counter(RecordedEvent.objects.values_list("aggregateid", "type"))
        for delivery in Delivery.objects.all():
            if delivery.status in ("sent", "delivered", "bounced"):
                assert CARRIER.taken[delivery.id] >= 1
            assert all(count == 1 for (about, _), count in facts.items() if about == delivery.id)
            assert delivery.tries <= rules.MAX_TRIES

    def teardown(self) -> None:
        """After the storm everything comes to an end, and who was promised something has got it."""
        CARRIER.meanwhile = lambda letter: None
        if not self.people:
            return
        recover()
        drain()
        self.news_goes_to_nobody_twice_and_a_receipt_only_after_an_accident()
        self.nothing_leaves_after_it_was_stopped()
        self.what_is_said_to_be_sent_was_sent_and_each_fact_is_told_once()
        for delivery in Delivery.objects.select_related("notification"):
            unsaid = delivery.status == "unknown" and delivery.reason == rules.FATE_UNKNOWN
            assert delivery.status in rules.FINAL or unsaid, "it was forgotten"
            refused = delivery.attempts.filter(outcome="permanent").exists() or delivery.tries >= rules.MAX_TRIES
            if delivery.id not in self.stopped and not refused and delivery.status != "canceled":
                must = delivery.notification.category in rules.RESENT or delivery.status == "sent"
                assert CARRIER.taken[delivery.id] >= must, "it never left"


@pytest.mark.django_db
def test_whatever_happens_in_whatever_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ways, "providers", lambda: [CARRIER])
    monkeypatch.setattr(sending, "PORTION", 2)
    monkeypatch.setattr(sending, "BEGUN", 2)
    calm = settings(
        max_examples=int(os.environ.get("BH_EXAMPLES", "12")),
        stateful_step_count=8,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Sending, settings=calm)
