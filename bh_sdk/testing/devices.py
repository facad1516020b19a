"""Devices in the memory of `NotifyWorld`: taken in, moved, listed, forgotten. Nothing is pushed to them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import UUID

from bh_sdk.errors import NotFound
from bh_sdk.wire import devices as wire

if TYPE_CHECKING:
    from bh_sdk.testing.world import Asked, Route

BASE = "/api/v1/notifications"
PUSH_KEY = "BKvEQpsA0nZtb3fOnbZrwqHcqB3Z9lXnvxBXrBmYQpBUUDO2bfGcfNPwX3gmF3TbR5yGgZWYUQ8oY4T0Qe2KQ0c"


class Kept:
    """Each device belongs to the person who asked last."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self.owners: dict[str, UUID] = {}
        self.devices: dict[str, wire.Device] = {}

    def routes(self) -> list[tuple[str, str, Route, bool]]:
        return [
            ("GET", f"{BASE}/push-key", self._key, False),
            ("POST", f"{BASE}/subscribe", self._subscribe, False),
            ("GET", f"{BASE}/subscribe", self._list, False),
            ("DELETE", f"{BASE}/subscribe", self._unsubscribe, False),
            ("DELETE", f"{BASE}/subscribe/{{}}", self._remove, False),
        ]

    def _key(self, asked: Asked) -> wire.PushKey:
        return wire.PushKey(public_key=PUSH_KEY)

    def _subscribe(self, asked: Asked) -> wire.Device:
        user_id, body = asked.caller.user(), asked.read(wire.Subscribe)
        address = body.endpoint or body.token or ""
        known = self.devices.get(address)
        until = datetime.fromtimestamp(body.expirationTime / 1_000, UTC) if body.expirationTime is not None else None
        self.owners[address] = user_id
        self.devices[address] = wire.Device(
            device_id=known.device_id if known else uuid.uuid4(),
            kind="webpush" if body.endpoint else "fcm",
            service=urlsplit(body.endpoint).netloc if body.endpoint else "fcm.googleapis.com",
            created_at=known.created_at if known else self.now(),
            seen_at=self.now(),
            expires_at=until,
        )
        return self.devices[address]

    def _list(self, asked: Asked) -> wire.Devices:
        user_id = asked.caller.user()
        mine = [self.devices[address] for address, owner in self.owners.items() if owner == user_id]
        return wire.Devices(results=sorted(mine, key=lambda one: one.seen_at, reverse=True))

    def _unsubscribe(self, asked: Asked) -> wire.Devices:
        body = asked.read(wire.NameDevice)
        return self._forget(asked, body.endpoint or body.token or "")

    def _remove(self, asked: Asked) -> wire.Devices:
        found = [address for address, one in self.devices.items() if one.device_id == asked.ids[0]]
        return self._forget(asked, found[0] if found else "")

    def _forget(self, asked: Asked, address: str) -> wire.Devices:
        if self.owners.get(address) != asked.caller.user():
            raise NotFound
        del self.owners[address], self.devices[address]
        return self._list(asked)
