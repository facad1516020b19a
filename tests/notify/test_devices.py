"""The browsers and apps of a person: taken in, moved, listed without a trace of where they are, and forgotten."""

from __future__ import annotations

import base64
import uuid
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db import IntegrityError, transaction
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from bh_sdk.server.access.models import Staff
from bh_sdk.server.ops import clock
from notify_svc.devices import commands, queries, rules, tasks
from notify_svc.devices.commands import Browser
from notify_svc.devices.models import Device
from tests.notify.conftest import Caller, person
from tests.notify.test_admin import address, at_desk

pytestmark = pytest.mark.django_db
ENDPOINT = "https://updates.push.services.mozilla.com/wpush/v2/gAAAAABruth"
TOKEN = "dXJ1dGg:APA91bHun4MxP5egoKMwt2KZFBaFUH-1RYqx"


def keys(*, padded: bool = False) -> dict[str, str]:
    """What a browser tells of itself; `padded` as the old platform kept it."""
    point = ec.generate_private_key(ec.SECP256R1()).public_key()
    raw = {"p256dh": point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint), "auth": b"sixteen bytes ok"}
    if padded:
        return {name: base64.b64encode(value).decode() for name, value in raw.items()}
    return {name: base64.urlsafe_b64encode(value).rstrip(b"=").decode() for name, value in raw.items()}


def browser(endpoint: str = ENDPOINT, **rest: Any) -> dict[str, Any]:
    return {"endpoint": endpoint, "expirationTime": None, "keys": keys()} | rest


def told(**rest: Any) -> Browser:
    own = keys()
    return Browser(ENDPOINT, own["p256dh"], own["auth"], **rest)


def listed(caller: Caller) -> list[dict[str, Any]]:
    answer = caller("GET", "/subscribe")
    assert answer.status_code == 200
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


def test_a_browser_is_taken_in_sealed_and_shown_without_a_trace_of_where_it_is() -> None:
    ruth = person()
    subscription = browser()
    answer = ruth("POST", "/subscribe", subscription)
    assert answer.status_code == 200
    assert listed(ruth) == [answer.json()]
    assert (answer.json()["kind"], answer.json()["service"]) == ("webpush", "updates.push.services.mozilla.com")
    shown = answer.content.decode() + repr(Device.objects.get().__dict__)
    assert not any(
        secret in shown for secret in (ENDPOINT, subscription["keys"]["p256dh"], subscription["keys"]["auth"])
    )
    (found,) = queries.opened([Device.objects.get().id]).values()
    assert (found.address, found.p256dh, found.auth) == (
        ENDPOINT,
        subscription["keys"]["p256dh"],
        subscription["keys"]["auth"],
    )
    assert ENDPOINT not in repr(found)


def test_an_app_is_taken_in_by_its_token() -> None:
    ruth = person()
    assert ruth("POST", "/subscribe", {"token": TOKEN}).json()["kind"] == "fcm"
    assert [one["service"] for one in listed(ruth)] == ["fcm.googleapis.com"]


def test_asking_again_is_one_device_with_the_newest_keys() -> None:
    ruth, fresh = person(), browser()
    first = ruth("POST", "/subscribe", browser()).json()
    again = ruth("POST", "/subscribe", fresh).json()
    assert first["device_id"] == again["device_id"]
    (found,) = queries.opened([uuid.UUID(first["device_id"])]).values()
    assert found.p256dh == fresh["keys"]["p256dh"]


def test_a_device_belongs_to_the_person_who_asked_last() -> None:
    ruth, asha = person(), person()
    subscription = browser()
    device_id = ruth("POST", "/subscribe", subscription).json()["device_id"]
    assert asha("POST", "/subscribe", subscription).json()["device_id"] == device_id
    assert listed(ruth) == []
    assert [one["device_id"] for one in listed(asha)] == [device_id]
    for refused in (
        ruth("DELETE", f"/subscribe/{device_id}"),
        ruth("DELETE", "/subscribe", {"endpoint": ENDPOINT}),
        ruth("DELETE", f"/subscribe/{uuid.uuid4()}"),
    ):
        assert (refused.status_code, refused.json()["code"]) == (404, "device_not_found")
    assert len(listed(asha)) == 1


def test_a_device_that_is_taken_back_is_forgotten() -> None:
    ruth = person()
    ruth("POST", "/subscribe", browser())
    device_id = ruth("POST", "/subscribe", {"token": TOKEN}).json()["device_id"]
    left = ruth("DELETE", "/subscribe", {"endpoint": ENDPOINT})
    assert (left.status_code, [one["kind"] for one in left.json()["results"]]) == (200, ["fcm"])
    assert ruth("DELETE", f"/subscribe/{device_id}").json() == {"results": []}
    assert Device.objects.count() == 0


def test_keys_of_the_old_platform_are_the_same_keys() -> None:
    old = keys(padded=True)
    device = commands.subscribe(user_id=uuid.uuid4(), browser=Browser(ENDPOINT, old["p256dh"], old["auth"]))
    (found,) = queries.opened([device.id]).values()
    assert base64.urlsafe_b64decode(found.p256dh + "=") == base64.b64decode(old["p256dh"])
    assert "=" not in found.p256dh + found.auth
    assert not set("+/") & set(found.p256dh + found.auth)


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://updates.push.services.mozilla.com/x",
        "https://updates.push.services.mozilla.com:8443/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://2130706433/x",
        "https://0x7f.1/x",
        "https://127.1/x",
        "https://localhost/x",
        "https://intranet/x",
        "https://user@updates.push.services.mozilla.com/x",
        "https://push.example.org\\@127.0.0.1/x",
        "https://push.example.org/x#y",
        "https://push.example.org:99999/x",
    ],
)
def test_an_endpoint_inside_the_house_is_refused_and_nothing_is_kept(endpoint: str) -> None:
    refused = person()("POST", "/subscribe", browser(endpoint))
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == ["#/endpoint"]
    assert Device.objects.count() == 0


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (browser(keys=keys() | {"p256dh": "A" * 87}), "#/keys/p256dh"),
        (browser(keys=keys() | {"auth": "c2hvcnQtc2VjcmV0LWhlcmU"}), "#/keys/auth"),
        (browser(expirationTime=1_000), "#/expirationTime"),
        ({"endpoint": ENDPOINT}, ""),
        ({"token": TOKEN, "endpoint": ENDPOINT, "keys": keys()}, ""),
        ({}, ""),
        ({"token": "no\ttoken-at-all"}, "#/token"),
    ],
)
def test_what_is_no_subscription_is_refused(body: dict[str, Any], pointer: str) -> None:
    refused = person()("POST", "/subscribe", body)
    assert refused.status_code == 422
    assert pointer in [error["pointer"] for error in refused.json()["errors"]] or not pointer
    assert Device.objects.count() == 0


def test_devices_are_a_person_s_own_and_no_service_has_any(monolith: Caller, guest: Caller) -> None:
    assert guest("GET", "/subscribe").status_code == 401
    assert guest("POST", "/subscribe", browser()).status_code == 401
    assert guest("DELETE", f"/subscribe/{uuid.uuid4()}").status_code == 401
    assert monolith("POST", "/subscribe", browser()).status_code == 403
    assert monolith("GET", "/subscribe").status_code == 403


def test_one_with_too_many_devices_loses_the_one_that_was_silent_longest(moved_clock: Any) -> None:
    ruth = uuid.uuid4()
    made = []
    for number in range(rules.MOST + 1):
        moved_clock(timedelta(minutes=number))
        made.append(commands.subscribe(user_id=ruth, token=f"{TOKEN}{number}"))
    assert len(queries.of_person(ruth)) == rules.MOST
    oldest = Device.objects.get(id=made[0].id)
    assert (oldest.reason, oldest.address, oldest.retired_at is not None) == ("too_many", None, True)


def test_what_is_gone_expired_or_unseen_is_retired_and_later_dropped(moved_clock: Any) -> None:
    ruth, soon = uuid.uuid4(), clock.now() + timedelta(hours=1)
    expiring = commands.subscribe(user_id=ruth, browser=told(expires_at=soon))
    lost = commands.subscribe(user_id=ruth, token=TOKEN)
    assert commands.gone([lost.id], asked_at=clock.now()) == 1
    moved_clock(timedelta(hours=2))
    silent = commands.subscribe(user_id=ruth, token=f"{TOKEN}x")
    assert tasks.forget() == 1
    moved_clock(rules.UNSEEN + timedelta(days=1))
    tasks.forget()
    assert set(Device.objects.values_list("reason", flat=True)) == {"unseen"}
    assert Device.objects.get().id == silent.id
    assert not Device.objects.filter(id__in=[expiring.id, lost.id]).exists()


def test_a_device_that_asked_again_meanwhile_is_not_gone(moved_clock: Any) -> None:
    ruth, before = uuid.uuid4(), clock.now()
    moved_clock(timedelta(seconds=5))
    device = commands.subscribe(user_id=ruth, token=TOKEN)
    assert commands.gone([device.id], asked_at=before) == 0
    assert [one.id for one in queries.of_person(ruth)] == [device.id]


def test_the_database_keeps_a_device_one_person_s_and_a_retired_one_empty() -> None:
    device = commands.subscribe(user_id=uuid.uuid4(), token=TOKEN)
    twin = Device(user_id=uuid.uuid4(), kind="fcm", address=TOKEN, address_hash=device.address_hash)
    twin.created_at = twin.seen_at = clock.now()
    with pytest.raises(IntegrityError), transaction.atomic():
        twin.save()
    with pytest.raises(IntegrityError), transaction.atomic():
        Device.objects.filter(id=device.id).update(retired_at=clock.now(), reason="gone")


def test_the_key_that_browsers_subscribe_with_is_public(guest: Caller, settings: Any) -> None:
    settings.VAPID_PRIVATE_KEY = ""
    assert guest("GET", "/push-key").json()["code"] == "push_not_offered"
    # The pair of RFC 8292's example.
    settings.VAPID_PRIVATE_KEY = "9uOSFk0RtCWPp2VX8sXbTqOHwP1o9pIV_DNIdMJCZQg"
    answer = guest("GET", "/push-key")
    assert answer.status_code == 200
    assert base64.urlsafe_b64decode(answer.json()["public_key"] + "=")[:1] == b"\x04"


@given(st.text(max_size=60))
def test_no_text_at_all_breaks_the_rules_of_endpoints_and_keys(text: str) -> None:
    for endpoint in (text, f"https://{text}", f"https://{text}/x", f"https://a.example:{text}"):
        assert rules.endpoint_refused(endpoint) is None or isinstance(rules.endpoint_refused(endpoint), str)
    assert rules.secret(text) is None or len(text) >= 22
    assert rules.public_key(text) is None


# --- at the desk ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["support", "auditor", "editor", "finance"])
def test_devices_are_for_support_and_auditors_to_see(who: str) -> None:
    device = commands.subscribe(user_id=uuid.uuid4(), browser=told())
    page = at_desk(who).get(address(device))
    shown = at_desk(who).get(reverse("admin:notify_devices_device_changelist"))
    assert {page.status_code, shown.status_code} == ({200} if who in ("support", "auditor") else {403})
    assert "gAAAAAB" not in page.content.decode() + shown.content.decode()


def test_support_finds_a_device_by_its_endpoint_and_retires_it() -> None:
    device = commands.subscribe(user_id=uuid.uuid4(), browser=told())
    found = at_desk("support").get(reverse("admin:notify_devices_device_changelist"), {"q": ENDPOINT})
    assert str(device.id) in found.content.decode()
    place = reverse("admin:notify_devices_device_retire", args=[device.pk])
    form = {"_form_submitted": "on"}
    assert at_desk("auditor").post(place, form, headers={"HX-Request": "true"}).status_code == 403
    at_desk("support").get(place)
    device.refresh_from_db()
    assert device.retired_at is None
    assert at_desk("support").post(place, form, headers={"HX-Request": "true"}).status_code == 200
    device.refresh_from_db()
    assert (device.reason, device.retired_by, device.address) == (
        "by_staff",
        str(Staff.objects.get(username="support").sub),
        None,
    )


def test_a_retired_device_that_asks_again_is_taken_in_again() -> None:
    ruth = person()
    first = ruth("POST", "/subscribe", {"token": TOKEN}).json()["device_id"]
    commands.retire(device_id=uuid.UUID(first), by="support")
    assert listed(ruth) == []
    assert ruth("POST", "/subscribe", {"token": TOKEN}).json()["device_id"] != first
    assert len(listed(ruth)) == 1
