"""Pushes from /send to the screens: one for each device of a person, each on its own way, none twice, none lost."""

from __future__ import annotations

import threading
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction

from bh_sdk.server.ops import clock
from notify_svc.delivery import channels, claims, recall, sending, spreading, tasks
from notify_svc.delivery.models import Attempt, Delivery, Notification
from notify_svc.devices import commands as devices
from notify_svc.devices.commands import Browser
from notify_svc.devices.models import Device
from notify_svc.preferences import commands as preferences
from notify_svc.preferences.commands import Hours, Said
from notify_svc.preferences.hours import Quiet
from notify_svc.providers.models import Provider
from notify_svc.wording.models import Template, TemplateVersion
from tests.notify.conftest import Caller, describe, service
from tests.notify.pushes import PushService
from tests.notify.standins import Answer
from tests.notify.test_admin import address, at_desk

pytestmark = pytest.mark.django_db
TYPE = "well.dug"


def worded(channel: str, **words: str) -> TemplateVersion:
    """Live words of our own for a channel."""
    when = datetime(2026, 1, 1, tzinfo=UTC)
    template = Template.objects.create(
        type=TYPE, channel=channel, locale="en", title="A well is dug", category="social", created_at=when
    )
    variables = [{"name": "place", "kind": "line", "sample": "Kibera", "required": True, "sent": True}]
    return TemplateVersion.objects.create(
        template=template, number=1, state="live", variables=variables, created_at=when, **words
    )


@pytest.fixture
def words(db: None) -> None:
    worded("push", subject="Water in {{ place }}", text="Hello {{ recipient_name }}", action="{{ site_url }}/wells")
    worded("in_app", subject="Water in {{ place }}")


@pytest.fixture
def desk(webpush_desk: PushService, words: None) -> PushService:
    return webpush_desk


def subscribed(desk: PushService, person_id: UUID) -> Device:
    told = desk.subscribe()
    own = told["keys"]
    return devices.subscribe(user_id=person_id, browser=Browser(told["endpoint"], own["p256dh"], own["auth"]))


def send(*people: UUID, **rest: Any) -> dict[str, Any]:
    body = {"type": TYPE, "data": {"place": "Kibera"}, "recipient_ids": [str(one) for one in people]} | rest
    answer = service("monolith").send(body)
    assert answer.status_code == 202, answer.content
    told: dict[str, Any] = answer.json()
    return told


def pushes(person_id: UUID) -> list[Delivery]:
    return list(Delivery.objects.filter(recipient_id=person_id, channel="push").order_by("created_at", "id"))


def soon(person_id: UUID) -> None:
    Delivery.objects.filter(recipient_id=person_id).update(due_at=clock.now())


def test_each_device_of_a_person_is_told_once(desk: PushService) -> None:
    ruth = uuid.uuid4()
    describe(ruth, "ruth@example.org", "Ruth")
    subscribed(desk, ruth), subscribed(desk, ruth)
    told = send(ruth)
    assert told["unavailable"] == []
    assert told["results"][0]["channels"] == ["in_app", "push"]
    tasks.send()
    tasks.send()
    assert len({one.browser for one in desk.pushed}) == len(desk.pushed) == 2
    assert {(one.told["title"], one.told["body"]) for one in desk.pushed} == {("Water in Kibera", "Hello Ruth")}
    notification = Notification.objects.get(recipient_id=ruth)
    assert {one.told["tag"] for one in desk.pushed} == {str(notification.id)}
    assert {(one.status, one.provider, one.tries) for one in pushes(ruth)} == {("sent", "webpush", 1)}
    assert {one.device_id for one in pushes(ruth)} == set(Device.objects.values_list("id", flat=True))


def test_who_has_no_device_is_told_by_the_other_ways_and_nothing_waits(desk: PushService) -> None:
    ruth = uuid.uuid4()
    assert send(ruth)["results"][0]["channels"] == ["in_app"]
    assert pushes(ruth) == []


def test_a_repeat_of_the_call_answers_the_same_after_the_push_went_to_two(desk: PushService) -> None:
    ruth, key = uuid.uuid4(), uuid.uuid4()
    subscribed(desk, ruth), subscribed(desk, ruth)
    body = {"type": TYPE, "data": {"place": "Kibera"}, "recipient_ids": [str(ruth)], "fact": "well:1"}
    first = service("monolith").send(body, key).json()
    tasks.send()
    again = service("monolith").send(body).json()
    assert again["results"] == first["results"]
    tasks.send()
    assert len(desk.pushed) == 2


def test_the_failure_of_one_device_takes_nothing_from_the_others(desk: PushService) -> None:
    ruth = uuid.uuid4()
    lost, slow, well = (subscribed(desk, ruth) for _ in range(3))
    desk.gone = set(list(desk.browsers)[:1])
    send(ruth)
    spreading.spread()
    by_device = {one.device_id: one for one in pushes(ruth)}
    Delivery.objects.filter(id=by_device[slow.id].id).update(due_at=clock.now() + timedelta(hours=1))
    tasks.send()
    desk.script = [Answer(500)]
    soon(ruth)
    tasks.send()
    states = {one.device_id: (one.status, one.reason) for one in pushes(ruth)}
    assert states == {
        lost.id: ("failed", "device_gone"),
        slow.id: ("retrying", "deferred"),
        well.id: ("sent", ""),
    }
    lost.refresh_from_db()
    assert (lost.reason, lost.address) == ("gone", None)
    soon(ruth)
    tasks.send()
    assert [one.status for one in pushes(ruth) if one.device_id == slow.id] == ["sent"]
    assert len({one.browser for one in desk.pushed}) == len(desk.pushed) == 2
    send(ruth)
    tasks.send()
    assert len(desk.pushed) == 4


def test_a_push_whose_fate_is_unknown_is_not_pushed_again_when_it_is_news(desk: PushService) -> None:
    ruth = uuid.uuid4()
    subscribed(desk, ruth)
    desk.script = [Answer(None)]
    send(ruth)
    tasks.send()
    (one,) = pushes(ruth)
    assert (one.status, one.reason) == ("unknown", "fate_unknown")
    soon(ruth)
    tasks.send()
    assert desk.pushed == []


def test_a_push_of_the_safety_of_an_account_goes_again_and_takes_its_own_place(desk: PushService) -> None:
    Template.objects.filter(type=TYPE).update(category="security")
    ruth = uuid.uuid4()
    subscribed(desk, ruth)
    desk.script = [Answer(None), Answer(504)]
    send(ruth)
    for _ in range(3):
        tasks.send()
        soon(ruth)
    (one,) = pushes(ruth)
    assert (one.status, one.tries) == ("sent", 3)
    (shown,) = desk.pushed
    assert len(shown.headers["topic"]) == 22


def test_a_device_that_changed_hands_shows_the_new_person_nothing_of_the_old(desk: PushService) -> None:
    ruth, asha = uuid.uuid4(), uuid.uuid4()
    told = desk.subscribe()
    own = Browser(told["endpoint"], told["keys"]["p256dh"], told["keys"]["auth"])
    devices.subscribe(user_id=ruth, browser=own)
    send(ruth)
    spreading.spread()
    devices.subscribe(user_id=asha, browser=own)
    tasks.send()
    assert desk.pushed == []
    assert [(one.status, one.reason) for one in pushes(ruth)] == [("canceled", "device_gone")]


def test_the_devices_are_those_of_the_moment_of_sending(desk: PushService) -> None:
    ruth = uuid.uuid4()
    old = subscribed(desk, ruth)
    send(ruth)
    devices.unsubscribe(user_id=ruth, device_id=old.id)
    new = subscribed(desk, ruth)
    tasks.send()
    assert [one.device_id for one in pushes(ruth)] == [new.id]
    send(ruth)
    devices.unsubscribe(user_id=ruth, device_id=new.id)
    tasks.send()
    assert [one.reason for one in pushes(ruth)] == ["", "no_device"]


def test_preferences_and_quiet_hours_are_heard(desk: PushService) -> None:
    ruth, asha = uuid.uuid4(), uuid.uuid4()
    for one in (ruth, asha):
        subscribed(desk, one)
    preferences.change(user_id=ruth, said=Said("api"), choices={("social", "push"): "never"})
    now = clock.now()
    quiet = Quiet((now - timedelta(hours=2)).time().replace(microsecond=0), (now + timedelta(hours=2)).time())
    preferences.change(user_id=asha, said=Said("api"), hours=Hours(quiet), timezone="UTC")
    send(ruth, asha)
    tasks.send()
    assert desk.pushed == []
    assert pushes(ruth) == []
    assert pushes(asha)[0].due_at > now + timedelta(hours=1)
    send(asha, priority="urgent")
    tasks.send()
    assert len(desk.pushed) == 1
    assert desk.pushed[0].headers["urgency"] == "high"


def test_what_was_read_or_canceled_meanwhile_is_not_pushed(desk: PushService) -> None:
    ruth = uuid.uuid4()
    subscribed(desk, ruth), subscribed(desk, ruth)
    send(ruth)
    spreading.spread()
    Notification.objects.filter(recipient_id=ruth).update(read_at=clock.now())
    send(ruth)
    spreading.spread()
    newest = Notification.objects.filter(recipient_id=ruth, read_at=None).get()
    recall.cancel(notification_id=newest.id, by="monolith")
    tasks.send()
    assert desk.pushed == []
    assert sorted(one.reason for one in pushes(ruth)) == ["canceled", "canceled", "read", "read"]


def test_a_test_and_a_simulated_device_leave_the_house_by_no_door(desk: PushService) -> None:
    ruth, asha = uuid.uuid4(), uuid.uuid4()
    send(ruth, test=True)
    devices.subscribe(user_id=asha, token="simulator:permanent-failure")
    tasks.send()
    assert [(one.status, one.provider) for one in pushes(ruth)] == [("delivered", "simulator")]
    assert desk.calls == []


def test_endless_trouble_of_one_push_service_is_no_illness_of_ours(desk: PushService) -> None:
    for _ in range(8):
        ruth = uuid.uuid4()
        subscribed(desk, ruth)
        send(ruth)
    desk.script = [Answer(401)] * 8
    tasks.send()
    assert Provider.objects.get(name="webpush").circuit == "closed"
    assert set(Attempt.objects.filter(provider="webpush").values_list("outcome", "reason")) == {
        ("auth", "signature_refused")
    }


def test_a_worker_that_dies_between_spreading_and_sending_forgets_no_device(desk: PushService) -> None:
    ruth = uuid.uuid4()
    subscribed(desk, ruth), subscribed(desk, ruth)
    send(ruth)
    with transaction.atomic():
        spreading.spread()
        transaction.set_rollback(True)
    assert [one.lane for one in pushes(ruth)] == [""]
    spreading.spread()
    claims.claim("push", lane="webpush", limit=1)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE notify_delivery_delivery SET claimed_at = clock_timestamp() - interval '1 hour'")
    tasks.reclaim()
    tasks.send()
    assert len({one.browser for one in desk.pushed}) == len(desk.pushed) == 2


@pytest.mark.django_db(transaction=True)
def test_two_workers_over_the_same_pushes_tell_each_device_once(desk: PushService) -> None:
    people = [uuid.uuid4() for _ in range(12)]
    for one in people:
        subscribed(desk, one), subscribed(desk, one)
    send(*people)

    def worker() -> None:
        try:
            spreading.spread(limit=5)
            while sending.send_batch("push", lane="webpush", limit=4):
                spreading.spread(limit=5)
        finally:
            connection.close()

    threads = [threading.Thread(target=worker) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    tasks.send()
    assert len({one.browser for one in desk.pushed}) == len(desk.pushed) == 24


def test_the_database_lets_no_device_be_told_twice(desk: PushService) -> None:
    ruth = uuid.uuid4()
    subscribed(desk, ruth)
    send(ruth)
    spreading.spread()
    (one,) = pushes(ruth)
    one.id = uuid.uuid4()
    with pytest.raises(IntegrityError), transaction.atomic():
        one.save(force_insert=True)


def test_without_a_key_nobody_is_pushed_to_and_the_caller_hears_so(words: None, settings: Any) -> None:
    settings.VAPID_PRIVATE_KEY = ""
    if "push" in channels.offered():
        settings.FCM_SERVICE_ACCOUNT = ""
    assert "push" not in channels.offered()
    assert send(uuid.uuid4(), channels=["push", "in_app"])["unavailable"] == ["push", "sms"][:1]


def test_the_caller_sees_each_device_s_fate_and_staff_which_device(desk: PushService, monolith: Caller) -> None:
    ruth = uuid.uuid4()
    device = subscribed(desk, ruth)
    sent = send(ruth, channels=["push"])["results"][0]["notification_id"]
    tasks.send()
    told = monolith("GET", f"/sent/{sent}").json()
    assert [(one["channel"], one["status"]) for one in told["deliveries"]] == [("push", "sent")]
    page = at_desk("support").get(address(pushes(ruth)[0])).content.decode()
    assert "Water in Kibera" in page
    assert str(device.id) in page
