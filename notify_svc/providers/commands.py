"""Choosing a provider for a batch, learning from what became of it, and steering by staff."""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q

from bh_sdk.server.ops import clock
from bh_sdk.server.ops.logs import log
from notify_svc.providers import bucket, metrics, rules
from notify_svc.providers.errors import LastProvider
from notify_svc.providers.models import Minute, Provider

_COUNTED = ("accepted", "refused", "failed", "throttled", "milliseconds")
_ADD = """
    INSERT INTO notify_providers_minute (provider_id, minute, accepted, refused, failed, throttled, milliseconds)
    VALUES (%s, date_trunc('minute', %s::timestamptz), %s, %s, %s, %s, %s)
    ON CONFLICT (provider_id, minute) DO UPDATE SET
        accepted = notify_providers_minute.accepted + excluded.accepted,
        refused = notify_providers_minute.refused + excluded.refused,
        failed = notify_providers_minute.failed + excluded.failed,
        throttled = notify_providers_minute.throttled + excluded.throttled,
        milliseconds = notify_providers_minute.milliseconds + excluded.milliseconds
"""
_PULSE = ("circuit", "until", "pauses", "reason", "tries", "fails", "at")


@dataclass(frozen=True, slots=True)
class Chosen:
    """Who gets the next batch, and how many letters it may have."""

    name: str
    limit: int
    # Its limit a second, of which this batch took `limit`.
    rate: int | None = None


def choose(channel: str, *, lane: str = "", among: Collection[str], limit: int) -> Chosen | None:
    """The provider for one batch of a channel, or of a lane of it, of those set up here; None when all are sick, resting
    or without weight.

    By weight among the well. A sick one whose pause is over gets a small batch first: that is how it is found well again.
    """
    now = clock.now()
    rows = _known(channel, lane, among, now)
    for row in rows:
        if row.weight and row.circuit != "closed" and _probe(row.name, now):
            return Chosen(row.name, min(limit, rules.PROBE))
    well = [row for row in rows if row.circuit == "closed" and not (row.rests_until and row.rests_until > now)]
    name = rules.weighed([(row.name, row.weight) for row in well], roll=random.random())  # noqa: S311 - no secret
    if name is None:
        return None
    rate = next(row.rate for row in well if row.name == name)
    granted = bucket.take(name, rate=rate, want=limit) if rate else limit
    return Chosen(name, granted, rate) if granted else None


def give_back(name: str, *, rate: int, unused: int) -> None:
    """Return what a batch did not need of a provider's rate."""
    bucket.give_back(name, rate=rate, unused=unused)


def usable(name: str) -> bool:
    """Whether a letter that only this provider can carry may go to it now."""
    now = clock.now()
    row = Provider.objects.filter(name=name).first()
    if row is None:
        return True
    return row.weight > 0 and row.circuit == "closed" and not (row.rests_until and row.rests_until > now)


def _known(channel: str, lane: str, among: Collection[str], now: datetime) -> list[Provider]:
    rows = list(Provider.objects.filter(channel=channel, name__in=among))
    if len(rows) < len(among):
        missing = set(among) - {row.name for row in rows}
        Provider.objects.bulk_create(
            [Provider(name=name, channel=channel, lane=lane, created_at=now) for name in sorted(missing)],
            ignore_conflicts=True,
        )
        rows = list(Provider.objects.filter(channel=channel, name__in=among))
    return rows


def _probe(name: str, now: datetime) -> bool:
    """Take the one probe that is due; the others wait for what it finds."""
    due = Provider.objects.filter(Q(circuit="open") | Q(circuit="half_open"), name=name, until__lte=now)
    return due.update(circuit="half_open", until=now + rules.PROBE_LASTS) == 1


@transaction.atomic
def note(name: str, tally: rules.Tally, *, wait: timedelta | None = None) -> None:
    """Put down what became of some letters, and open or close the provider's circuit by it.

    `wait` is the patience it asked for: until then it gets nothing.
    """
    now = clock.now()
    row = Provider.objects.select_for_update().filter(name=name).first()
    if row is None or not tally.tries:
        return
    with connection.cursor() as cursor:
        cursor.execute(_ADD, [name, now, *(asdict(tally)[field] for field in _COUNTED)])
    before, pulse = row.pulse, rules.after(row.pulse, tally, now=now)
    for field in _PULSE:
        setattr(row, field, getattr(pulse, field))
    if wait is not None:
        row.rests_until = max(row.rests_until or now, now + wait)
    row.save(update_fields=[*_PULSE, "rests_until"])
    metrics.count(name, row.channel, tally)
    if pulse.circuit != before.circuit:
        metrics.SICK.labels(name).set(pulse.circuit != "closed")
        tell = log().error if pulse.circuit == "open" else log().info
        tell("provider_circuit", provider=name, before=before.circuit, after=pulse.circuit, reason=pulse.reason)


@transaction.atomic
def weigh(*, name: str, weight: int, rate: int | None) -> Provider:
    """Set a provider's share and its limit. Raises LastProvider when its channel would be left without any."""
    # All of the channel, always in the same order: two people who each take away "the other one" wait for each other.
    found = Provider.objects.get(name=name)
    rows = {
        row.name: row
        for row in Provider.objects.select_for_update().filter(channel=found.channel, lane=found.lane).order_by("name")
    }
    if weight == 0 and not any(row.weight for row in rows.values() if row.name != name):
        raise LastProvider
    row = rows[name]
    row.weight, row.rate = weight, rate
    row.save(update_fields=["weight", "rate"])
    return row


@transaction.atomic
def call_well(*, name: str) -> Provider:
    """Give a sick provider letters again at once, such as after its key was renewed."""
    row = Provider.objects.select_for_update().get(name=name)
    pulse = rules.Pulse(at=clock.now())
    for field in _PULSE:
        setattr(row, field, getattr(pulse, field))
    row.rests_until = None
    row.save(update_fields=[*_PULSE, "rests_until"])
    metrics.SICK.labels(name).set(0)
    return row


def forget() -> int:
    """Drop the minutes that nobody looks at any more; returns how many."""
    return int(Minute.objects.filter(minute__lt=clock.now() - rules.KEPT).delete()[0])
