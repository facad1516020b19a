"""Devices through the client, against the service in memory."""

from __future__ import annotations

import uuid

import pytest

from bh_sdk import errors
from bh_sdk.testing import FakeNotify

RUTH = uuid.uuid4()
ENDPOINT = "https://push.example.org/v2/abc"
BROWSER = {
    "endpoint": ENDPOINT,
    "expirationTime": None,
    "keys": {"p256dh": "B" * 87, "auth": "A" * 22},
}


def test_a_device_is_one_person_s_the_last_to_ask() -> None:
    ruth = FakeNotify(as_user=RUTH)
    asha = FakeNotify(as_user=uuid.uuid4(), world=ruth.world)
    first = ruth.subscribe(BROWSER)
    assert (first.kind, first.service) == ("webpush", "push.example.org")
    assert asha.subscribe(BROWSER).device_id == first.device_id
    assert ruth.devices().results == []
    with pytest.raises(errors.NotFound):
        ruth.remove_device(first.device_id)
    with pytest.raises(errors.NotFound):
        ruth.unsubscribe(endpoint=ENDPOINT)
    assert asha.remove_device(first.device_id).results == []


def test_an_app_asks_with_its_token_and_takes_it_back() -> None:
    ruth = FakeNotify(as_user=RUTH)
    assert ruth.subscribe(token="app-token-1").kind == "fcm"
    assert ruth.unsubscribe(token="app-token-1").results == []
    assert ruth.push_key().public_key


def test_what_is_no_subscription_is_refused_before_anything_is_sent() -> None:
    ruth = FakeNotify(as_user=RUTH)
    with pytest.raises(errors.Invalid):
        ruth.subscribe({"endpoint": "https://push.example.org/x"})
    with pytest.raises(errors.Invalid):
        ruth.subscribe(BROWSER, token="app-token-1")
    assert ruth.world.kept.devices == {}
