"""Everything about one person, written as it is read: page by page, so that no organiser's years have to fit into memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from bh_sdk.wire import gdpr as wire
from bh_sdk.wire.base import Answer
from notify_svc.audience import queries as audience
from notify_svc.delivery import remembered
from notify_svc.devices import queries as devices
from notify_svc.digests import queries as digests
from notify_svc.preferences import queries as preferences
from notify_svc.tracking import queries as tracking


def document(user_id: UUID) -> Iterator[str]:
    """A `PersonalData` as JSON, in pieces."""
    known = audience.about(user_id)
    profile = known["profile"] or {"email": None, "phone": None, "name": None}
    hashes = audience.hashes_of(profile["email"]) if profile["email"] else []
    hashes += audience.phone_hashes_of(profile["phone"]) if profile["phone"] else []
    ids = remembered.told_ids(user_id)
    yield f'{{"person_id":"{user_id}"'
    yield _one("profile", wire.Profile, known["profile"])
    yield _one("preferences", wire.SaidPreferences, preferences.about(user_id))
    yield from _many("devices", wire.KnownDevice, iter(devices.about(user_id)))
    yield from _many("gifts", wire.GaveTo, iter(known["gifts"]))
    yield from _many("digests", wire.Gathered, iter(digests.about(user_id)))
    yield from _many("suppressions", wire.Suppressed, tracking.suppressions_of(hashes))
    yield from _many("events", wire.SaidEvent, tracking.said_of(hashes, remembered.delivery_ids(ids)))
    yield from _many("notifications", wire.Told, remembered.told(ids, name=profile["name"] or ""))
    yield from _many("mentions", wire.Mentioned, remembered.mentions(user_id))
    yield "}"


def _one(name: str, kind: type[Answer], value: dict[str, Any] | None) -> str:
    return f',"{name}":{"null" if value is None else kind.model_validate(value).model_dump_json()}'


def _many(name: str, kind: type[Answer], values: Iterator[Mapping[str, Any]]) -> Iterator[str]:
    yield f",{json.dumps(name)}:["
    for place, value in enumerate(values):
        yield ("," if place else "") + kind.model_validate(value).model_dump_json()
    yield "]"
