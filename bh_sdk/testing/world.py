"""What a service in memory is made of: routes, callers, idempotency keys, errors on the wire, and a feed of events."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import httpx
from pydantic import BaseModel, ValidationError

from bh_sdk.errors import (
    BHError,
    EpochMismatch,
    FeedBehind,
    Forbidden,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    Invalid,
    MethodNotAllowed,
    NotFound,
    Unauthenticated,
    Unreachable,
)
from bh_sdk.events import Event, Fact
from bh_sdk.wire.base import Ask, Page
from bh_sdk.wire.events import EventAccepted, FeedPage, PushEvent

A = TypeVar("A", bound=Ask)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a fake client calls as: a user, a service, or (neither) a guest."""

    user_id: UUID | None = None
    service: str | None = None

    def user(self) -> UUID:
        if self.user_id is None:
            raise Unauthenticated
        return self.user_id

    def may_see(self, user_id: UUID) -> None:
        """Others' things do not exist, as in the real services."""
        if self.service is None and self.user_id != user_id:
            raise NotFound

    def needs_service(self) -> None:
        if self.service is None:
            raise Forbidden if self.user_id else Unauthenticated


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, as a route sees it. `ids` are the UUIDs of its path in order."""

    caller: Caller
    ids: tuple[UUID, ...]
    query: Mapping[str, str]
    body: bytes = field(repr=False)

    def read(self, kind: type[A]) -> A:
        try:
            return kind.model_validate_json(self.body or b"{}")
        except ValidationError as failure:
            errors = [
                {"pointer": "#" + "".join(f"/{part}" for part in error["loc"]), "message": error["msg"]}
                for error in failure.errors(include_url=False, include_input=False, include_context=False)
            ]
            raise Invalid(errors=errors) from None


# None is a 204.
Route = Callable[[Asked], BaseModel | tuple[int, BaseModel] | None]


class World:
    """The state of one service. Subclasses list `routes`: (method, path with {} for ids, handler, needs a key)."""

    service = "platform"

    def __init__(self, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.now = now
        self.events: list[Event] = []
        self.pushed: dict[UUID, PushEvent] = {}
        self._epoch = uuid.uuid4()
        self._answers: dict[tuple[Caller, str, str], tuple[str, httpx.Response]] = {}
        self._failures: deque[BHError] = deque()
        self._routes = [
            (method, re.compile(re.escape(path).replace(r"\{\}", "([0-9a-f-]{36})")), handler, keyed)
            for method, path, handler, keyed in [*self.routes(), *self._common()]
        ]

    def routes(self) -> Sequence[tuple[str, str, Route, bool]]:
        raise NotImplementedError

    def fail_next(self, *errors: BHError) -> None:
        """Let the next attempts fail: refusals are answered, Unreachable ones break the connection."""
        self._failures.extend(errors)

    def publish(self, fact: Fact, *, subject: UUID) -> Event:
        """Put a fact into the feed, as the service would after it happened."""
        event = Event(
            id=uuid.uuid4(),
            source=self.service,
            type=fact.type,
            subject=str(subject),
            time=self.now(),
            number=len(self.events) + 1,
            epoch=self._epoch,
            data=fact.payload(),
        )
        self.events.append(event)
        return event

    def transport(self, caller: Caller) -> httpx.MockTransport:
        """A network on which there is only this service, called by this caller."""
        return httpx.MockTransport(lambda request: self._answer(request, caller))

    def page(self, items: Sequence[T], asked: Asked, path: str) -> Page[T]:
        """A page of a list that is newest first already."""
        results, following = self.slice(items, asked, path)
        return Page[Any](results=results, next=following)

    def slice(self, items: Sequence[T], asked: Asked, path: str) -> tuple[list[T], str | None]:
        start, limit = _number(asked.query, "cursor", 0), _number(asked.query, "limit", 50)
        if not 1 <= limit <= 100:
            raise Invalid(errors=[{"pointer": "#/query/limit", "message": "between 1 and 100"}])
        end = start + limit
        return list(items[start:end]), f"{path}?limit={limit}&cursor={end}" if end < len(items) else None

    def _answer(self, request: httpx.Request, caller: Caller) -> httpx.Response:
        request_id = request.headers.get("X-Request-ID", "")
        try:
            if self._failures:
                raise self._failures.popleft()
            response = self._routed(request, caller)
        except Unreachable as failure:
            raise httpx.ConnectError(str(failure), request=request) from None
        except BHError as refusal:
            headers = {"Retry-After": str(refusal.retry_after)} if refusal.retry_after is not None else {}
            problem = refusal.problem(request_id)
            response = httpx.Response(
                refusal.status, json=problem, headers=headers | {"Content-Type": "application/problem+json"}
            )
        response.headers["X-Request-ID"] = request_id
        return response

    def _routed(self, request: httpx.Request, caller: Caller) -> httpx.Response:
        path, known = request.url.path, False
        for method, pattern, handler, keyed in self._routes:
            match = pattern.fullmatch(path)
            known = known or match is not None
            if match and method == request.method:
                asked = Asked(
                    caller, tuple(UUID(part) for part in match.groups()), dict(request.url.params), request.content
                )
                return self._once(request, caller, handler, asked) if keyed else _written(handler(asked))
        raise MethodNotAllowed if known else NotFound

    def _once(self, request: httpx.Request, caller: Caller, handler: Route, asked: Asked) -> httpx.Response:
        key = request.headers.get("Idempotency-Key")
        if key is None:
            raise IdempotencyKeyMissing
        digest = hashlib.sha256(request.content).hexdigest()
        slot = (caller, request.url.path, key)
        if slot not in self._answers:
            self._answers[slot] = (digest, _written(handler(asked)))
            return self._answers[slot][1]
        known, first = self._answers[slot]
        if known != digest:
            raise IdempotencyKeyReused
        return httpx.Response(first.status_code, content=first.content, headers={"Idempotent-Replayed": "true"})

    def _common(self) -> Sequence[tuple[str, str, Route, bool]]:
        return [
            ("GET", "/readyz", lambda _: _Ready(), False),
            ("GET", "/api/v1/events", self._feed, False),
            ("POST", "/api/v1/events", self._push, False),
        ]

    def _feed(self, asked: Asked) -> FeedPage:
        asked.caller.needs_service()
        epoch, _, number = asked.query.get("after", f"{self._epoch}:0").partition(":")
        if epoch != str(self._epoch):
            raise EpochMismatch
        start, limit = int(number), _number(asked.query, "limit", 100)
        if start > len(self.events):
            raise FeedBehind
        results = self.events[start : start + limit]
        return FeedPage(
            results=results,
            next=f"{self._epoch}:{start + len(results)}",
            head=f"{self._epoch}:{len(self.events)}",
        )

    def _push(self, asked: Asked) -> tuple[int, EventAccepted]:
        asked.caller.needs_service()
        event = asked.read(PushEvent)
        known = event.id in self.pushed
        self.pushed.setdefault(event.id, event)
        return 202, EventAccepted(id=str(event.id), status="repeated" if known else "accepted")


class _Ready(BaseModel):
    status: str = "ready"


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    value = query.get(name, str(default))
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise Invalid(errors=[{"pointer": f"#/query/{name}", "message": "must be a whole number"}])
    return int(value)


def _written(answer: BaseModel | tuple[int, BaseModel] | None) -> httpx.Response:
    if answer is None:
        return httpx.Response(204)
    status, value = answer if isinstance(answer, tuple) else (200, answer)
    return httpx.Response(status, json=json.loads(value.model_dump_json()))


async def no_wait(_: float) -> None:
    """Fakes never make a test wait for a repeat."""
