"""Whose answer counts, and what is shown of it. Reads, and writes nothing.

known ──assess, once per parameter set in play──▶ the one that counts for the entity ──override──▶ what is shown
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from trust_svc.overrides import queries as overrides
from trust_svc.overrides.rules import InForce, applied
from trust_svc.scoring.assessment import Assessment, Entity, Known, assess, from_outside, read
from trust_svc.scoring.counting import Counting
from trust_svc.scoring.engine import Column, Params
from trust_svc.versions import queries as versions
from trust_svc.versions.beside import Said


@dataclass(frozen=True, slots=True)
class Outside:
    """`found` and `computed` of an answer, as others than staff see them."""

    found: Assessment
    computed: Assessment | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What is shown of an entity, and the parameter set (by version) that it was calculated with.

    `override` is what staff set by hand and `computed` what was calculated underneath; both are None without one.
    """

    found: Assessment
    version: int
    params: Params
    # What every set says, while several are in play.
    beside: tuple[Said, ...] = ()
    computed: Assessment | None = None
    override: InForce | None = None
    # What others than staff see, where reports wait for review; None: the same.
    outside: Outside | None = None

    @property
    def entity(self) -> tuple[str, UUID]:
        return self.found.kind, self.found.entity_id

    @property
    def calculated(self) -> Assessment:
        """What the engine says, whatever staff set."""
        return self.computed or self.found

    def seen_outside(self) -> Answer:
        """The answer as others than staff see it."""
        if self.outside is None:
            return self
        return replace(self, found=self.outside.found, computed=self.outside.computed, outside=None)


def counted(entities: Iterable[Entity], *, as_of: datetime) -> list[Answer]:
    """The answers of now, from gifts as they were counted beforehand where there are many."""
    play = versions.in_play()
    counting = Counting(tuple(play.sets.values()), as_of.timestamp())
    return _answers(read(entities, counting=counting), play, as_of)


def answers(known: Known, *, as_of: datetime) -> list[Answer]:
    """One answer for every entity of `known`, in its order: by the parameter set that counts for its organiser, and what staff
    set by hand above it."""
    return _answers(known, versions.in_play(), as_of)


def _answers(known: Known, play: versions.InPlay, as_of: datetime) -> list[Answer]:
    placed = overrides.in_force(known.entities, at=as_of)
    found = {version: assess(known, as_of=as_of, params=params) for version, params in play.sets.items()}
    chosen = []
    for at, live in enumerate(found[play.live]):
        version = play.counts_for(live.owner_id)
        said = tuple(Said(each, params, found[each][at]) for each, params in play.sets.items())
        answer = Answer(found[version][at], version, play.sets[version], said if len(said) > 1 else ())
        chosen.append(_overridden(answer, placed.get(answer.entity)))
    return _seen_outside(known, chosen)


def _seen_outside(known: Known, chosen: list[Answer]) -> list[Answer]:
    """With what others see of those that reports wait about."""
    reported: dict[int, list[int]] = defaultdict(list)
    for at, each in enumerate(chosen):
        if each.calculated.features[Column.REPORTS_OPEN] > 0:
            reported[each.version].append(at)
    for places in reported.values():
        seen = from_outside(known, [chosen[at].calculated for at in places], params=chosen[places[0]].params)
        for at, found in zip(places, seen, strict=True):
            wish = override.wish if (override := chosen[at].override) else None
            outside = Outside(applied(found, wish), found) if wish else Outside(found, None)
            chosen[at] = replace(chosen[at], outside=outside)
    return chosen


def _overridden(answer: Answer, override: InForce | None) -> Answer:
    if override is None:
        return answer
    return replace(answer, found=applied(answer.found, override.wish), computed=answer.found, override=override)
