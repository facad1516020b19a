"""What somebody's score was on the old platform. Pure.

A profile's score counts when it has one, else what the latest event set, by `(created_at, id)`. The untouched default, 50
and NEW without any event, says nothing. The old tiers contradicted each other at their edges, so the tier is found anew.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from trust_svc.evidence.rules import NewFact

SOURCE = "legacy"
EDGES = ((Decimal(90), "STAR"), (Decimal(75), "TRUSTED"), (Decimal(50), "STEADY"), (Decimal(25), "RISING"))
DEFAULT = (Decimal(50), "NEW")

_OURS = uuid.uuid5(uuid.NAMESPACE_URL, "https://blessedhorizon.org/trust/score.imported")


@dataclass(frozen=True, slots=True)
class Profile:
    """A line of `user_profiles`. `at` is when the score was last set, or else the newest time the line has."""

    user_id: UUID
    score: Decimal | None
    tier: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class ScoreEvent:
    """A line of `trust_score_events`, in whichever of its shapes. Without `new_score` it still shows that the score moved."""

    id: str
    user_id: UUID
    new_score: Decimal | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class OldScore:
    """A person's score on the old platform; `score` is None when they had none that means anything."""

    user_id: UUID
    score: Decimal | None
    at: datetime | None

    @property
    def tier(self) -> str:
        """By the lower edges 25, 50, 75 and 90; without a score it is NEW."""
        score = self.score
        return "NEW" if score is None else next((tier for edge, tier in EDGES if score >= edge), "NEW")

    @property
    def problem(self) -> str | None:
        """Why this score cannot be brought over, if it cannot."""
        if self.score is None:
            return None
        if not 0 <= self.score <= 100:
            return "the score is not between 0 and 100"
        return "no time says when it was set" if self.at is None else None

    def fact(self) -> NewFact:
        """The fact that says so. Its id follows from what it says, so telling it again changes nothing."""
        if self.score is None or self.at is None or self.problem:
            raise ValueError("there is nothing to tell")
        said = f"{self.user_id} {self.score.normalize():f} {self.at.timestamp():.6f}"
        data = {"score": float(self.score)}
        return NewFact(uuid.uuid5(_OURS, said), "score.imported", self.at, "user", self.user_id, data)


def old_scores(profiles: Iterable[Profile], events: Iterable[ScoreEvent]) -> list[OldScore]:
    """Everybody's score, by id. Of two lines about one person the one that was set later counts."""
    people: dict[UUID, Profile] = {}
    for profile in sorted(profiles, key=_set_at):
        people[profile.user_id] = profile
    latest: dict[UUID, ScoreEvent] = {}
    touched: set[UUID] = set()
    for event in sorted(events, key=lambda each: (each.created_at, each.id)):
        touched.add(event.user_id)
        if event.new_score is not None:
            latest[event.user_id] = event
    return [_old_score(person, people, latest, touched) for person in sorted(people.keys() | touched)]


def _set_at(profile: Profile) -> tuple[float, str]:
    return (profile.at.timestamp() if profile.at else 0.0, str(profile.score))


def _old_score(
    person: UUID, people: Mapping[UUID, Profile], latest: Mapping[UUID, ScoreEvent], touched: set[UUID]
) -> OldScore:
    profile, event = people.get(person), latest.get(person)
    if profile is not None and profile.score is not None:
        if (profile.score, profile.tier) == DEFAULT and person not in touched:
            return OldScore(person, None, None)
        return OldScore(person, profile.score, profile.at or (event.created_at if event else None))
    return OldScore(person, event.new_score, event.created_at) if event else OldScore(person, None, None)
