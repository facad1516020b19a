"""Filing a report, and closing it when the decision is known."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from django.db import IntegrityError, transaction

from bh_sdk.errors import NotFound, OwnReport, ReportAlreadyOpen
from bh_sdk.events import ReportDecided, ReportFiled
from bh_sdk.server.api import limits
from bh_sdk.server.events import record
from bh_sdk.server.ops import clock
from trust_svc.evidence import commands as evidence
from trust_svc.evidence import queries as known
from trust_svc.evidence.rules import NewFact
from trust_svc.holds import commands as holds
from trust_svc.reports import queries
from trust_svc.reports.models import NO_WORDS, NOBODY, Report

# How many reports one transaction settles.
BATCH = 500


# Of one person; who reports the same thing again has reported it once.
LIMITS = (limits.Limit("report-an-hour", 5, 3600), limits.Limit("report-a-day", 20, 86400))


def file_report(
    *, entity_kind: str, entity_id: UUID, kind: str, description: str, evidence_urls: Sequence[str], by: UUID
) -> Report:
    """Take a report in. It becomes evidence whose weight follows from the reporter's own record.

    Raises NotFound for something we know nothing of, OwnReport for oneself and one's own campaign, ReportAlreadyOpen while
    an earlier report of the same person about the same thing is open, RateLimited after too many.
    """
    if not known.is_known(entity_kind, entity_id):
        raise NotFound(f"No {entity_kind} of that id is known here")
    if known.owner_of(entity_kind, entity_id) == by:
        raise OwnReport()
    exceeded = limits.take(
        [limits.Count(each, str(by)) for each in LIMITS], once=f"report:{by}:{entity_kind}:{entity_id}"
    )
    if exceeded is not None:
        raise limits.refusal(exceeded)
    return _file(entity_kind, entity_id, kind, description, evidence_urls, by)


@transaction.atomic
def _file(
    entity_kind: str, entity_id: UUID, kind: str, description: str, evidence_urls: Sequence[str], by: UUID
) -> Report:
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
def take_over(entity_kind: str, entity_id: UUID) -> int:
    """Make reports of those about this that the platform told as evidence, so that they are judged like ours; returns how
    many were new. Doing it twice is doing it once."""
    told = known.reports_told(entity_kind, entity_id)
    here = queries.names(entity_kind, entity_id) if told else set()
    new = {data["report_id"]: (time, data) for time, data in reversed(told) if data["report_id"] not in here}
    reports = [
        Report(
            reporter_id=UUID(data["reporter_id"]) if data.get("reporter_id") else NOBODY,
            entity_kind=entity_kind,
            entity_id=entity_id,
            kind=data["kind"],
            description=NO_WORDS,
            created_at=time,
            told_as=name,
        )
        for name, (time, data) in sorted(new.items())
    ]
    Report.objects.bulk_create(reports)
    return len(reports)


@transaction.atomic
def settle(report_ids: Collection[UUID]) -> int:
    """Bring reports to where their standing decisions are, known or taken back; returns how many moved.

    Each reporter is told. An upheld report of fraud puts a hold on what it is about.
    """
    rows = Report.objects.filter(id__in=list(report_ids)).order_by("created_at", "id").select_for_update()
    reports = {report.id: report for report in rows}
    decided = known.decisions([report.name for report in reports.values()])
    moved = [
        (report, *decided[report.name])
        for _, report in sorted(reports.items())
        if report.name in decided and report.state != decided[report.name][0]
    ]
    for report, outcome, time in moved:
        report.state, report.decided_at = outcome, time
        report.save(update_fields=["state", "decided_at"])
        told = {
            "report_id": report.id,
            "entity_kind": report.entity_kind,
            "entity_id": report.entity_id,
            "reporter_id": report.reporter_id,
            "kind": report.kind,
            "outcome": outcome,
        }
        if report.reporter_id != NOBODY:
            record(ReportDecided.model_validate(told), subject=report.id)
        if outcome == Report.State.UPHELD and report.kind == "fraud":
            holds.place_for_report(entity_kind=report.entity_kind, entity_id=report.entity_id, report_id=report.id)
    return len(moved)


def settle_about(entity_kind: str, entity_id: UUID) -> int:
    """Settle the open reports about a campaign or a person."""
    return settle([report.id for report in queries.open_about(entity_kind, entity_id)])


def settle_decided() -> int:
    """Settle every open report of which a decision is known; returns how many. A net below `settle`, which whoever decides
    calls at once."""
    still_open = list(Report.objects.filter(state=Report.State.OPEN).order_by("id").values_list("id", flat=True))
    return sum(settle(still_open[at : at + BATCH]) for at in range(0, len(still_open), BATCH))
