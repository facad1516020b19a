"""Where a person's browsers and apps ask to be told, and stop it."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from django.conf import settings

from bh_sdk.errors import NotFound
from bh_sdk.server.access import may
from bh_sdk.server.api import Call, Router
from bh_sdk.wire import devices as wire
from notify_svc.devices import commands, queries, vapid
from notify_svc.devices.commands import Browser
from notify_svc.devices.errors import PushNotOffered
from notify_svc.devices.models import Device

router = Router(tags=["devices"])


@router.post("/subscribe", auth=may("device", "change"), response=wire.Device)
def subscribe_device(request: Call, body: wire.Subscribe) -> wire.Device:
    """Be told on this device. Again, and with new keys, it stays one device; who asks last is told there, nobody else."""
    browser = None
    if body.endpoint is not None and body.keys is not None:
        until = datetime.fromtimestamp(body.expirationTime / 1_000, UTC) if body.expirationTime is not None else None
        browser = Browser(body.endpoint, body.keys.p256dh, body.keys.auth, until)
    return _shown(commands.subscribe(user_id=_caller(request), token=body.token, browser=browser))


@router.get("/push-key", auth=None, response=wire.PushKey)
def push_key(request: Call) -> wire.PushKey:
    """What a browser subscribes with, as its `applicationServerKey`."""
    if not settings.VAPID_PRIVATE_KEY:
        raise PushNotOffered
    return wire.PushKey(public_key=vapid.public_key())


@router.get("/subscribe", auth=may("device", "read"), response=wire.Devices)
def list_devices(request: Call) -> wire.Devices:
    """Your devices, without their addresses and keys."""
    return _all(_caller(request))


@router.delete("/subscribe", auth=may("device", "change"), response=wire.Devices)
def unsubscribe_device(request: Call, body: wire.NameDevice) -> wire.Devices:
    """Be told on this device no more; it is forgotten. Answers the devices that are left."""
    user_id = _caller(request)
    commands.unsubscribe(user_id=user_id, address=body.endpoint or body.token)
    return _all(user_id)


@router.delete("/subscribe/{uuid:device_id}", auth=may("device", "change"), response=wire.Devices)
def remove_device(request: Call, device_id: UUID) -> wire.Devices:
    """Be told no more on a device that is not at hand. Answers the devices that are left."""
    user_id = _caller(request)
    commands.unsubscribe(user_id=user_id, device_id=device_id)
    return _all(user_id)


def _all(user_id: UUID) -> wire.Devices:
    return wire.Devices(results=[_shown(one) for one in queries.of_person(user_id)])


def _shown(device: Device) -> wire.Device:
    return wire.Device(
        device_id=device.id,
        kind="fcm" if device.kind == "fcm" else "webpush",
        service=device.service,
        created_at=device.created_at,
        seen_at=device.seen_at,
        expires_at=device.expires_at,
    )


def _caller(request: Call) -> UUID:
    """The person who calls. A service has no devices."""
    try:
        return UUID(request.auth.id)
    except ValueError:
        raise NotFound from None
