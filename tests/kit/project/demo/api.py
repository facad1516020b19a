"""One route for each thing the kit promises."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Annotated, Any
from uuid import UUID

from django.db import OperationalError, connection
from django.http import HttpResponse
from pydantic import Field

from bh_sdk.errors import CampaignNotAccepting, Invalid, ProviderUnavailable, RateLimited
from bh_sdk.server.api import (
    Call,
    Cursor,
    Limit,
    Page,
    Router,
    Status,
    idempotent,
    json_page,
    json_rows,
    keyset_page,
    with_etag,
)
from bh_sdk.server.ops import clock
from bh_sdk.server.ops.sealed import keyed_hash
from bh_sdk.wire.base import Answer, Ask, Email, Id, Line, Text
from tests.kit.project.demo.locks import Named
from tests.kit.project.demo.models import Gift

router = Router(tags=["Demo"])

# Counted by the views, read by the tests of the same process.
ran: list[str] = []
# A test holds a view here.
gate = threading.Event()
gate.set()


class Thing(Ask):
    title: Line = Field(examples=["A roof"])
    size: Annotated[int, Field(ge=0, le=10**12)] = 0
    note: Text = ""
    weight: float | None = None
    flag: bool = False
    extra: dict[str, Any] = {}


class ThingAnswer(Answer):
    title: str
    size: int
    note: str
    extra: dict[str, Any]


class GiftAsk(Ask):
    title: Line
    size: Annotated[int, Field(ge=0, le=10**12)] = 0
    outcome: Line = "fine"


class GuestGift(Ask):
    title: Line
    email: Email


class GiftAnswer(Answer):
    id: UUID
    title: str
    size: int


@router.post("/things", auth=Named(), response=ThingAnswer)
def echo_thing(request: Call, body: Thing) -> Thing:
    """Answer with what was sent."""
    return body


@router.get("/things/{thing_id}", auth=Named(guests=True), response=ThingAnswer)
def get_thing(request: Call, thing_id: Id, shade: Line = "plain") -> ThingAnswer:
    """A thing by its id."""
    return ThingAnswer(title=str(thing_id), size=0, note=shade, extra={})


@router.put("/things/{thing_id}", auth=Named(), response=ThingAnswer)
def put_thing(request: Call, thing_id: Id, body: Thing) -> Thing:
    return body


@router.post("/things/special", auth=Named(), response={204: None})
def special(request: Call) -> Status[None]:
    """A fixed word where another route has a parameter."""
    return Status(204, None)


@router.get("/broken", auth=None, response=ThingAnswer)
def broken(request: Call) -> ThingAnswer:
    raise RuntimeError("the key of ruth@demo.test is sk_test_123456789012345678901234")


@router.get("/held", auth=None, response=ThingAnswer)
def held(request: Call) -> ThingAnswer:
    """Answers once nobody else holds the lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(4711)")
        cursor.execute("SELECT pg_advisory_unlock(4711)")
    return ThingAnswer(title="held", size=0, note="", extra={})


@router.get("/limited", auth=None, response=ThingAnswer)
def limited(request: Call) -> ThingAnswer:
    error = RateLimited()
    error.retry_after = 7
    raise error


@router.get("/who", auth=None, response=ThingAnswer)
def database_pid(request: Call) -> ThingAnswer:
    """Which server process answers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return ThingAnswer(title="pid", size=cursor.fetchone()[0], note="", extra={})


@router.post("/gifts", auth=Named(), response={201: GiftAnswer})
@idempotent
def give(request: Call, body: GiftAsk) -> Status[Gift]:
    """Give once per key."""
    assert request.idempotency is not None
    ran.append(body.outcome)
    gate.wait(10)
    match body.outcome:
        case "refused":
            raise CampaignNotAccepting(campaign="closed")
        case "away":
            raise ProviderUnavailable()
        case "limited":
            raise RateLimited()
        case "invalid":
            raise Invalid(errors=[{"pointer": "#/title", "message": "not that"}])
        case "broken":
            raise RuntimeError("broken")
        case "cut":
            lose_connection()
    gift, _ = Gift.objects.get_or_create(
        digest=request.idempotency.digest, defaults={"title": body.title, "size": body.size, "created_at": clock.now()}
    )
    if body.outcome == "cut late":
        with suppress(OperationalError):
            lose_connection()
    return Status(201, gift)


def lose_connection() -> None:
    """As when PostgreSQL restarts in the middle of a command."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


def _guest(request: Call, body: GuestGift) -> str:
    return keyed_hash(body.email, "guest")


@router.post("/guest-gifts", auth=Named(guests=True), response={201: GiftAnswer})
@idempotent(caller=_guest)
def give_as_guest(request: Call, body: GuestGift) -> Status[Gift]:
    ran.append("guest")
    return Status(201, Gift.objects.create(title=body.title, created_at=clock.now()))


@idempotent
@router.post("/gifts/{gift_id}/wrap", auth=Named(), response=GiftAnswer)
def wrap(request: Call, gift_id: Id) -> Gift:
    """No body; the path says what."""
    ran.append(str(gift_id))
    return Gift.objects.get(id=gift_id)


@router.get("/gifts", auth=Named(), response=Page[GiftAnswer])
def list_gifts(request: Call, limit: Limit = 20, cursor: Cursor = None, title: Line | None = None) -> Page[Gift]:
    found = Gift.objects.all()
    if title is not None:
        found = found.filter(title=title)
    return keyset_page(found, request=request, cursor=cursor, limit=limit)


FAST = """
SELECT json_build_object('id', id, 'title', title, 'size', size), created_at::text, id::text FROM kit_demo_gift
WHERE size >= %(least)s AND (created_at, id) < (%(at)s::timestamptz, %(before)s::uuid)
ORDER BY created_at DESC, id DESC LIMIT %(rows)s
"""


@router.get("/fast-gifts", auth=Named(), response=Page[GiftAnswer])
def list_gifts_fast(request: Call, limit: Limit = 20, cursor: Cursor = None) -> HttpResponse:
    return json_page(FAST, {"least": 0}, request=request, cursor=cursor, limit=limit)


@router.get("/fast-gifts/{gift_id}", auth=Named(), response=GiftAnswer)
def get_gift_fast(request: Call, gift_id: Id) -> HttpResponse:
    answer = json_rows(
        "SELECT json_build_object('id', id, 'title', title, 'size', size) FROM kit_demo_gift WHERE id = %s", [gift_id]
    )
    return with_etag(request, answer)
