"""Pushes to apps: what Google's answers mean, and a token that is asked for once."""

from __future__ import annotations

import json
import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest

from bh_sdk.server.ops import clock
from notify_svc.delivery import tasks
from notify_svc.delivery.channels.base import GONE, Outcome
from notify_svc.delivery.channels.push import google
from notify_svc.delivery.channels.push.fcm import Fcm, message_of
from notify_svc.delivery.models import Delivery
from notify_svc.devices import commands as devices
from notify_svc.devices.models import Device
from notify_svc.providers.models import Provider
from tests.notify.conformance.test_push import OverFcm, carried, device, letter
from tests.notify.pushes import FcmDesk, PushService, fcm_error
from tests.notify.standins import Answer
from tests.notify.test_pushes import send, subscribed, worded


def asked(desk: FcmDesk) -> int:
    return sum(path == "/token" for _, path in desk.calls)


@pytest.mark.parametrize(
    ("answer", "fate", "reason", "wait"),
    [
        (fcm_error(404, "NOT_FOUND", "UNREGISTERED"), "permanent", GONE, None),
        (fcm_error(403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH"), "permanent", GONE, None),
        (fcm_error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "message.token"), "permanent", GONE, None),
        (fcm_error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"), "permanent", "refused", None),
        (fcm_error(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"), "throttled", "too_fast", 60),
        (fcm_error(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", Retry_After="7"), "throttled", "too_fast", 7),
        (fcm_error(503, "UNAVAILABLE", "UNAVAILABLE", Retry_After="90"), "transient", "deferred", 90),
        (fcm_error(503, "UNAVAILABLE", "UNAVAILABLE"), "transient", "deferred", 10),
        (fcm_error(500, "INTERNAL", "INTERNAL"), "transient", "deferred", 10),
        (fcm_error(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR"), "auth", "credentials_refused", None),
        (fcm_error(403, "PERMISSION_DENIED"), "auth", "credentials_refused", None),
        # A project that is not there is no reason to forget a telephone.
        (fcm_error(404, "NOT_FOUND"), "auth", "configuration_missing", None),
        (Answer(404, b"<html>"), "auth", "configuration_missing", None),
        (Answer(502, b""), "unknown", "deferred", None),
        (Answer(400, b'{"error":[]}'), "permanent", "refused", None),
        (Answer(200, b"not json"), "accepted", "", None),
    ],
)
def test_what_fcm_answers_is_told_by_its_class(
    fcm_desk: FcmDesk, answer: Answer, fate: str, reason: str, wait: int | None
) -> None:
    fcm_desk.script = [answer]
    (outcome,) = carried(OverFcm(fcm_desk), letter(OverFcm(fcm_desk).device()))
    assert (outcome.fate, outcome.reason) == (fate, reason)
    assert (outcome.wait.total_seconds() if outcome.wait else None) == wait


def test_one_telephone_of_apple_s_closes_the_way_to_no_other(fcm_desk: FcmDesk) -> None:
    over = OverFcm(fcm_desk)
    fcm_desk.script = [fcm_error(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR")]
    outcomes = carried(over, letter(over.device()), letter(over.device()))
    assert [(one.fate, one.elsewhere) for one in outcomes] == [("auth", True), ("accepted", False)]


def test_a_token_is_asked_for_once_by_many_at_once_and_kept(fcm_desk: FcmDesk) -> None:
    fcm_desk.slow = 0.2
    outcomes: list[Outcome] = []
    over = OverFcm(fcm_desk)
    letters = [letter(over.device()) for _ in range(8)]
    threads = [threading.Thread(target=lambda one=one: outcomes.extend(carried(over, one))) for one in letters]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [one.fate for one in outcomes] == ["accepted"] * 8
    assert asked(fcm_desk) == 1
    carried(over, letter(over.device()))
    assert asked(fcm_desk) == 1


def test_a_token_that_was_taken_back_is_renewed_and_nothing_is_lost(fcm_desk: FcmDesk) -> None:
    over = OverFcm(fcm_desk)
    carried(over, letter(over.device()))
    fcm_desk.revoked = set(fcm_desk.tokens)
    assert [one.fate for one in carried(over, letter(over.device()))] == ["accepted"]
    assert (asked(fcm_desk), len(fcm_desk.messages)) == (2, 2)


def test_a_key_that_google_refuses_is_asked_once_a_batch(fcm_desk: FcmDesk, settings: Any) -> None:
    stranger = fcm_desk.account | {"client_email": "stranger@example.org"}
    settings.FCM_SERVICE_ACCOUNT = json.dumps(stranger)
    over = OverFcm(fcm_desk)
    outcomes = carried(over, letter(over.device()), letter(over.device()))
    assert {(one.fate, one.reason) for one in outcomes} == {("auth", "credentials_refused")}
    assert (asked(fcm_desk), fcm_desk.messages) == (1, [])


def test_a_token_is_renewed_before_it_ends(fcm_desk: FcmDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    over = OverFcm(fcm_desk)
    carried(over, letter(over.device()))
    monkeypatch.setattr(google, "EARLY", 3_600)
    carried(over, letter(over.device()))
    assert asked(fcm_desk) == 2


def test_a_message_says_how_long_it_is_wanted() -> None:
    soon = message_of(letter(device("a:b", "fcm"), expires_at=clock.now() + timedelta(minutes=1)), "a:b")["message"]
    assert int(soon["android"]["ttl"][:-1]) <= 60
    later = message_of(letter(device("a:b", "fcm")), "a:b")["message"]
    assert (later["android"]["ttl"], later["apns"]["headers"]["apns-priority"]) == ("172800s", "5")


def test_a_key_is_in_no_repr(fcm_desk: FcmDesk, settings: Any) -> None:
    assert "PRIVATE" not in repr(google.account(settings.FCM_SERVICE_ACCOUNT))


@pytest.mark.django_db
def test_apps_and_browsers_of_one_person_go_their_own_ways(fcm_desk: FcmDesk, webpush_desk: PushService) -> None:
    worded("push", subject="Water in {{ place }}")
    ruth = uuid.uuid4()
    subscribed(webpush_desk, ruth)
    app = devices.subscribe(user_id=ruth, token="app:ruth-s-telephone")
    lost = devices.subscribe(user_id=ruth, token="app:ruth-s-old-telephone")
    fcm_desk.gone = {"app:ruth-s-old-telephone"}
    send(ruth, channels=["push"])
    tasks.send()
    assert [one["token"] for one in fcm_desk.messages] == ["app:ruth-s-telephone"]
    assert len(webpush_desk.pushed) == 1
    assert {(one.lane, one.status, one.provider) for one in Delivery.objects.all()} == {
        ("fcm", "sent", "fcm"),
        ("fcm", "failed", "fcm"),
        ("webpush", "sent", "webpush"),
    }
    assert Delivery.objects.get(device_id=app.id).provider_ref == "0:1"
    assert Device.objects.get(id=lost.id).reason == "gone"
    assert set(Provider.objects.values_list("name", "channel", "lane")) >= {
        ("fcm", "push", "fcm"),
        ("webpush", "push", "webpush"),
    }


@pytest.mark.django_db
def test_an_outage_of_google_s_holds_up_no_browser_and_costs_no_try(
    fcm_desk: FcmDesk, webpush_desk: PushService
) -> None:
    worded("push", subject="Water in {{ place }}")
    people = [uuid.uuid4() for _ in range(8)]
    for number, one in enumerate(people):
        devices.subscribe(user_id=one, token=f"app:telephone-{number}")
        subscribed(webpush_desk, one)
    fcm_desk.script = [Answer(503)] * 8
    send(*people, channels=["push"])
    tasks.send()
    assert len(webpush_desk.pushed) == 8
    assert Provider.objects.get(name="fcm").circuit == "open"
    assert Provider.objects.get(name="webpush").circuit == "closed"
    assert Fcm().lane == "fcm"
