"""Whose answer counts, and what is shown of it. Reads, and writes nothing.

known ──assess, once per parameter set in play──▶ the one that counts for the entity ──▶ what is shown
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from trust_svc.scoring import queries
from trust_svc.scoring.assessment import Assessment, Known, assess
from trust_svc.scoring.engine import Params


@dataclass(frozen=True, slots=True)
class Answer:
    """What is shown of an entity, and the parameter set (by version) that it was calculated with."""

    found: Assessment
    version: int
    params: Params

    @property
    def entity(self) -> tuple[str, UUID]:
        return self.found.kind, self.found.entity_id


def answers(known: Known, *, as_of: datetime) -> list[Answer]:
    """One answer for every entity of `known`, in its order: by the live parameters."""
    version, params = queries.live_parameters()
    return [Answer(found, version, params) for found in assess(known, as_of=as_of, params=params)]
