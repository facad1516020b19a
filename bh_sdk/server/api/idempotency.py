"""`@idempotent`: a POST that moves money or sends happens once, however often it is asked.

The first call takes a lease on (caller, route, key) and runs; its answer is sealed and kept for 72 hours. Leases are in
the database's own time and fenced by a token: a holder that was presumed dead cannot overwrite its successor's answer.
"""

from __future__ import annotations

import functools
import hashlib
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar, overload

from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse
from ninja.operation import Operation

from bh_sdk.errors import (
    BHError,
    IdempotencyInProgress,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    Invalid,
)
from bh_sdk.server.api import problems
from bh_sdk.server.api.models import IdempotencyKey
from bh_sdk.server.api.routes import Call
from bh_sdk.server.ops import clock, metrics
from bh_sdk.server.ops.logs import log
from bh_sdk.server.ops.sealed import hash_matches, keyed_hash, seal, unseal

LEASE = timedelta(seconds=60)
KEPT = timedelta(hours=72)
HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
_KEPT_HEADERS = ("Content-Type", "Location", "ETag")

View = TypeVar("View", bound=Callable[..., Any])
CallerOf = Callable[[Any, Any], str]


@dataclass(frozen=True, slots=True)
class Idempotency:
    """The key of this call. `digest` is unique per caller, route and key.

    A command stores the digest in a unique column, so that a retry after a crash finds and resumes the same object.
    """

    key: uuid.UUID
    digest: str


@overload
def idempotent(view: View) -> View: ...
@overload
def idempotent(*, caller: CallerOf) -> Callable[[View], View]: ...
def idempotent(view: Any = None, *, caller: CallerOf | None = None) -> Any:
    """Make a Ninja view run once per `Idempotency-Key` (put it above the function, below or above the route).

    400 without a key or when it is no UUID; 422 when the key came with another body or path; 409 with `Retry-After`
    while the first call runs; else the stored answer, with `Idempotent-Replayed: true`. Kept are 2xx and the command's
    own 4xx. A 422, 429 or 5xx frees the key at once (after a 5xx for the same body alone: its command resumes).

    `caller` names who calls when the principal does not, such as for guests: `fn(request, body) -> str`.
    """
    if view is None:
        return functools.partial(_mark, caller=caller)
    return _mark(view, caller=caller)


def _mark(view: View, *, caller: CallerOf | None) -> View:
    def contribute(operation: Operation) -> None:
        operation.view_func = _once(operation.view_func, caller)
        operation.openapi_extra = _documented(operation.openapi_extra)

    already = getattr(view, "_ninja_operation", None)
    if already is not None:
        contribute(already)
    else:
        view._ninja_contribute_to_operation = [  # type: ignore[attr-defined]
            *getattr(view, "_ninja_contribute_to_operation", []),
            contribute,
        ]
    view.idempotent = True  # type: ignore[attr-defined]
    return view


def _documented(extra: dict[str, Any] | None) -> dict[str, Any]:
    found = dict(extra or {})
    parameter = {
        "in": "header",
        "name": HEADER,
        "required": True,
        "description": "A UUID of the caller's making: the same call with the same key happens once",
        "schema": {"type": "string", "format": "uuid"},
    }
    found["parameters"] = [*found.get("parameters", []), parameter]
    return found


def _once(view: Callable[..., Any], caller_of: CallerOf | None) -> Callable[..., Any]:
    @functools.wraps(view)
    def once(request: Call, *args: Any, **values: Any) -> HttpResponse:
        key = _key(request)
        body = values.get("body")
        caller = hashlib.sha256((caller_of(request, body) if caller_of else _caller(request)).encode()).hexdigest()
        match = request.resolver_match
        route = f"{request.method} {match.route if match else request.path}"
        request.idempotency = Idempotency(key, hashlib.sha256(f"{caller}|{route}|{key}".encode()).hexdigest())
        claim = _claim(caller, route, key, _meaning(request))
        if isinstance(claim, HttpResponse):
            metrics.REPLAYS.labels(route).inc()
            return claim
        return _run(claim, request, lambda: view(request, *args, **values))

    return once


def _key(request: HttpRequest) -> uuid.UUID:
    given = request.headers.get(HEADER, "").strip().strip('"')
    try:
        if len(given) != 36:
            raise ValueError
        return uuid.UUID(given)
    except ValueError:
        raise IdempotencyKeyMissing() from None


def _caller(request: Call) -> str:
    return f"{request.auth.kind}:{request.auth.id}"


def _meaning(request: Call) -> str:
    """What the call asks for: where it goes and its body, whatever the order of its members."""
    document = getattr(request, "bh_document", None)
    body = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return f"{request.get_full_path()}\n{body}"


@dataclass(frozen=True, slots=True)
class _Claim:
    id: uuid.UUID
    lease: uuid.UUID


_TAKE = """
INSERT INTO bh_api_idempotencykey AS k (id, caller, route, key, fingerprint, lease, lease_until, created_at)
VALUES (%(id)s, %(caller)s, %(route)s, %(key)s, %(fingerprint)s, %(lease)s,
        clock_timestamp() + %(term)s, clock_timestamp())
ON CONFLICT (caller, route, key) DO UPDATE SET lease = EXCLUDED.lease, lease_until = EXCLUDED.lease_until
WHERE k.status IS NULL AND (k.lease IS NULL OR k.lease_until < clock_timestamp())
RETURNING id, fingerprint
"""
_LOOK = """
SELECT id, fingerprint, status, answer, extract(epoch FROM lease_until - clock_timestamp())
FROM bh_api_idempotencykey WHERE caller = %(caller)s AND route = %(route)s AND key = %(key)s
"""


def _claim(caller: str, route: str, key: uuid.UUID, meaning: str) -> _Claim | HttpResponse:
    """Take the lease, or find the answer. Raises IdempotencyKeyReused, IdempotencyInProgress."""
    lease = uuid.uuid4()
    names: dict[str, Any] = {
        "id": uuid.uuid4(),
        "caller": caller,
        "route": route,
        "key": key,
        "fingerprint": keyed_hash(meaning, "idempotency"),
        "lease": lease,
        "term": LEASE,
    }
    with connection.cursor() as cursor:
        for _ in range(3):
            cursor.execute(_TAKE, names)
            if taken := cursor.fetchone():
                claim = _Claim(taken[0], lease)
                if not hash_matches(meaning, "idempotency", taken[1]):
                    _free(claim, forget=False)
                    raise IdempotencyKeyReused()
                return claim
            cursor.execute(_LOOK, names)
            found = cursor.fetchone()
            if found is None:
                # Freed between the two statements: it can be taken now.
                continue
            if not hash_matches(meaning, "idempotency", found[1]):
                raise IdempotencyKeyReused()
            if found[2] is not None:
                return _stored(found[0], found[2], bytes(found[3]))
            break
    raise _in_progress()


def _in_progress() -> IdempotencyInProgress:
    running = IdempotencyInProgress()
    running.retry_after = 1
    return running


def _run(claim: _Claim, request: Call, run: Callable[[], Any]) -> HttpResponse:
    try:
        result = run()
        operation = request.bh_operation
        blank = operation.api.create_temporal_response(request)
        response = operation._result_to_response(request, result, blank)
        if not isinstance(response, HttpResponse):
            raise TypeError("an idempotent answer cannot be streamed")
    except BHError as error:
        if isinstance(error, Invalid) or error.status == 429:
            _free(claim, forget=True)
            raise
        if error.status >= 500:
            _free(claim, forget=False)
            raise
        response = problems.respond(error)
    except BaseException:
        _free(claim, forget=False)
        raise
    if response.status_code >= 500 or response.status_code in (422, 429):
        _free(claim, forget=response.status_code < 500)
        return response
    return _keep(claim, response)


Done = TypeVar("Done")


def _patiently(write: Callable[[], Done]) -> Done:
    """Run `write`, and once more on a new connection when the view's was lost: a restart must not keep a key leased."""
    try:
        return write()
    except (OperationalError, InterfaceError):
        if connection.in_atomic_block:
            raise
        connection.close()
        return write()


def _free(claim: _Claim, *, forget: bool) -> None:
    """Let the next call have the key; `forget` also lets it have another body. The lease ends it when this cannot."""
    mine = IdempotencyKey.objects.filter(id=claim.id, lease=claim.lease, status=None)
    try:
        _patiently(lambda: mine.delete() if forget else mine.update(lease=None, lease_until=None))
    except DatabaseError as error:
        # What the view raised is what the caller has to hear.
        log().error("idempotency_key_left_leased", exc_info=error)


def _keep(claim: _Claim, response: HttpResponse) -> HttpResponse:
    headers = {name: response[name] for name in _KEPT_HEADERS if response.has_header(name)}
    plain = json.dumps(headers).encode() + b"\n" + response.content
    sealed = seal(plain, _bound_to(claim.id))
    mine = IdempotencyKey.objects.filter(id=claim.id, lease=claim.lease, status=None)
    if _patiently(lambda: mine.update(status=response.status_code, answer=sealed, lease=None, lease_until=None)):
        return response
    # The lease ran out and somebody else took over: theirs is the answer.
    found = IdempotencyKey.objects.filter(id=claim.id, status__isnull=False).first()
    if found is None or found.status is None or found.answer is None:
        raise _in_progress()
    return _stored(found.id, found.status, bytes(found.answer))


def _stored(row: uuid.UUID, status: int, sealed: bytes) -> HttpResponse:
    head, _, body = unseal(sealed, _bound_to(row)).partition(b"\n")
    response = HttpResponse(body, status=status)
    for name, value in json.loads(head).items():
        response[name] = value
    response[REPLAYED] = "true"
    return response


def _bound_to(row: uuid.UUID) -> str:
    return f"{IdempotencyKey._meta.db_table}.answer:{row}"


def purge() -> int:
    """Delete keys older than 72 hours that nobody is working on. Returns how many."""
    old = IdempotencyKey.objects.filter(created_at__lt=clock.now() - KEPT)
    gone, _ = old.filter(lease=None).delete()
    abandoned, _ = old.filter(lease_until__lt=clock.now() - KEPT).delete()
    return gone + abandoned
