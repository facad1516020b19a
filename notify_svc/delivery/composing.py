"""From claimed deliveries to finished letters: everything is looked up again at the last moment."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from bh_sdk.server.ops import clock
from bh_sdk.server.ops.logs import log
from notify_svc.delivery import catalogue, links, mailings, pace, rules, wishes
from notify_svc.delivery.channels import simulator
from notify_svc.delivery.channels.base import Letter, Outcome
from notify_svc.delivery.claims import Result
from notify_svc.delivery.models import Delivery, Notification
from notify_svc.delivery.targets import Gone, Target, Targets
from notify_svc.preferences.rules import Digest, Later, Never
from notify_svc.wording import queries as wording
from notify_svc.wording.errors import TemplateInvalid
from notify_svc.wording.rendering import Rendered
from notify_svc.wording.series import Series

# A feed entry's words are in its row already.
_NO_WORDS = Rendered()


@dataclass(slots=True)
class Composed:
    """The letters that go, and the results of those that do not."""

    letters: list[Letter] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)


def compose(claimed: Sequence[Delivery]) -> Composed:
    """Write the letters; what has become pointless or cannot be written is a result at once."""
    now = clock.now()
    stopped, paused = mailings.standing({delivery.notification.dedupe for delivery in claimed})
    composed = Composed(results=list(_pointless(claimed, stopped, now)))
    left = _without(claimed, composed.results)
    composed.results += _held(left, paused, now)
    left = _without(left, composed.results)
    composed.results += _unwanted(left, now)
    left = _without(left, composed.results)
    composed.results += _over_pace(left, now)
    left = _without(left, composed.results)
    targets = Targets(left)
    written = Written({delivery.version_id for delivery in left})
    for delivery in left:
        if delivery.channel not in rules.ADDRESSED:
            kind = delivery.notification
            composed.letters.append(Letter(delivery.id, kind.type, kind.category, _NO_WORDS))
            continue
        target = targets.of(delivery)
        if isinstance(target, Gone):
            composed.results.append(Result(delivery.id, now, now, target.outcome, why=target.why))
            continue
        try:
            letter = _letter(delivery, target, written)
        except TemplateInvalid as error:
            log().error("words_not_written", delivery_id=str(delivery.id), exc_info=error)
            composed.results.append(Result(delivery.id, now, now, Outcome("permanent", "template_invalid")))
        else:
            composed.letters.append(letter)
    return composed


def _letter(delivery: Delivery, target: Target, written: Written) -> Letter:
    """Raises TemplateInvalid."""
    notification, ways_out = delivery.notification, links.of_recipient(delivery.notification)
    series = written.series(delivery.version_id, notification.data | links.at_send(notification))
    return Letter(
        delivery.id,
        notification.type,
        notification.category,
        series.render(recipient_name=target.name, links=ways_out),
        target.email,
        target.name,
        device=target.device,
        phone=target.phone,
        notification_id=notification.id,
        urgency=rules.URGENCIES[delivery.priority],
        expires_at=notification.expires_at,
        unsubscribe_url=ways_out.unsubscribe,
        only=simulator.NAME if notification.test or target.simulated else "",
    )


class Written:
    """The words of a batch. Those who are told the same share what can be shared."""

    def __init__(self, version_ids: set[UUID]) -> None:
        self._sources = {row.id: row.source for row in wording.versions(version_ids).values()}
        self._series: dict[tuple[UUID, str], Series] = {}

    def series(self, version_id: UUID, data: Mapping[str, Any]) -> Series:
        """One version with one set of data."""
        key = version_id, json.dumps(data, sort_keys=True)
        if key not in self._series:
            self._series[key] = Series(self._sources[version_id], data)
        return self._series[key]


def _without(claimed: Sequence[Delivery], results: Sequence[Result]) -> list[Delivery]:
    settled = {result.delivery_id for result in results}
    return [delivery for delivery in claimed if delivery.id not in settled]


def _over_pace(claimed: Sequence[Delivery], now: datetime) -> list[Result]:
    """What would be more than a person gets in an hour. What is urgent or about security never waits for that."""
    counted = [row for row in claimed if row.priority < rules.PRIORITIES["urgent"] and _paced(row.notification)]
    if not counted:
        return []
    waits = pace.waits(counted[0].channel, [pace.Ask(row.id, row.recipient_id) for row in counted], now=now)
    return [Result(one, now, now, why="paced", later=now + wait) for one, wait in waits.items()]


def _paced(notification: Notification) -> bool:
    return notification.category != "security" and not notification.test


def _held(claimed: Sequence[Delivery], paused: Collection[UUID], now: datetime) -> list[Result]:
    """What belongs to a mailing that is paused."""
    return [
        Result(row.id, now, now, why=rules.PAUSED, later=now + rules.HELD)
        for row in claimed
        if rules.mailing_of(row.notification.dedupe) in paused
    ]


def _pointless(claimed: Sequence[Delivery], stopped: Collection[UUID], now: datetime) -> Iterator[Result]:
    """What need not go any more. A mailing that was stopped takes its notifications back page by page; until it has come
    to one, this stands in its way."""
    overtaken = _overtaken([delivery.notification for delivery in claimed])
    for delivery in claimed:
        notification = delivery.notification
        if notification.canceled_at is not None or rules.mailing_of(notification.dedupe) in stopped:
            yield Result(delivery.id, now, now, why="canceled")
        elif notification.expires_at is not None and notification.expires_at <= now:
            yield Result(delivery.id, now, now, why="expired")
        elif notification.id in overtaken:
            yield Result(delivery.id, now, now, why="overtaken")
        elif delivery.channel in rules.ADDRESSED and notification.read_at and notification.category not in rules.RESENT:
            # It was read in the app meanwhile. Receipts and warnings are kept by people, so they come all the same.
            yield Result(delivery.id, now, now, why="read")


def _unwanted(deliveries: Sequence[Delivery], now: datetime) -> Iterator[Result]:
    """What its reader does not want, or not now, or together with other news."""
    gathered = wishes.in_digests(deliveries)
    told = wishes.recheck([delivery for delivery in deliveries if delivery.id not in gathered], now)
    for delivery in deliveries:
        verdict = told.get(delivery.id)
        if delivery.id in gathered or isinstance(verdict, Digest):
            yield Result(delivery.id, now, now, why=wishes.DIGESTED)
        elif isinstance(verdict, Never):
            yield Result(delivery.id, now, now, why=verdict.reason)
        elif isinstance(verdict, Later):
            yield Result(delivery.id, now, now, why="quiet_hours", later=verdict.at)


def _overtaken(notifications: Sequence[Notification]) -> set[UUID]:
    """Those that something later made pointless."""
    later = {row.id: key for row in notifications if (key := catalogue.overtaken_by(row.dedupe))}
    if not later:
        return set()
    there = set(Notification.objects.filter(dedupe__in=later.values()).values_list("dedupe", flat=True))
    return {row_id for row_id, key in later.items() if key in there}
