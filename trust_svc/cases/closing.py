"""Closing a case: by a decision of staff, or because the platform has decided everything in it."""

from __future__ import annotations

from datetime import datetime

from bh_sdk.events import CaseDecided
from bh_sdk.server.events import record
from trust_svc.cases import journal, queries
from trust_svc.cases.models import Case
from trust_svc.evidence import queries as evidence
from trust_svc.reports import queries as reports

PLATFORM = "platform"


def close(case: Case, outcome: Case.Outcome, *, by: str, now: datetime, note: str = "") -> None:
    """Close an open case and tell of it, in the caller's transaction."""
    case.state, case.outcome, case.closed_at, case.decided_by = Case.State.CLOSED, outcome, now, by
    case.snoozed_until = None
    case.version += 1
    case.save()
    journal.write(case, outcome, by=by, note=note)
    tell(case, by=by)


def tell(case: Case, *, by: str) -> None:
    """What others hear of a decision: never who reported, nor why."""
    said = {
        "case_id": case.id,
        "entity_kind": case.entity_kind,
        "entity_id": case.entity_id,
        "owner_id": case.owner_id,
        "outcome": case.outcome,
    }
    record(CaseDecided.model_validate(said), subject=case.id, actor=by)


def close_if_settled(case: Case, now: datetime) -> bool:
    """Close a case that the platform's decisions leave nothing of: it decided the case itself, or the last of the reports
    in a case that holds nothing else. Returns whether it did."""
    if reports.open_about(case.entity_kind, case.entity_id):
        return False
    said = evidence.case_outcome(case.entity_kind, case.entity_id, since=case.opened_at)
    outcome = said or _of_reports(case)
    if outcome is None:
        return False
    close(case, Case.Outcome(outcome), by=PLATFORM, now=now)
    return True


def _of_reports(case: Case) -> str | None:
    """What the decided reports of a case amount to, when there is nothing else in it."""
    if case.signals.exclude(kind="report").exists():
        return None
    states = {report.state for report in queries.reports_in(case)}
    if not states:
        return None
    return "confirmed" if "upheld" in states else "false"
