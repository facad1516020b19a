"""Reading cases."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet, Subquery

from bh_sdk.errors import NotFound
from bh_sdk.server.access.models import Staff
from trust_svc.cases.models import Case, LogLine, Signal
from trust_svc.cases.rules import Standing
from trust_svc.reports import queries as reports
from trust_svc.scoring import queries as scoring

if TYPE_CHECKING:
    from trust_svc.reports.models import Report

HEAPS = ("open", "mine", "unassigned", "overdue", "snoozed", "closed")


def heap(cases: QuerySet[Case], name: str, *, of: UUID, now: datetime) -> QuerySet[Case]:
    """One of the desk's heaps. What is snoozed stands in no other until its time comes."""
    if name == "closed":
        return cases.filter(state=Case.State.CLOSED)
    still_open = cases.filter(state=Case.State.OPEN)
    if name == "snoozed":
        return still_open.filter(snoozed_until__gt=now)
    waking = still_open.filter(Q(snoozed_until=None) | Q(snoozed_until__lte=now))
    if name == "mine":
        return waking.filter(assignee=of)
    if name == "unassigned":
        return waking.filter(assignee=None)
    if name == "overdue":
        return waking.filter(due_at__lt=now)
    return waking


def next_case(*, of: UUID, now: datetime) -> Case | None:
    """What somebody does next: the most harmful case that nobody else works on."""
    free = heap(Case.objects.all(), "open", of=of, now=now).filter(Q(assignee=None) | Q(assignee=of))
    ordered = free.exclude(owner_id=of).order_by("-harm", "opened_at", "id")
    return next((case for case in ordered[:20] if not is_party(case, of)), None)


def case_for_update(case_id: UUID) -> Case:
    """Raises NotFound."""
    case = Case.objects.select_for_update().filter(id=case_id).first()
    if case is None:
        raise NotFound("There is no such case")
    return case


def open_case_for_update(kind: str, entity_id: UUID) -> Case | None:
    found = Case.objects.filter(entity_kind=kind, entity_id=entity_id, state=Case.State.OPEN)
    return found.select_for_update().first()


def open_case(kind: str, entity_id: UUID) -> Case | None:
    return Case.objects.filter(entity_kind=kind, entity_id=entity_id, state=Case.State.OPEN).first()


def last_closed(kind: str, entity_id: UUID) -> Case | None:
    found = Case.objects.filter(entity_kind=kind, entity_id=entity_id, state=Case.State.CLOSED)
    return found.order_by("-closed_at").first()


def cases_about(kind: str, entity_id: UUID) -> list[Case]:
    """Every case there was about it, newest first."""
    return list(Case.objects.filter(entity_kind=kind, entity_id=entity_id).order_by("-opened_at"))


def another_stands_confirmed(case: Case) -> bool:
    """Whether another case about the same was confirmed, and nobody took that back."""
    about = Case.objects.filter(entity_kind=case.entity_kind, entity_id=case.entity_id, outcome="confirmed")
    return about.exclude(id=case.id).exists()


def taken_up(kind: str, entity_id: UUID) -> set[tuple[str, str]]:
    """(kind, key) of everything that stands in a case about it."""
    found = Signal.objects.filter(case__entity_kind=kind, case__entity_id=entity_id)
    return set(found.values_list("kind", "key"))


def reports_in(case: Case) -> list[Report]:
    """The reports of a case, oldest first."""
    return reports.reports([UUID(key) for key in case.signals.filter(kind="report").values_list("key", flat=True)])


def is_party(case: Case, person: UUID) -> bool:
    """Whether the case is about this person, or brought by them."""
    return person in (case.owner_id, case.entity_id) or reports.has_reported(person, case.entity_kind, case.entity_id)


def standing_of(kind: str, entity_id: UUID) -> tuple[Standing | None, tuple[float, float] | None]:
    """What the score says, and how the live parameters read a score as a risk, if they were fitted to decided cases."""
    score = scoring.score_of(kind, entity_id)
    _, params = scoring.live_parameters()
    risk = (params.risk[0], params.risk[1]) if params.risk else None
    return (None if score is None else Standing(score.score, score.deviation, score.rated)), risk


def log_of(case: Case) -> list[LogLine]:
    return list(case.log.all())


def names(people: Iterable[UUID]) -> dict[UUID, str]:
    """How staff are called, by their `sub`."""
    return {person.sub: str(person) for person in Staff.objects.filter(sub__in=list(people))}


def name_of(person: str | UUID) -> str:
    """How a member of staff is called; of anybody else the beginning of the id, and `system` as it is."""
    try:
        sub = UUID(str(person))
    except ValueError:
        return str(person)
    return names([sub]).get(sub, str(sub)[:8])


def name_in(field: str) -> Subquery:
    """For annotations: how the member of staff is called whose `sub` the field holds."""
    return Subquery(Staff.objects.filter(sub=OuterRef(field)).values("name")[:1])


def colleagues(but: UUID) -> list[tuple[UUID, str]]:
    """Who could take a case over: everybody who may decide one."""
    staff = [person for person in Staff.objects.filter(is_active=True) if person.may("case", "decide")]
    return [(person.sub, str(person)) for person in staff if person.sub != but]
