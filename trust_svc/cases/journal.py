"""The log of a case: every change is a line, and lines stay."""

from __future__ import annotations

from bh_sdk.server.ops import clock
from trust_svc.cases.models import Case, LogLine


def write(case: Case, what: str, *, by: str, note: str = "") -> LogLine:
    """Add a line, in the transaction of what it tells."""
    return LogLine.objects.create(case=case, at=clock.now(), by=by, what=what, note=note or None)
