"""The event feed on the wire: `/api/v1/events`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from bh_sdk.events import Event
from bh_sdk.wire.base import Answer, Ask, Id, Time


class FeedPage(Answer):
    """Events after a position, in number order. `next` and `head` are positions `<epoch>:<number>`; a gap is arithmetic."""

    results: list[Event]
    next: str
    head: str


class PushEvent(Ask):
    """A CloudEvents 1.0 envelope of the outside world, in structured JSON mode."""

    specversion: Literal["1.0"]
    id: Id
    source: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    type: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.]{0,99}$")]
    subject: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    time: Time
    datacontenttype: Literal["application/json"] = "application/json"
    traceparent: Annotated[str, StringConstraints(pattern=r"^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")] | None = None
    data: dict[str, Any] = Field(default_factory=dict)


class EventAccepted(Answer):
    id: str
    status: Literal["accepted", "repeated"]
