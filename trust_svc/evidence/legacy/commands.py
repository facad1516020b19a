"""Bringing the old scores over, or saying what would come of it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from trust_svc.evidence import commands, queries
from trust_svc.evidence.legacy.rules import SOURCE, OldScore
from trust_svc.evidence.models import Fact as StoredFact
from trust_svc.evidence.rules import NewFact
from trust_svc.scoring.answers import answers
from trust_svc.scoring.assessment import read
from trust_svc.scoring.engine import Fact, Record, tier_of

# So many people are brought over in one transaction. One that was interrupted starts again where it ended: what is
# here already is counted and not told again.
BATCH = 1_000

Each = TypeVar("Each")


@dataclass(frozen=True, slots=True)
class Brought:
    """`told` facts were new, `known` were here already. Both sums are over everything that was to come over."""

    told: int
    known: int
    wanted: str
    stored: str

    @property
    def is_whole(self) -> bool:
        """Whether the database says exactly what the export says."""
        return self.wanted == self.stored


@dataclass(frozen=True, slots=True)
class Move:
    """Where somebody stood on the old platform, and where they stand here with that as evidence."""

    user_id: UUID
    old_score: str
    old_tier: str
    score: float
    tier: str
    rated: bool


def bring_over(old: Sequence[OldScore]) -> Brought:
    """Tell what these people's scores were, in batches of `BATCH`, and compare count and checksum at the end."""
    facts = [each.fact() for each in old]
    told = 0
    for some in _batches(facts):
        # What is here already and says otherwise is what the comparison finds.
        here = queries.as_told({fact.id for fact in some})
        told += commands.take_in(facts=[fact for fact in some if fact.id not in here], source=SOURCE).accepted
    return Brought(told, len(facts) - told, checksum(_said(facts)), checksum(_stored(facts)))


def moves(old: Sequence[OldScore], *, as_of: datetime) -> list[Move]:
    """Where these people would stand, as of now. Changes nothing."""
    found: list[Move] = []
    for some in _batches(old):
        known = read(("user", each.user_id) for each in some)
        for each in some:
            fact = each.fact()
            record = known.about_users.setdefault(each.user_id, Record())
            record.add(Fact(str(fact.id), fact.type, fact.time.timestamp(), fact.data))
        now = {answer.found.entity_id: answer for answer in answers(known, as_of=as_of)}
        for each in some:
            answer = now[each.user_id]
            tier = tier_of(answer.found.score, answer.params) if answer.found.rated else "NEW"
            shown = answer.found
            found.append(Move(each.user_id, f"{each.score:.2f}", each.tier, shown.score, tier, shown.rated))
    return found


def tiers(old: Iterable[OldScore]) -> dict[str, int]:
    """How many stood where."""
    return dict(Counter(each.tier for each in old))


def checksum(lines: Iterable[str]) -> str:
    """How many, and the SHA-256 of them in order."""
    listed = sorted(lines)
    return f"{len(listed)} {hashlib.sha256(chr(10).join(listed).encode()).hexdigest()}"


def _said(facts: Sequence[NewFact]) -> list[str]:
    return [_line(fact.id, fact.subject_id, fact.time, fact.data["score"]) for fact in facts]


def _stored(facts: Sequence[NewFact]) -> list[str]:
    lines: list[str] = []
    for some in _batches(facts):
        rows = StoredFact.objects.filter(id__in=[fact.id for fact in some], type="score.imported", source=SOURCE)
        lines += [_line(row.id, row.subject_id, row.time, row.data["score"]) for row in rows]
    return lines


def _line(fact_id: UUID, person: UUID, time: datetime, score: float) -> str:
    return f"{fact_id} {person} {time.timestamp():.6f} {score:.2f}"


def _batches(some: Sequence[Each]) -> Iterable[Sequence[Each]]:
    return (some[at : at + BATCH] for at in range(0, len(some), BATCH))
