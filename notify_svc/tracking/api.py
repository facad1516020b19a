"""Where providers tell us what became of a mail."""

from __future__ import annotations

from bh_sdk.server.api import Call, Router
from bh_sdk.wire.reports import ReportsTaken
from notify_svc.tracking import commands

router = Router(tags=["webhooks"])


@router.post("/webhooks/{provider}", auth=None, response=ReportsTaken)
def provider_webhook(request: Call, provider: str) -> ReportsTaken:
    """Take what a mail provider tells us. Its signature is the proof; what it told before is taken and does nothing."""
    return ReportsTaken(new=commands.take(provider=provider, body=request.body, headers=request.headers))
