"""The browsers and apps of a person, as that person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bh_sdk.clients.call import Call, Ident, answer, ask, ident
from bh_sdk.wire.devices import Device, Devices, NameDevice, PushKey, Subscribe

BASE = "/api/v1/notifications"


def push_key(*, timeout: float | None = None) -> Call[PushKey]:
    """What a browser needs to subscribe. Raises NotFound when no browser can be told anything."""
    path = f"{BASE}/push-key"
    return Call("notify.push_key", "GET", path, answer(PushKey), anonymous=True, timeout=timeout)


def subscribe(
    subscription: Mapping[str, Any] | None = None, *, token: str | None = None, timeout: float | None = None
) -> Call[Device]:
    """Tell the caller on this device: a browser's `PushSubscription.toJSON()`, or the FCM `token` of an app.

    Again changes nothing. Raises Invalid for what is no subscription.
    """
    given: dict[str, Any] = dict(subscription or {})
    body = ask(Subscribe, token=token, **given)
    path = f"{BASE}/subscribe"
    return Call("notify.subscribe", "POST", path, answer(Device), body=body, harmless=True, timeout=timeout)


def devices(*, timeout: float | None = None) -> Call[Devices]:
    """The caller's devices, without their addresses."""
    return Call("notify.devices", "GET", f"{BASE}/subscribe", answer(Devices), timeout=timeout)


def unsubscribe(
    *, endpoint: str | None = None, token: str | None = None, timeout: float | None = None
) -> Call[Devices]:
    """Forget the device with this endpoint or token; answers what is left. Raises NotFound, also for another's."""
    body = ask(NameDevice, endpoint=endpoint, token=token)
    path = f"{BASE}/subscribe"
    return Call("notify.unsubscribe", "DELETE", path, answer(Devices), body=body, timeout=timeout)


def remove_device(device_id: Ident, *, timeout: float | None = None) -> Call[Devices]:
    """Forget a device that is not at hand; answers what is left. Raises NotFound, also for another's."""
    path = f"{BASE}/subscribe/{ident(device_id, 'device_id')}"
    return Call("notify.remove_device", "DELETE", path, answer(Devices), timeout=timeout)
