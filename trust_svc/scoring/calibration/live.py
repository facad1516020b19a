"""Calibration from what staff decided: each case with what was known just before its decision, so that nothing leaks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from trust_svc.evidence import queries as evidence
from trust_svc.scoring.calibration.calibrate import Calibrated, Case, calibrated, looking
from trust_svc.scoring.engine import Column, Fact, Params, People, Record, Row, campaign_row, fold, user_row

CAMPAIGN, USER = "campaign", "user"
# Cases whose facts are in memory at a time.
SOME = 500


def calibrate_live(base: Params) -> Calibrated:
    """Fit a card to the decided cases of the service; everything else is as in `base`. Writes nothing.

    Raises Unusable when too few cases are decided.
    """
    return calibrated(list(decided(looking(base))), base)


def decided(params: Params) -> Iterable[Case]:
    """Every decided entity once, by its last decision."""
    verdicts = evidence.verdicts()
    reported = evidence.reports_decided()
    for start in range(0, len(verdicts), SOME):
        yield from _cases(verdicts[start : start + SOME], reported, params)


@dataclass(frozen=True, slots=True)
class _Facts:
    campaigns: dict[UUID, evidence.KnownCampaign]
    families: dict[UUID, list[evidence.KnownCampaign]]
    about_campaigns: dict[UUID, list[evidence.PlainFact]]
    about_users: dict[UUID, list[evidence.PlainFact]]
    given: dict[UUID, list[float]]

    def record(self, kind: str, entity_id: UUID, before: float) -> Record:
        told = (self.about_campaigns if kind == CAMPAIGN else self.about_users).get(entity_id, [])
        return fold(Fact(*fact) for fact in told if fact[2] < before)

    def family(self, owner: UUID, before: float, *, but: UUID | None = None) -> list[Record]:
        found = (self.record(CAMPAIGN, each.id, before) for each in self.families.get(owner, []) if each.id != but)
        return [record for record in found if record.first is not None]


def _cases(verdicts: list[evidence.Verdict], reported: list[evidence.Reported], params: Params) -> Iterable[Case]:
    known = _read(verdicts)
    for verdict in verdicts:
        row, group = _row(known, verdict, reported, params)
        # A hold is what staff did about the very thing that is asked here.
        free = tuple(0.0 if at == Column.HELD else value for at, value in enumerate(row))
        yield Case(verdict.kind, str(verdict.entity_id), str(group), free, int(verdict.true))


def _read(verdicts: list[evidence.Verdict]) -> _Facts:
    campaigns = evidence.campaigns(each.entity_id for each in verdicts if each.kind == CAMPAIGN)
    people = {each.entity_id for each in verdicts if each.kind == USER}
    people |= {each.owner_id for each in campaigns.values() if each.owner_id is not None}
    families = evidence.campaigns_of(people)
    campaigns |= {each.id: each for family in families.values() for each in family}
    return _Facts(
        campaigns=campaigns,
        families=families,
        about_campaigns=evidence.facts_about(CAMPAIGN, campaigns.keys()),
        about_users=evidence.facts_about(USER, people),
        given=evidence.given_by(people),
    )


def _row(
    known: _Facts, verdict: evidence.Verdict, reported: list[evidence.Reported], params: Params
) -> tuple[Row, UUID]:
    """What was known just before, and whose case it is."""
    before, entity_id = verdict.time.timestamp(), verdict.entity_id
    people = _people(reported, verdict)
    if verdict.kind == USER:
        row = user_row(
            known.record(USER, entity_id, before),
            as_of=before,
            params=params,
            user_id=str(entity_id),
            campaigns=known.family(entity_id, before),
            given=[time for time in known.given.get(entity_id, ()) if time < before],
            people=people,
        )
        return row, entity_id
    campaign = known.campaigns.get(entity_id)
    owner = campaign.owner_id if campaign else None
    row = campaign_row(
        known.record(CAMPAIGN, entity_id, before),
        as_of=before,
        params=params,
        owner_id=str(owner) if owner else None,
        owner=known.record(USER, owner, before) if owner else None,
        siblings=known.family(owner, before, but=entity_id) if owner else (),
        people=people,
    )
    return row, owner or entity_id


def _people(reported: list[evidence.Reported], verdict: evidence.Verdict) -> People:
    """The reporters' record by then. Nobody's standing: what it was then is not kept, what it is now would leak."""
    counts: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for each in reported:
        if each.time < verdict.time:
            upheld, dismissed = counts[str(each.person_id)]
            counts[str(each.person_id)] = (upheld + each.upheld, dismissed + (not each.upheld))
    return People(reports=dict(counts))
