"""The event feed of a service, and the door through which the outside world tells it facts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from bh_sdk import correlation
from bh_sdk.clients.base import ARuns, AsyncClient, Client, Runs, adoes, does
from bh_sdk.clients.call import Call, answer, ask, query
from bh_sdk.clients.health import health
from bh_sdk.events import Fact
from bh_sdk.wire.events import EventAccepted, FeedPage, PushEvent

EVENTS = "/api/v1/events"


def page(after: str = "", limit: int = 100, *, timeout: float | None = None) -> Call[FeedPage]:
    """Events after a position `<epoch>:<number>`, in number order; without a position from the first one.

    Raises EpochMismatch when the log began anew, FeedBehind when the position lies ahead of it.
    """
    return Call(
        "events.page", "GET", EVENTS, answer(FeedPage), query(after=after or None, limit=limit), timeout=timeout
    )


def push_event(
    *,
    type: str,
    subject: str,
    data: Mapping[str, Any],
    source: str = "platform",
    id: UUID | None = None,
    time: datetime | None = None,
    traceparent: str | None = None,
    timeout: float | None = None,
) -> Call[EventAccepted]:
    """Tell a service a fact of the outside world. `id` makes repeats harmless: give it when you may push again."""
    body = ask(
        PushEvent,
        specversion="1.0",
        id=id or uuid4(),
        source=source,
        type=type,
        subject=subject,
        time=time or datetime.now(UTC),
        datacontenttype="application/json",
        traceparent=traceparent or correlation.current_traceparent(),
        data=dict(data),
    )
    return Call("events.push", "POST", EVENTS, answer(EventAccepted), body=body, harmless=True, timeout=timeout)


def push_fact(
    fact: Fact,
    *,
    subject: UUID,
    source: str = "platform",
    id: UUID | None = None,
    time: datetime | None = None,
    timeout: float | None = None,
) -> Call[EventAccepted]:
    """The same with a fact of the catalogue (`UserVerified(...)`), so that its type and payload are right."""
    return push_event(
        type=fact.type, subject=str(subject), data=fact.payload(), source=source, id=id, time=time, timeout=timeout
    )


class Events:
    """`client.events`: the feed of the service that the client is for."""

    def __init__(self, client: Runs) -> None:
        self._run, self._each = client._run, client._each

    page = does(page)
    push = does(push_event)
    push_fact = does(push_fact)


class AsyncEvents:
    """`client.events`: the feed of the service that the client is for."""

    def __init__(self, client: ARuns) -> None:
        self._run, self._each = client._run, client._each

    page = adoes(page)
    push = adoes(push_event)
    push_fact = adoes(push_fact)


class Feed(Client):
    """The event feed of any one of the three services."""

    page = does(page)
    push = does(push_event)
    push_fact = does(push_fact)
    health = does(health)


class AsyncFeed(AsyncClient):
    """The event feed of any one of the three services, for asyncio."""

    page = adoes(page)
    push = adoes(push_event)
    push_fact = adoes(push_fact)
    health = adoes(health)


class ServiceClient(Client):
    """A blocking client of a service: what all three have in common."""

    push_event = does(push_event)
    push_fact = does(push_fact)
    health = does(health)

    @property
    def events(self) -> Events:
        return Events(self)


class AsyncServiceClient(AsyncClient):
    """An awaiting client of a service: what all three have in common."""

    push_event = adoes(push_event)
    push_fact = adoes(push_fact)
    health = adoes(health)

    @property
    def events(self) -> AsyncEvents:
        return AsyncEvents(self)
