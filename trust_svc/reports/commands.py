"""Filing a report, and closing it when the decision is known."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import IntegrityError, transaction

from bh_sdk.errors import NotFound, ReportAlreadyOpen
from bh_sdk.events import ReportFiled
from bh_sdk.server.events import record
from bh_sdk.server.ops import clock
from trust_svc.evidence import commands as evidence
from trust_svc.evidence import queries as known
from trust_svc.evidence.rules import NewFact
from trust_svc.holds import commands as holds
from trust_svc.reports.models import Report

# How many open reports one pass looks at.
BATCH = 500


@transaction.atomic
def file_report(
    *, entity_kind: str, entity_id: UUID, kind: str, description: str, evidence_urls: Sequence[str], by: UUID
) -> Report:
    """Take a report in. It becomes evidence whose weight follows from the reporter's own record.

    Raises NotFound for something we know nothing of, ReportAlreadyOpen while an earlier report of the same person about
    the same thing is open.
    """
    if not known.is_known(entity_kind, entity_id):
        raise NotFound(f"No {entity_kind} of that id is known here")
    report = Report(
        reporter_id=by,
        entity_kind=entity_kind,
        entity_id=entity_id,
        kind=kind,
        description=description,
        evidence_urls=list(evidence_urls),
        created_at=clock.now(),
    )
    try:
        with transaction.atomic():
            report.save(force_insert=True)
    except IntegrityError as error:
        if "trust_one_open_report" not in str(error):
            raise
        raise ReportAlreadyOpen() from None
    said = {"report_id": str(report.id), "kind": kind, "reporter_id": str(by)}
    # A report is told once, so its own id can name the fact.
    fact = NewFact(report.id, "report.filed", report.created_at, entity_kind, entity_id, said)
    evidence.take_in(facts=[fact], source="trust")
    told = {"report_id": report.id, "entity_kind": entity_kind, "entity_id": entity_id, "kind": kind}
    record(ReportFiled.model_validate(told), subject=report.id, actor=str(by))
    return report


@transaction.atomic
def settle_decided(limit: int = BATCH) -> int:
    """Close the open reports of which a decision is known; returns how many. An upheld report of fraud puts a hold on what it
    is about."""
    still_open = Report.objects.filter(state=Report.State.OPEN).order_by("created_at", "id")
    reports = {report.id: report for report in still_open.select_for_update(skip_locked=True)[:limit]}
    decided = known.decisions(reports.keys())
    for report_id, (outcome, time) in sorted(decided.items()):
        report = reports[report_id]
        report.state, report.decided_at = outcome, time
        report.save(update_fields=["state", "decided_at"])
        if outcome == Report.State.UPHELD and report.kind == "fraud":
            holds.place_for_report(entity_kind=report.entity_kind, entity_id=report.entity_id, report_id=report_id)
    return len(decided)
