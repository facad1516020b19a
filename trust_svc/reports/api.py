from __future__ import annotations

from uuid import UUID

from bh_sdk.events import EntityKind
from bh_sdk.server.access import may
from bh_sdk.server.api import Call, Cursor, Limit, Page, Router, Status, keyset_page
from bh_sdk.wire.trust import FiledReport, FileReport, ReportKind, ReportStatus
from bh_sdk.wire.trust import Report as ReportAnswer
from trust_svc.evidence import queries as known
from trust_svc.reports import commands, queries

router = Router(tags=["reports"])


@router.post("/report", auth=may("report", "file"), response={201: ReportAnswer})
def file_report(request: Call, body: FileReport) -> Status[ReportAnswer]:
    """Report a campaign or a person. One open report per reporter and thing; who reported is told to nobody."""
    report = commands.file_report(
        entity_kind=body.entity_type,
        entity_id=body.entity_id,
        kind=body.kind,
        description=body.description,
        evidence_urls=body.evidence_urls,
        by=UUID(request.auth.id),
    )
    answer = ReportAnswer(
        report_id=report.id,
        entity_type=body.entity_type,
        entity_id=report.entity_id,
        kind=body.kind,
        status="open",
        created_at=report.created_at,
    )
    return Status(201, answer)


@router.get("/reports", auth=may("report", "view"), response=Page[FiledReport])
def list_reports(
    request: Call,
    entity_type: EntityKind | None = None,
    entity_id: UUID | None = None,
    kind: ReportKind | None = None,
    status: ReportStatus | None = None,
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Page[FiledReport]:
    """Reports and what came of them, newest first, for staff: who filed one, and in which words, is in none."""
    found = queries.filed(entity_kind=entity_type, entity_id=entity_id, kind=kind, state=status)
    # Nobody reads what is said about themselves.
    found = found.exclude(entity_id__in=known.own(UUID(request.auth.id)))
    page = keyset_page(found, request=request, cursor=cursor, limit=limit)
    results = [
        FiledReport.model_validate(
            {
                "report_id": row.id,
                "entity_type": row.entity_kind,
                "entity_id": row.entity_id,
                "kind": row.kind,
                "status": row.state,
                "created_at": row.created_at,
                "decided_at": row.decided_at,
            }
        )
        for row in page.results
    ]
    return Page[FiledReport](results=results, next=page.next, previous=page.previous)
