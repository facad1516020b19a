"""Which gifts of a rescore are taken as counted beforehand: those to hot campaigns, with all that their hands touch."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from trust_svc.evidence import queries as evidence
from trust_svc.scoring import queries, tallies
from trust_svc.scoring.engine import Params, Record
from trust_svc.scoring.engine.hands import in_order
from trust_svc.scoring.engine.tally import Sums, counted_by

# By campaigns (an organiser's all, in order, or one alone) and what of a parameter set counts.
SumsOf = dict[tuple[tuple[UUID, ...], tuple[float, ...]], Sums]
# An organiser, if known, and all their campaigns in order.
Kin = tuple[UUID | None, tuple[UUID, ...]]


@dataclass(frozen=True, slots=True)
class Counting:
    """Gifts to hot campaigns may be taken as counted beforehand, with these parameter sets and as of this moment."""

    sets: tuple[Params, ...]
    as_of: float


def count_gifts(
    families: Iterable[Kin],
    records: Mapping[UUID, Record],
    *,
    facts: Mapping[UUID, int],
    hot: Collection[UUID],
    alone: Collection[UUID],
    counting: Counting,
) -> tuple[SumsOf, set[UUID]]:
    """The sums of families with a hot campaign, and of such a one alone where asked for; and
    the hot campaigns that could not be counted.

    `records` lack the gifts to hot campaigns; `facts` says how many there are about each campaign's payments.
    """
    found: SumsOf = {}
    uncounted: set[UUID] = set()
    epoch = queries.epoch()
    for owner, family in families:
        within = set(family).intersection(hot)
        if within:
            asked = {family} | {(campaign,) for campaign in within.intersection(alone)}
            sums = _family(owner, asked, records, facts, counting, epoch)
            uncounted |= set() if sums else within
            found |= sums
    return found, uncounted


def remember_givers(records: Mapping[UUID, Record], counted: Collection[UUID], people: Collection[UUID]) -> None:
    """Tell the records of campaigns whose gifts were counted which of these people gave."""
    for campaign, person in evidence.gave(people, counted):
        records[campaign].gave.add(str(person))


def _family(
    owner: UUID | None,
    asked: Iterable[tuple[UUID, ...]],
    records: Mapping[UUID, Record],
    facts: Mapping[UUID, int],
    counting: Counting,
    epoch: int,
) -> SumsOf:
    """All or nothing: empty when some of it could not be counted."""
    found: SumsOf = {}
    for campaigns in asked:
        own = {id(record): campaign for campaign in campaigns if (record := records.get(campaign)) and record.created}
        # Without its beginning, the first gift would be the start of all sums, and another the next day.
        if len(own) < len(campaigns):
            return {}
        ordered = tuple(in_order([records[campaign] for campaign in campaigns]))
        known = sum(facts.get(campaign, 0) for campaign in campaigns)
        names = tuple(own[id(record)] for record in ordered)
        purse = tallies.Purse(names, ordered, str(owner) if owner else None, known)
        for params in {counted_by(each): each for each in counting.sets}.values():
            tally = tallies.tally(purse, params, epoch=epoch)
            # What lies ahead of the clock counts as of now: that no counter knows.
            if tally is None or tally.last > counting.as_of:
                return {}
            found[campaigns, counted_by(params)] = tally.sums
            # Whoever asks when a family's first trace was asks all of its records.
            ordered[0].first = min(tally.first, ordered[0].first or tally.first)
    return found
