"""Who would be told: counted before anybody is, by the same questions that sending asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from bh_sdk.server.ops import clock
from notify_svc.audience import queries as people
from notify_svc.delivery import rules as delivery
from notify_svc.delivery.audiences import Audience
from notify_svc.delivery.news import campaign_of
from notify_svc.preferences import queries as preferences
from notify_svc.preferences.queries import Ask
from notify_svc.preferences.rules import Digest, Later, Never
from notify_svc.tracking import queries as tracking

PAGE = 1_000
# Ids are drawn at random, so the first so many by id stand well for a larger audience.
LOOKED_AT = 20_000


@dataclass(slots=True)
class Estimate:
    """`channels`: how many are reached by each. `left_out`: how many cannot be reached by a channel, and why. `later`: of
    those reached, how many wait for the end of their quiet hours or get it in a digest. With `about` the numbers were
    taken from the first LOOKED_AT people and scaled."""

    people: int = 0
    reached: int = 0
    channels: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, dict[str, int]] = field(default_factory=dict)
    later: dict[str, int] = field(default_factory=dict)
    about: bool = False
    counted_at: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def estimate(audience: Audience, *, category: str, channels: Sequence[str], data: Mapping[str, Any]) -> Estimate:
    """Count an audience as it is now."""
    now, found, looked_at = clock.now(), _Tally(), 0
    campaign_id = campaign_of(data) if category == "subscription" else None
    for page in audience.pages(PAGE):
        found.add(page, category=category, channels=channels, campaign_id=campaign_id, now=now)
        looked_at += PAGE
        if looked_at >= LOOKED_AT:
            # Of so many candidates so many were of the audience; of the others we suppose the same.
            scale = max(audience.count() / looked_at, 1.0)
            return found.result(channels, now=now, scale=scale)
    return found.result(channels, now=now, scale=1.0)


class _Tally:
    """What was found so far."""

    def __init__(self) -> None:
        self.people = self.reached = 0
        self.channels: Counter[str] = Counter()
        self.left_out: Counter[tuple[str, str]] = Counter()
        self.later: Counter[str] = Counter()

    def add(
        self, page: Sequence[UUID], *, category: str, channels: Sequence[str], campaign_id: UUID | None, now: datetime
    ) -> None:
        reach = people.reach(page)
        dead = tracking.suppressed({one.email_hash for one in reach.values() if one.email_hash}, "email")
        asks = [Ask(one, category, channel, campaign_id=campaign_id) for one in page for channel in channels]
        got = set[UUID]()
        for ask, verdict in zip(asks, preferences.verdicts(asks, now), strict=True):
            known = reach.get(ask.user_id)
            if isinstance(verdict, Never):
                self.left_out[ask.channel, verdict.reason] += 1
            elif ask.channel in delivery.ADDRESSED and not (known and known.has_email):
                self.left_out[ask.channel, "no_address"] += 1
            elif ask.channel == "email" and known and known.email_hash in dead:
                self.left_out[ask.channel, delivery.SUPPRESSED] += 1
            else:
                got.add(ask.user_id)
                self.channels[ask.channel] += 1
                if isinstance(verdict, Later):
                    self.later["quiet"] += 1
                elif isinstance(verdict, Digest):
                    self.later["digest"] += 1
        self.people += len(page)
        self.reached += len(got)

    def result(self, channels: Sequence[str], *, now: datetime, scale: float) -> Estimate:
        def scaled(count: int) -> int:
            return round(count * scale)

        left_out: dict[str, dict[str, int]] = {}
        for (channel, why), count in sorted(self.left_out.items()):
            left_out.setdefault(channel, {})[why] = scaled(count)
        return Estimate(
            people=scaled(self.people),
            reached=scaled(self.reached),
            channels={channel: scaled(self.channels[channel]) for channel in channels},
            left_out=left_out,
            later={why: scaled(count) for why, count in sorted(self.later.items())},
            about=scale > 1.0,
            counted_at=now.isoformat(),
        )
