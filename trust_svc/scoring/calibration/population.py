"""Everybody a file knows, and the feature rows that follow from nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from trust_svc.scoring.engine import (
    Fact,
    Params,
    People,
    Record,
    Row,
    as_matrix,
    campaign_row,
    category_rates,
    points,
    score,
    user_row,
)

Entity = tuple[str, str]
CAMPAIGN, USER = "campaign", "user"
# Entities whose rows are in memory at a time.
CHUNK = 4_096


@dataclass(slots=True)
class Population:
    """Records by id; `close` derives who belongs to whom, once all facts are in.

    What is known of people is known from the same facts: reporters by their decided reports, donors by their own score
    of one pass before, as the nightly epoch of the service does it.
    """

    campaigns: dict[str, Record] = field(default_factory=dict)
    users: dict[str, Record] = field(default_factory=dict)
    as_of: float = 0.0
    owners: dict[str, str] = field(default_factory=dict)
    families: dict[str, list[str]] = field(default_factory=dict)
    given: dict[str, list[float]] = field(default_factory=dict)
    reporters: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(self, kind: str, entity_id: str, fact: Fact) -> None:
        """Take one fact in; in any order, with any repetition."""
        (self.campaigns if kind == CAMPAIGN else self.users).setdefault(entity_id, Record()).add(fact)

    def close(self, as_of: float) -> None:
        """Say as of when, and derive what connects the records."""
        self.as_of = as_of
        families: dict[str, list[str]] = defaultdict(list)
        given: dict[str, list[float]] = defaultdict(list)
        for campaign_id, record in sorted(self.campaigns.items()):
            if record.created is not None:
                owner = self.owners[campaign_id] = str(record.created.data["owner_id"])
                families[owner].append(campaign_id)
            for donor, time in _stood(record):
                given[donor].append(time)
        self.families, self.given = dict(families), dict(given)
        self.reporters = _reporters([*self.campaigns.values(), *self.users.values()])

    @property
    def entities(self) -> list[Entity]:
        """Every campaign, and everybody with a record, a campaign or a gift; sorted."""
        people = self.users.keys() | self.families.keys() | self.given.keys()
        return [(CAMPAIGN, each) for each in sorted(self.campaigns)] + [(USER, each) for each in sorted(people)]

    def rows(self, entities: Sequence[Entity], params: Params, people: People) -> Iterator[Row]:
        """The feature rows of these entities, in this order."""
        rates = self._rates(params)
        for kind, entity_id in entities:
            if kind == USER:
                yield self._user(entity_id, params, people)
            else:
                yield self._campaign(entity_id, params, people, rates)

    def people(self, params: Params) -> People:
        """What is known of donors and reporters: a first pass scores everybody without knowing anybody's standing.

        It goes by the factors' own formulas, so that a card meets the standings that it was fitted with.
        """
        params = replace(params, card=())
        strangers = People(reports=self.reporters)
        everybody = [entity for entity in self.entities if entity[0] == USER]
        standing: dict[str, float] = {}
        for some in chunks(everybody):
            found = score(as_matrix(self.rows(some, params, strangers)), params)
            standing |= {
                entity_id: points(found.score[at]) / 100 for at, (_, entity_id) in enumerate(some) if found.rated[at]
            }
        return People(standing=standing, reports=self.reporters)

    def _campaign(self, campaign_id: str, params: Params, people: People, rates: dict[str, float]) -> Row:
        record, owner = self.campaigns[campaign_id], self.owners.get(campaign_id)
        family = self.families.get(owner, []) if owner else []
        category = str(record.created.data.get("category") or "") if record.created else ""
        return campaign_row(
            record,
            as_of=self.as_of,
            params=params,
            owner_id=owner,
            owner=self.users.get(owner) if owner else None,
            siblings=[self.campaigns[each] for each in family if each != campaign_id],
            prior=rates.get(category, 0.0),
            people=people,
        )

    def _user(self, user_id: str, params: Params, people: People) -> Row:
        return user_row(
            self.users.get(user_id) or Record(),
            as_of=self.as_of,
            params=params,
            user_id=user_id,
            campaigns=[self.campaigns[each] for each in self.families.get(user_id, [])],
            given=self.given.get(user_id, ()),
            people=people,
        )

    def _rates(self, params: Params) -> dict[str, float]:
        outcomes: dict[str, tuple[float, float]] = {}
        for record in self.campaigns.values():
            category = record.created.data.get("category") if record.created else None
            if category and record.ended is not None:
                done, failed = outcomes.get(str(category), (0.0, 0.0))
                kept = bool(record.ended.data["delivered"])
                outcomes[str(category)] = (done + kept, failed + (not kept))
        return category_rates(outcomes, params)


def chunks(entities: Sequence[Entity]) -> Iterator[Sequence[Entity]]:
    """The same in order, a few thousand at a time."""
    for start in range(0, len(entities), CHUNK):
        yield entities[start : start + CHUNK]


def _stood(record: Record) -> Iterator[tuple[str, float]]:
    """Who gave and when, of gifts that were neither returned nor lost in a dispute."""
    for payment, gift in record.gifts.items():
        donor, over = gift.data.get("donor_id"), record.settled_disputes.get(payment)
        lost = over is not None and over.data["stage"] == "lost"
        if donor and not lost and not record.is_returned(payment):
            yield str(donor), gift.time


def _reporters(records: Sequence[Record]) -> dict[str, tuple[int, int]]:
    """Upheld and dismissed reports by reporter; who has no decided report is absent."""
    found: dict[str, tuple[int, int]] = {}
    for record in records:
        for key, decision in record.decisions.items():
            report = record.reports.get(key)
            reporter = report.data.get("reporter_id") if report else None
            if reporter:
                upheld, dismissed = found.get(str(reporter), (0, 0))
                true = decision.data["outcome"] == "upheld"
                found[str(reporter)] = (upheld + true, dismissed + (not true))
    return found
