"""Decided cases, and what parameter sets say of each as of just before its decision. Reads, and writes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from trust_svc.evidence import queries as evidence
from trust_svc.scoring.assessment import Assessment, assess, read
from trust_svc.scoring.engine import Params

# What a decision brings about (reports that it settles, a hold) is written around its time and was not known before.
AHEAD = timedelta(minutes=5)


class DecidedCase(NamedTuple):
    """A case of which it is known how it ended. One that was valuable but neither confirmed nor false is not among them."""

    fact_id: UUID
    kind: str
    entity_id: UUID
    decided_at: datetime
    bad: bool


def decided_cases(since: datetime | None = None) -> list[DecidedCase]:
    """The last word on everything that was decided as bad or as fine (since a time), oldest first."""
    return [DecidedCase(*row) for row in evidence.decided_cases(since)]


def just_before(case: DecidedCase, sets: Iterable[Params]) -> list[Assessment]:
    """What each of these sets would have said when nobody knew yet."""
    as_of = case.decided_at - AHEAD
    known = read([(case.kind, case.entity_id)], before=as_of)
    return [assess(known, as_of=as_of, params=params)[0] for params in sets]
