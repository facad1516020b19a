"""Facts of the outside world, told by the platform: handled at once and once, in one transaction."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

from django.db import transaction
from prometheus_client import Counter
from pydantic import ValidationError

from bh_sdk.errors import EventIdReused, Invalid
from bh_sdk.events import CATALOGUE, Event, Fact
from bh_sdk.server.api.problems import pointer
from bh_sdk.server.events import handlers
from bh_sdk.server.events.models import Inbox
from bh_sdk.server.ops import clock, logs
from bh_sdk.wire.events import PushEvent

log = logs.log("events")

REUSED = Counter("bh_events_ids_reused", "Events told again under a known id, saying something else", ["type"])

# The only facts that others may tell us; the rest of the catalogue is our own.
PLATFORM = "platform."


def accept(event: PushEvent) -> bool:
    """Handle an event from outside, unless (source, id) was here before; says whether it was new.

    Raises Invalid for a type that is not the platform's or data that its type does not allow, EventIdReused when it was
    here before and said something else. When a handler fails, nothing is kept and the sender may push again.
    """
    fact = _fact(event)
    handlers.load()
    with transaction.atomic():
        # A second delivery at the same time waits here for the first one's end.
        if not _first_time(event, said := _digest(event, fact)):
            _check_same(event, said)
            return False
        handlers.handle(
            Event(
                id=event.id,
                source=event.source,
                type=event.type,
                subject=event.subject,
                time=event.time,
                traceparent=event.traceparent,
                data=fact.payload(),
            )
        )
    log.info("event_accepted", source=event.source, event_id=str(event.id), type=event.type)
    return True


def _first_time(event: PushEvent, said: bytes) -> bool:
    with transaction.get_connection().cursor() as cursor:
        cursor.execute(
            "INSERT INTO inbox (source, event_id, type, received_at, digest) VALUES (%s, %s, %s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            [event.source, event.id, event.type, clock.now(), said],
        )
        return bool(cursor.rowcount == 1)


def _digest(event: PushEvent, fact: Fact) -> bytes:
    """What the event says, whoever carried it and however its JSON was written."""
    said = [event.type, event.subject, event.time.astimezone(UTC).isoformat(), fact.payload()]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).digest()


def _check_same(event: PushEvent, said: bytes) -> None:
    before = Inbox.objects.filter(source=event.source, event_id=event.id).values_list("digest", flat=True).first()
    # What came before digests were kept is taken for the same.
    if before is not None and bytes(before) != said:
        REUSED.labels(event.type).inc()
        log.warning("event_id_reused", source=event.source, event_id=str(event.id), type=event.type)
        raise EventIdReused(f"Event {event.id} was told before, and said something else", event_id=str(event.id))


def _fact(event: PushEvent) -> Fact:
    kind = CATALOGUE.get(event.type) if event.type.startswith(PLATFORM) else None
    if kind is None:
        raise Invalid(errors=[{"pointer": "#/type", "message": "is not a fact that the platform tells"}])
    try:
        # As JSON, so that a UUID or a time may be text, and nothing else is coerced.
        fact = kind.model_validate(event.data)
    except ValidationError as error:
        raise Invalid(
            errors=[
                {"pointer": pointer("data", *wrong["loc"]), "message": wrong["msg"].removeprefix("Value error, ")}
                for wrong in error.errors(include_url=False, include_input=False, include_context=False)
            ]
        ) from error
    errors = [
        {"pointer": pointer("data", name), "message": message}
        for name, value in fact
        if (message := _unfit(value)) is not None
    ]
    if errors:
        raise Invalid(errors=errors)
    return fact


def _unfit(value: object) -> str | None:
    if isinstance(value, str) and len(value) > 200:
        return "must have at most 200 characters"
    if isinstance(value, datetime):
        if value.tzinfo is None:
            return "must be a time with a zone"
        if not 1970 <= value.year <= 9000:
            return "must lie between 1970 and 9000"
    return None
