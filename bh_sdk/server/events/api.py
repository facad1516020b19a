"""`/api/v1/events`: the feed for other services, and the door for facts of the outside world."""

from __future__ import annotations

from typing import Annotated

from django.http import HttpResponse
from ninja import Query

from bh_sdk.server.access import may
from bh_sdk.server.api import Call, Router, Status
from bh_sdk.server.events import feed, push
from bh_sdk.wire.events import EventAccepted, FeedPage, PushEvent

router = Router(tags=["events"])

Limit = Annotated[int, Query(ge=1, le=feed.PAGE)]


@router.get("", auth=may("event", "read"), response=FeedPage)
def read_events(request: Call, after: str = "", limit: Limit = 100) -> HttpResponse:
    """Events after the position `<epoch>:<number>` (none: the start), in number order; `head` is where the log ends.

    409 `epoch_mismatch` names the position to resume at; 409 `feed_behind` means that this log went back in time.
    """
    return HttpResponse(feed.page(after, limit), content_type="application/json")


@router.post("", auth=may("event", "push"), response={202: EventAccepted, 200: EventAccepted})
def push_event(request: Call, body: PushEvent) -> Status[EventAccepted]:
    """Tell a fact of the platform. 202 when it was handled now, 200 `repeated` when (source, id) was here before, saying the
    same; 409 `event_id_reused` when it said something else."""
    if push.accept(body):
        return Status(202, EventAccepted(id=str(body.id), status="accepted"))
    return Status(200, EventAccepted(id=str(body.id), status="repeated"))
