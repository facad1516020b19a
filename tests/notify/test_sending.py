"""Deliveries on their way: claims, retries, workers that die, and mails that cannot be written."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import uuid
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, connections, transaction

from bh_sdk.server.events.models import RecordedEvent
from bh_sdk.server.ops import clock
from notify_svc.delivery import claims, commands, rules, sending, tasks
from notify_svc.delivery.channels.base import Outcome
from notify_svc.delivery.models import Attempt, Delivery
from notify_svc.delivery.orders import Order
from notify_svc.providers.commands import call_well
from notify_svc.providers.models import Provider
from tests.notify.conftest import describe, work
from tests.notify.mailbox import Mailbox

EMAIL = "email"
UPDATE = {
    "campaign_title": "Water",
    "campaign_id": "6f1d7f0e-3d8a-4a63-9f57-2f3f2f5f9a01",
    "update_title": "News",
    "update_id": "c0a8012e-8f6b-4f5e-9a55-5b1c7f0d2b77",
    "update_content": "It rained & all is <well>.",
}
# A transactional mail; an update is news.
REFUSED_GIFT = {
    "campaign_id": UPDATE["campaign_id"],
    "campaign_title": "Water",
    "amount": "25.00",
    "currency": "GBP",
    "cause": "expired_card",
}
DATA = {"campaign_update": UPDATE, "gift.failed": REFUSED_GIFT}


def accept(
    *people: UUID, channels: tuple[str, ...] = ("email",), type: str = "campaign_update", **rest: Any
) -> list[UUID]:
    """Accept an update for people, reachable as `<id>@example.org`; returns the ids of the deliveries."""
    for person in people:
        describe(person, f"{person}@example.org")
    orders = [
        Order(
            recipient_id=person,
            type=type,
            data=DATA[type],
            dedupe=f"test:{uuid.uuid4()}",
            channels=channels,
            **rest,
        )
        for person in people
    ]
    accepted = commands.accept(orders, by="test")
    found = Delivery.objects.filter(notification__in=[one.notification_id for one in accepted]).order_by(
        "recipient_id", "channel"
    )
    return list(found.values_list("id", flat=True))


def some(count: int) -> list[UUID]:
    return [uuid.uuid4() for _ in range(count)]


def make_due(delivery_id: UUID) -> None:
    Delivery.objects.filter(id=delivery_id).update(due_at=clock.now())


def get_well(provider: str) -> None:
    """As if all the pauses that this provider's failures cost it were over."""
    if Provider.objects.filter(name=provider).exists():
        call_well(name=provider)


def expire(*delivery_ids: UUID) -> None:
    """As if the worker had given no sign of life for an hour of the database's clock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE notify_delivery_delivery SET claimed_at = clock_timestamp() - interval '1 hour' WHERE id = ANY(%s)",
            [list(delivery_ids)],
        )


@pytest.mark.django_db(transaction=True)
def test_two_workers_over_the_same_rows_send_each_mail_once(mailbox: Mailbox) -> None:
    ids = accept(*some(60))
    start = threading.Barrier(4)

    def run() -> None:
        try:
            start.wait()
            while sending.send_batch(EMAIL, limit=7):
                pass
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(mailbox.message_ids) == sorted(f"<{one}@blessed-horizon.example>" for one in ids)
    assert set(Delivery.objects.values_list("status", "tries")) == {("sent", 1)}
    assert RecordedEvent.objects.filter(type="notifications.delivery.sent.v1").count() == 60


@pytest.mark.django_db
def test_a_batch_keeps_one_connection_open(mailbox: Mailbox) -> None:
    accept(*some(30))
    assert sending.send_batch(EMAIL) == 30
    assert (len(mailbox.raw), mailbox.connections) == (30, 1)


@pytest.mark.django_db
def test_the_urgent_go_first_and_nothing_goes_before_its_time(mailbox: Mailbox) -> None:
    (slow,) = accept(uuid.uuid4(), priority="low")
    (fast,) = accept(uuid.uuid4(), priority="urgent")
    (later,) = accept(uuid.uuid4(), schedule_at=clock.now() + timedelta(hours=1))
    work()
    assert [mid[1:37] for mid in mailbox.message_ids] == [str(fast), str(slow)]
    assert Delivery.objects.get(id=later).status == "queued"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("answer", "status"), [("550 no such user", "failed"), ("450 later", "retrying"), ("452 full", "retrying")]
)
def test_a_refusal_of_one_address_is_final_or_waits_by_its_class(mailbox: Mailbox, answer: str, status: str) -> None:
    first, second = accept(*some(2))
    mailbox.answers = [answer]
    work()
    states = dict(Delivery.objects.values_list("id", "status"))
    assert sorted(states.values()) == sorted([status, "sent"])
    assert len(mailbox.raw) == 1
    other = next(Delivery.objects.get(id=one) for one in (first, second) if states[one] != "sent")
    attempt = other.attempts.get()
    assert (attempt.outcome, attempt.code) == ("permanent" if status == "failed" else "transient", int(answer[:3]))
    failed = RecordedEvent.objects.filter(type="notifications.delivery.failed.v1")
    assert [fact.payload["delivery_id"] for fact in failed] == ([str(other.id)] if status == "failed" else [])
    if status == "retrying":
        assert other.due_at > clock.now() + timedelta(minutes=1)


@pytest.mark.django_db
def test_a_letter_put_off_goes_again_under_the_same_id_and_is_given_up_in_the_end(mailbox: Mailbox) -> None:
    (delivery_id,) = accept(uuid.uuid4())
    dues = []
    mailbox.answers = ["421 busy"] * rules.MAX_TRIES
    for _ in range(rules.MAX_TRIES):
        make_due(delivery_id)
        get_well("smtp")
        work()
        dues.append(Delivery.objects.get(id=delivery_id).due_at - clock.now())
    delivery = Delivery.objects.get(id=delivery_id)
    assert (delivery.status, delivery.tries, delivery.reason) == ("failed", rules.MAX_TRIES, "deferred")
    assert dues[:-1] == sorted(dues[:-1])
    assert sum(dues[:-1], timedelta()) > timedelta(hours=4)
    assert mailbox.raw == []
    assert RecordedEvent.objects.filter(type="notifications.delivery.failed.v1").count() == 1


@pytest.mark.django_db
def test_a_mail_server_that_is_away_costs_nothing_but_time(mailbox: Mailbox, settings: Any) -> None:
    there = settings.SMTP_URL
    settings.SMTP_URL = "smtp://127.0.0.1:1"
    ids = accept(*some(3))
    work()
    assert set(Delivery.objects.values_list("status", "reason")) == {("retrying", "server_away")}
    settings.SMTP_URL = there
    for one in ids:
        make_due(one)
    work()
    assert set(Delivery.objects.values_list("status", "tries")) == {("sent", 2)}
    assert len(mailbox.raw) == 3


@pytest.mark.django_db
def test_a_mail_whose_fate_is_unknown_goes_again_under_the_same_message_id(mailbox: Mailbox) -> None:
    (delivery_id,) = accept(uuid.uuid4(), type="gift.failed")
    mailbox.vanish = True
    work()
    delivery = Delivery.objects.get(id=delivery_id)
    assert (delivery.status, delivery.reason) == ("unknown", "connection_lost")
    mailbox.vanish = False
    make_due(delivery_id)
    work()
    assert len(mailbox.raw) == 2
    assert len(set(mailbox.message_ids)) == 1
    assert [a.outcome for a in Attempt.objects.order_by("number")] == ["unknown", "accepted"]


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_while_it_sends_leaves_a_mail_that_goes_again_under_the_same_id(mailbox: Mailbox) -> None:
    first, second = accept(*some(2), type="gift.failed")
    worker = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import django; django.setup(); from notify_svc.delivery.tasks import send; input(); send()",
        ],
        stdin=subprocess.PIPE,
        env=os.environ | {"SMTP_URL": mailbox.url, "DJANGO_SETTINGS_MODULE": "notify_svc.settings"},
    )
    mailbox.murder = worker.pid
    worker.communicate(b"\n", timeout=60)
    assert worker.returncode == -9
    assert len(mailbox.raw) == 1
    assert set(Delivery.objects.values_list("status", flat=True)) == {"sending"}
    mailbox.murder = None
    assert claims.reclaim() == 0
    assert sending.send_batch(EMAIL) == 0
    expire(first, second)
    assert claims.reclaim() == 2
    assert set(Delivery.objects.values_list("status", "reason")) == {("unknown", "worker_lost")}
    tasks.send()
    assert set(Delivery.objects.values_list("status", "tries")) == {("sent", 2)}
    assert set(mailbox.message_ids) == {mid for mid in mailbox.message_ids if mid[1:37] in (str(first), str(second))}
    assert (len(mailbox.raw), len(set(mailbox.message_ids))) == (3, 2)


@pytest.mark.django_db
def test_what_was_handed_over_before_the_worker_died_does_not_go_again(mailbox: Mailbox) -> None:
    sent, unsent = accept(*some(2), type="gift.failed")
    token, _ = claims.claim("email", limit=10)
    assert claims.mark_handed_over(sent, token)
    expire(sent, unsent)
    assert claims.reclaim() == 2
    assert Delivery.objects.get(id=sent).status == "sent"
    work()
    assert [mid[1:37] for mid in mailbox.message_ids] == [str(unsent)]
    assert RecordedEvent.objects.filter(type="notifications.delivery.sent.v1").count() == 2


@pytest.mark.django_db
def test_a_worker_that_lost_its_claim_changes_nothing_any_more(mailbox: Mailbox) -> None:
    (delivery_id,) = accept(uuid.uuid4(), type="gift.failed")
    token, (held,) = claims.claim("email", limit=10)
    expire(delivery_id)
    claims.reclaim()
    assert claims.keep(token) == 0
    assert not claims.mark_handed_over(held.id, token)
    claims.settle(token, [claims.Result(held.id, clock.now(), clock.now(), Outcome("permanent", "refused"))])
    # It had not been given to a provider, so we know that it has not left.
    assert Delivery.objects.get(id=delivery_id).status == "retrying"
    work()
    assert Delivery.objects.get(id=delivery_id).status == "sent"


@pytest.mark.django_db
def test_of_news_that_a_lost_worker_had_begun_nobody_sends_it_twice_and_the_rest_goes(mailbox: Mailbox) -> None:
    begun, untouched = accept(*some(2))
    token, _ = claims.claim("email", limit=10)
    claims.begin([begun], token, provider="smtp")
    expire(begun, untouched)
    assert claims.reclaim() == 2
    work()
    assert [mid[1:37] for mid in mailbox.message_ids] == [str(untouched)]
    waiting = Delivery.objects.get(id=begun)
    assert (waiting.status, waiting.reason) == ("unknown", "fate_unknown")
    make_due(begun)
    work()
    assert claims.give_up_unknown() == 1
    assert Delivery.objects.values_list("status", "reason").get(id=begun) == ("failed", "fate_unknown")
    assert len(mailbox.raw) == 1
    assert RecordedEvent.objects.filter(type="notifications.delivery.failed.v1").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_slow_batch_keeps_its_claim_alive(settings: Any) -> None:
    settings.NOTIFY_LEASE = 0.4
    (delivery_id,) = accept(uuid.uuid4())
    token, _ = claims.claim("email", limit=1)
    with sending.Lease(token, settings.NOTIFY_LEASE).running() as lease:
        threading.Event().wait(1.2)
        assert lease.held
        assert claims.reclaim() == 0
    assert Delivery.objects.get(id=delivery_id).status == "sending"


@pytest.mark.django_db
def test_a_lease_that_cannot_be_kept_is_known_to_be_lost_before_it_is() -> None:
    lease = sending.Lease(uuid.uuid4(), 0.2)
    assert lease.held
    threading.Event().wait(0.16)
    assert not lease.held


@pytest.mark.django_db
def test_words_that_cannot_be_written_fail_alone(mailbox: Mailbox) -> None:
    good, bad = some(2)
    accept(good, bad)
    broken = Delivery.objects.get(recipient_id=bad)
    broken.notification.data = UPDATE | {"update_title": None}
    broken.notification.save()
    Delivery.objects.filter(id=broken.id).update(version_id=_version_that_needs_more())
    work()
    assert len(mailbox.raw) == 1
    broken.refresh_from_db()
    assert (broken.status, broken.reason) == ("failed", "template_invalid")


def _version_that_needs_more() -> UUID:
    from notify_svc.wording.models import TemplateVersion

    return TemplateVersion.objects.get(
        template__type="gift.received", template__channel="email", template__locale="en", state="live"
    ).id


@pytest.mark.django_db
def test_an_address_taken_away_meanwhile_is_not_written_to(mailbox: Mailbox) -> None:
    from notify_svc.audience.commands import describe_contact

    person = uuid.uuid4()
    accept(person)
    describe_contact(user_id=person)
    work()
    assert mailbox.raw == []
    assert Delivery.objects.values_list("status", "reason").get() == ("failed", "address_gone")


@pytest.mark.django_db
def test_a_mail_that_waits_for_an_address_for_a_month_is_given_up(mailbox: Mailbox) -> None:
    commands.accept([Order(recipient_id=uuid.uuid4(), type="campaign_update", data=UPDATE, dedupe="x")], by="test")
    waiting = Delivery.objects.filter(channel="email")
    waiting.update(due_at=clock.now())
    commands.wake()
    again = waiting.get()
    assert (again.status, again.due_at > clock.now()) == ("waiting", True)
    waiting.update(due_at=clock.now(), created_at=clock.now() - timedelta(days=31))
    commands.wake()
    assert waiting.values_list("status", "reason").get() == ("failed", "no_address")
    assert RecordedEvent.objects.filter(type="notifications.delivery.failed.v1").count() == 1


@pytest.mark.django_db
def test_the_database_lets_a_delivery_go_forward_only() -> None:
    (delivery_id,) = accept(uuid.uuid4())
    for before in rules.STATES:
        for after in rules.STATES:
            if before == after:
                continue
            row = Delivery.objects.get(id=delivery_id)
            fresh = Delivery(
                notification_id=_another_notification(),
                recipient_id=row.recipient_id,
                channel="email",
                version_id=row.version_id,
                status=before,
                priority=1,
                due_at=clock.now(),
                created_at=clock.now(),
            )
            fresh.save(force_insert=True)
            allowed = True
            try:
                with transaction.atomic():
                    Delivery.objects.filter(id=fresh.id).update(status=after)
            except IntegrityError:
                allowed = False
            assert allowed == ((before, after) in rules.MOVES), (before, after)


def _another_notification() -> UUID:
    order = Order(recipient_id=uuid.uuid4(), type="campaign_update", data=UPDATE, dedupe=str(uuid.uuid4()), channels=())
    (accepted,) = commands.accept([order], by="test")
    return accepted.notification_id


@pytest.mark.django_db
def test_a_contact_whose_seal_is_broken_holds_up_nobody_else(mailbox: Mailbox) -> None:
    broken, whole = some(2)
    accept(broken, whole)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE notify_audience_contact SET email = (SELECT email FROM notify_audience_contact WHERE user_id = %s) "
            "WHERE user_id = %s",
            [whole, broken],
        )
    work()
    assert [rcpt for rcpt, _ in mailbox.raw] == [[f"{whole}@example.org"]]
    assert Delivery.objects.values_list("status", "reason").get(recipient_id=broken) == ("failed", "address_gone")
