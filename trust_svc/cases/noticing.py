"""What stands against a campaign or a person: read from facts, reports, scores and holds each time anew, so it can be read
as often as one likes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from uuid import UUID

from trust_svc.cases import rules
from trust_svc.evidence import queries as evidence
from trust_svc.holds import queries as holds
from trust_svc.reports import queries as reports
from trust_svc.scoring import queries as scoring

_STAGES = {"opened": "dispute_opened", "lost": "dispute_lost", "early_warning": "early_warning"}


@dataclass(frozen=True, slots=True)
class Found:
    """One thing held against somebody. `key` names it for good; `report_kind` on reports alone."""

    kind: str
    key: str
    at: datetime
    weight: float
    note: str = ""
    report_kind: str = ""


def against(kind: str, entity_id: UUID, now: datetime) -> list[Found]:
    """Everything of late, oldest first, and every open report however old."""
    found = [
        *_reported(kind, entity_id),
        *_facts(kind, entity_id, now),
        *_score(kind, entity_id, now),
        *_holds(kind, entity_id, now),
    ]
    return sorted(found, key=lambda each: (each.at, each.kind, each.key))


def weights_of_reports(kind: str, entity_id: UUID) -> dict[UUID, float]:
    """What each open report about it weighs."""
    return {UUID(each.key): each.weight for each in _reported(kind, entity_id)}


def credibilities(people: set[UUID]) -> dict[UUID, float]:
    """How much the word of these reporters weighs, 0-1."""
    decided = evidence.reporters(people)
    standings = scoring.standings(people)
    return {
        person: rules.credibility(standings.get(str(person)), *decided.get(person, (0, 0))) for person in sorted(people)
    }


def _reported(kind: str, entity_id: UUID) -> Iterator[Found]:
    about = reports.open_about(kind, entity_id)
    words = credibilities({report.reporter_id for report in about})
    for report in about:
        weight = rules.SEVERITY[report.kind] * words[report.reporter_id]
        yield Found("report", str(report.id), report.created_at, weight, report.kind, report.kind)


def _facts(kind: str, entity_id: UUID, now: datetime) -> Iterator[Found]:
    facts = evidence.told_since(
        kind, entity_id, types=("payment.disputed", "payment.refunded"), since=now - rules.FRESH
    )
    caused: list[datetime] = []
    for fact in facts:
        if fact.type == "payment.refunded" and fact.data["for_cause"]:
            caused.append(fact.time)
        elif fact.type == "payment.disputed" and (signal := _STAGES.get(fact.data["stage"])):
            yield _signal(signal, f"{fact.data['payment_id']}:{fact.data['stage']}", fact.time)
    for first, last in zip(caused, caused[rules.BURST - 1 :], strict=False):
        if last - first <= rules.BURST_WITHIN:
            yield _signal("refunds", _of_day(entity_id, last), last, f"{rules.BURST} or more within a week")
            return


def _score(kind: str, entity_id: UUID, now: datetime) -> Iterator[Found]:
    """Rated points alone: what is not known well has not fallen. An organiser falls with a campaign, which has the case."""
    if kind == "user" and evidence.campaigns_of([entity_id]):
        return
    within = rules.STEEP_WITHIN
    points = [point for point in scoring.recent(kind, entity_id, since=now, within=rules.FRESH) if point.rated]
    for before, after in pairwise(points):
        if after.score < rules.FLOOR <= before.score:
            yield _signal(
                "score_low", _of_day(entity_id, after.calculated_at), after.calculated_at, f"{after.score:.1f}"
            )
    if points:
        last = points[-1]
        highest = max(point.score for point in points if point.calculated_at >= last.calculated_at - within)
        if highest - last.score >= rules.STEEP:
            note = f"from {highest:.1f} to {last.score:.1f}"
            yield _signal("score_fell", _of_day(entity_id, last.calculated_at), last.calculated_at, note)


def _holds(kind: str, entity_id: UUID, now: datetime) -> Iterator[Found]:
    """One that an upheld report placed is what came of a case, not a reason for one."""
    for hold in holds.holds_of(kind, entity_id):
        if hold.report_id is None and hold.placed_at >= now - rules.FRESH:
            yield _signal("hold", str(hold.id), hold.placed_at)


def _signal(kind: str, key: str, at: datetime, note: str = "") -> Found:
    return Found(kind, key, at, rules.SIGNALS[kind][1], note)


def _of_day(entity_id: UUID, at: datetime) -> str:
    """Once a day and entity: what wavers around an edge is one thing."""
    return f"{entity_id}:{at:%Y-%m-%d}"
