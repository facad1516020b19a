"""What staff do with a case. Each command locks the case, checks who acts on what they saw, and writes a line of its log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID, uuid4

from django.db import transaction

from bh_sdk.errors import BadRequest, SecondPersonNeeded
from bh_sdk.server.ops import clock
from trust_svc.cases import closing, gathering, journal, queries, rules
from trust_svc.cases.errors import CaseMoved, CaseOpen, CaseOver, CaseTaken, OwnCase
from trust_svc.cases.models import Case, Signal
from trust_svc.cases.noticing import Found
from trust_svc.cases.rules import Outcome, Verdict
from trust_svc.evidence import commands as evidence
from trust_svc.evidence.rules import NewFact
from trust_svc.holds import commands as holding
from trust_svc.holds import queries as holds
from trust_svc.reports import commands as reporting
from trust_svc.reports import queries as reports

CONFIRMED = "A case against it was confirmed"


@transaction.atomic
def claim(*, case_id: UUID, by: UUID, version: int | None = None) -> Case:
    """Take a case: nobody else decides it meanwhile. Raises NotFound, CaseOver, CaseTaken, CaseMoved, OwnCase."""
    case = _at_work(case_id, by, version)
    return _changed(case, "claimed", by, assignee=by)


@transaction.atomic
def release(*, case_id: UUID, by: UUID, version: int | None = None) -> Case:
    """Give one's case back to the desk."""
    case = _at_work(case_id, by, version)
    return _changed(case, "released", by, assignee=None)


@transaction.atomic
def assign(*, case_id: UUID, to: UUID, by: UUID, note: str = "", version: int | None = None) -> Case:
    """Hand a case to a colleague, whoever has it now. Raises OwnCase for one who is a party to it."""
    case = _open(case_id, version)
    if queries.is_party(case, to) or queries.is_party(case, by):
        raise OwnCase()
    if to not in {person for person, _ in queries.colleagues(but=by)}:
        raise BadRequest("Cases are handed to colleagues who decide cases")
    return _changed(case, "assigned", by, note=note, assignee=to)


@transaction.atomic
def snooze(*, case_id: UUID, until: datetime, by: UUID, note: str = "", version: int | None = None) -> Case:
    """Put a case away until a time; it comes back by itself, or as soon as something new comes in."""
    case = _at_work(case_id, by, version)
    if not clock.now() < until <= clock.now() + rules.FRESH:
        raise BadRequest("Cases are put away for thirty days at most, and not into the past")
    return _changed(case, "snoozed", by, note=note, snoozed_until=until, assignee=case.assignee or by)


@transaction.atomic
def wake(limit: int = 100) -> int:
    """Bring back the cases whose time has come; returns how many."""
    due = Case.objects.filter(state=Case.State.OPEN, snoozed_until__lte=clock.now()).order_by("snoozed_until")
    back = list(due.select_for_update(skip_locked=True)[:limit])
    for case in back:
        case.snoozed_until = None
        case.save(update_fields=["snoozed_until"])
        journal.write(case, "back", by="system")
    return len(back)


@transaction.atomic
def add_note(*, case_id: UUID, note: str, by: UUID) -> Case:
    """Write something down for whoever works on it. Possible on closed cases too."""
    case = queries.case_for_update(case_id)
    if queries.is_party(case, by):
        raise OwnCase()
    journal.write(case, "note", by=str(by), note=note)
    return case


@transaction.atomic
def decide(
    *,
    case_id: UUID,
    outcome: Outcome,
    verdicts: Mapping[UUID, Verdict],
    stop: bool,
    note: str,
    by: UUID,
    version: int | None = None,
) -> Case:
    """Close a case and judge every open report in it; the decisions are evidence, and the score moves at once.

    `verdicts` names each open report: one that came in after staff looked makes it CaseMoved, so nothing is judged unseen.
    `stop` puts a confirmed one on hold; an upheld report of fraud does so anyway. Raises NotFound, CaseOver, CaseTaken,
    CaseMoved, OwnCase.
    """
    case = _at_work(case_id, by, version)
    if set(verdicts) != {report.id for report in reports.open_about(case.entity_kind, case.entity_id)}:
        raise CaseMoved("A report came in, or was decided, since you opened this; look at the case again")
    if outcome == "false" and "upheld" in verdicts.values():
        raise BadRequest("A case in which a report is upheld was not false")
    now = clock.now()
    case.assignee = case.assignee or by
    closing.close(case, Case.Outcome(outcome), by=str(by), now=now, note=note)
    _as_evidence(case, verdicts, now)
    reporting.settle(verdicts.keys())
    if outcome == "confirmed" and stop and holds.active(case.entity_kind, case.entity_id) is None:
        holding.place_hold(entity_kind=case.entity_kind, entity_id=case.entity_id, reason=CONFIRMED, by=str(by))
    return case


@transaction.atomic
def reverse_decision(*, case_id: UUID, by: UUID, note: str, outcome: Outcome = "false") -> Case:
    """Take a confirmed decision back, after an appeal: `outcome` is what stands instead. Reports that were upheld are
    dismissed, what the decision put on hold goes on unless another confirmed case stands, and everybody is told anew; what
    was decided before stays on record.

    Raises NotFound, CaseOpen, CaseOver when it was not confirmed, SecondPersonNeeded for who had decided it, OwnCase.
    """
    case = queries.case_for_update(case_id)
    if case.state == Case.State.OPEN:
        raise CaseOpen()
    if case.outcome != "confirmed" or outcome == "confirmed":
        raise CaseOver("Only a confirmed case is taken back")
    if case.decided_by == str(by):
        raise SecondPersonNeeded("Somebody else than the one who decided takes it back")
    if queries.is_party(case, by):
        raise OwnCase()
    case.outcome, case.decided_by = outcome, str(by)
    case.version += 1
    case.save()
    journal.write(case, "reversed", by=str(by), note=note)
    upheld = [report.id for report in queries.reports_in(case) if report.state == "upheld"]
    _as_evidence(case, dict.fromkeys(upheld, "dismissed"), clock.now())
    reporting.settle(upheld)
    _let_go(case, by)
    closing.tell(case, by=str(by))
    return case


@transaction.atomic
def add_signal(*, kind: str, key: str, entity_kind: str, entity_id: UUID, note: str = "") -> Case | None:
    """Put something that no evidence tells, such as an appeal, into the open case about it; None when none is open. The same
    key is taken up once."""
    case = queries.open_case_for_update(entity_kind, entity_id)
    if case is not None and not Signal.objects.filter(kind=kind, key=key).exists():
        now = clock.now()
        gathering.bring_up_to_date(case, [Found(kind, key, now, rules.SIGNALS[kind][1], note)], now)
    return case


def _open(case_id: UUID, version: int | None) -> Case:
    case = queries.case_for_update(case_id)
    if case.state == Case.State.CLOSED:
        raise CaseOver(f"The case is closed already: {case.outcome}", outcome=case.outcome)
    if version is not None and version != case.version:
        raise _moved(case)
    return case


def _at_work(case_id: UUID, by: UUID, version: int | None) -> Case:
    """The case, locked, for somebody who may work on it: nobody else has it, and they are no party to it."""
    case = queries.case_for_update(case_id)
    if case.state == Case.State.OPEN and case.assignee is not None and case.assignee != by:
        name = queries.names([case.assignee]).get(case.assignee, "A colleague")
        raise CaseTaken(f"{name} works on this case", assignee=str(case.assignee))
    case = _open(case_id, version)
    if queries.is_party(case, by):
        raise OwnCase()
    return case


def _moved(case: Case) -> CaseMoved:
    return CaseMoved("Somebody changed the case since you opened it; look at it again", version=case.version)


def _changed(case: Case, what: str, by: UUID, *, note: str = "", **values: object) -> Case:
    for name, value in values.items():
        setattr(case, name, value)
    case.version += 1
    case.save()
    journal.write(case, what, by=str(by), note=note)
    return case


def _as_evidence(case: Case, verdicts: Mapping[UUID, Verdict], now: datetime) -> None:
    """Decisions are evidence like everything else, of the kind that moves scores at once. Of the entity the last one counts,
    so that one which found nothing is not told while another stands confirmed."""
    facts = [
        NewFact(
            uuid4(), "report.decided", now, case.entity_kind, case.entity_id,
            {"report_id": report.name, "outcome": verdicts[report.id]},
        )
        for report in reports.reports(verdicts.keys())
    ]  # fmt: skip
    if case.outcome == "confirmed" or not queries.another_stands_confirmed(case):
        said = {"outcome": case.outcome}
        facts.append(NewFact(uuid4(), "case.decided", now, case.entity_kind, case.entity_id, said))
    evidence.take_in(facts=facts, source="trust")


def _let_go(case: Case, by: UUID) -> None:
    """Lift the hold that decisions placed, if it is still on and none of them stands any more."""
    hold = holds.active(case.entity_kind, case.entity_id)
    if hold is None or queries.another_stands_confirmed(case):
        return
    placed_for = reports.reports([hold.report_id]) if hold.report_id else []
    if hold.reason == CONFIRMED or any(report.state != "upheld" for report in placed_for):
        holding.lift_hold(hold_id=hold.id, reason="The decision was taken back", by=str(by))
