from __future__ import annotations

from uuid import UUID

from bh_sdk.server.access import may
from bh_sdk.server.api import Call, Router, Status
from bh_sdk.wire.trust import FileReport
from bh_sdk.wire.trust import Report as ReportAnswer
from trust_svc.reports import commands

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
