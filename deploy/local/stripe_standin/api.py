"""One request to `/v1`: lever, key, idempotency, parameters, work, answer. The state is committed before the
answer leaves.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import Response

from . import (
    accounts,
    balance,
    charges,
    customers,
    disputes,
    events,
    expand,
    files,
    intents,
    payment_methods,
    refunds,
    setup_intents,
    transfers,
    webhook_endpoints,
)
from .desk import Desk, Route
from .errors import StripeError
from .idempotency import Answer, Keys, fingerprint
from .keys import is_publishable, not_for_publishable
from .levers import Lever, Levers, Seen
from .params import decode, read
from .shapes import API_VERSION, Obj, new_id

if TYPE_CHECKING:
    from starlette.requests import Request

    from .courier import Courier
    from .settings import Tuning
    from .store import Store

ROUTES: list[Route] = [
    *accounts.ROUTES,
    *balance.ROUTES,
    *charges.ROUTES,
    *customers.ROUTES,
    *disputes.ROUTES,
    *events.ROUTES,
    *files.ROUTES,
    *intents.ROUTES,
    *payment_methods.ROUTES,
    *refunds.ROUTES,
    *setup_intents.ROUTES,
    *transfers.ROUTES,
    *webhook_endpoints.ROUTES,
]
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, PUT, PATCH, POST, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, Stripe-Version",
    "Access-Control-Expose-Headers": "Request-Id, Idempotent-Replayed",
}


class AnswerLostError(Exception):
    """The answer is to be lost: the connection is cut."""


@dataclass
class _Asked:
    """What is known of a request on its way through."""

    route: Route | None
    path_id: str
    request_id: str
    lever: Lever | None
    key: str | None
    replayed: bool = False


class Api:
    """Serves `/v1`."""

    def __init__(
        self, store: Store, tuning: Tuning, levers: Levers, courier: Courier, secret_keys: frozenset[str]
    ) -> None:
        self._store = store
        self._tuning = tuning
        self._levers = levers
        self._courier = courier
        self._secret_keys = secret_keys
        self._keys = Keys(store)
        self._table = [(route, re.compile("^" + re.sub(r"\{\w+\}", "([^/]+)", route.path) + "$")) for route in ROUTES]

    async def serve(self, request: Request) -> Response:
        """Answer one request. Raises AnswerLostError when a lever says so."""
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=_CORS)
        path = request.url.path
        asked = self._asked(request, path)
        lever = asked.lever
        answer = await self._answer(request, path, asked)
        if lever is not None and lever.late == "answer" and lever.late_ms:
            await asyncio.sleep(lever.late_ms / 1000)
        self._levers.note(
            Seen(
                request.method,
                path,
                asked.route.path if asked.route else "?",
                asked.key,
                answer.status,
                asked.replayed,
                asked.request_id,
                lever.id if lever else None,
            )
        )
        self._courier.poke()
        if lever is not None and lever.effect == "lose_answer":
            raise AnswerLostError
        headers = {**_CORS, "Request-Id": asked.request_id, "Stripe-Version": API_VERSION, "Cache-Control": "no-cache"}
        if asked.key is not None and request.method == "POST":
            headers["Idempotency-Key"] = asked.key
            headers["Original-Request"] = answer.request_id
            if asked.replayed:
                headers["Idempotent-Replayed"] = "true"
        return Response(answer.body, answer.status, headers, media_type="application/json")

    def _asked(self, request: Request, path: str) -> _Asked:
        route, path_id = None, ""
        for candidate, pattern in self._table:
            match = pattern.match(path) if candidate.method == request.method else None
            if match is not None:
                route, path_id = candidate, (match.groups() or ("",))[0]
                break
        lever = self._levers.take(request.method, path)
        return _Asked(route, path_id, new_id("req", 14), lever, request.headers.get("idempotency-key"))

    async def _answer(self, request: Request, path: str, asked: _Asked) -> Answer:
        lever = asked.lever
        try:
            if lever is not None and lever.effect == "rate_limit":
                raise StripeError(
                    "Request rate limit exceeded. Learn more about rate limits "
                    "https://stripe.com/docs/rate-limits.", status=429, code="rate_limit", validated=False,
                )  # fmt: skip
            if lever is not None and lever.effect == "error_before":
                raise _own_fault(500)
            publishable = is_publishable(request.headers.get("authorization"), self._secret_keys)
            if asked.route is None:
                raise StripeError(
                    f"Unrecognized request URL ({request.method}: {path}). Please see https://stripe.com/docs or we "
                    "can help at https://support.stripe.com/.", status=404, validated=False,
                )  # fmt: skip
            if publishable and not asked.route.publishable:
                raise not_for_publishable()
            raw = await _raw_params(request)
            return await self._work(request, path, asked, asked.route, raw, publishable)
        except StripeError as refusal:
            return Answer(refusal.status, _json(refusal.body(asked.request_id)), asked.request_id)

    async def _work(
        self, request: Request, path: str, asked: _Asked, route: Route, raw: Obj, publishable: bool
    ) -> Answer:
        lever, key = asked.lever, asked.key if request.method == "POST" else None
        desk = Desk(
            self._store,
            self._tuning.now,
            str(request.base_url).rstrip("/"),
            asked.request_id,
            key,
            publishable,
            asked.path_id,
        )
        slow = lever.late_ms / 1000 if lever is not None and lever.late == "work" else 0.0
        if key is None:
            params, paths = _checked(route, raw)
            if slow:
                await asyncio.sleep(slow)
            if route.method == "GET":
                answer = self._executed(desk, route, params, paths)
            else:
                with self._store.writing():
                    answer = self._executed(desk, route, params, paths)
            return _faulted(answer, lever)[1]
        print_of = fingerprint(request.method, path, raw)
        kept = self._keys.claim(key, path, print_of)
        if kept is not None:
            asked.replayed = True
            return kept
        try:
            params, paths = _checked(route, raw)
            if slow:
                await asyncio.sleep(slow)
            with self._store.writing():
                answer = self._executed(desk, route, params, paths)
                remembered, given = _faulted(answer, lever)
                if remembered is not None:
                    self._keys.keep(key, path, print_of, remembered)
            return given
        finally:
            self._keys.free(key)

    def _executed(self, desk: Desk, route: Route, params: Obj, paths: list[str]) -> Answer:
        request_id = desk.request_id or ""
        try:
            with self._store.undoable():
                answered = route.run(desk, params)
            return Answer(200, _json(expand.shown(desk, answered, paths)), request_id)
        except StripeError as refusal:
            if not refusal.validated:
                raise
            error = refusal.body(request_id)
            if "payment_intent" in error["error"]:
                error["error"]["payment_intent"] = expand.shown(desk, error["error"]["payment_intent"], [])
            return Answer(refusal.status, _json(error), request_id)


def _checked(route: Route, raw: Obj) -> tuple[Obj, list[str]]:
    params = read(route.schema, raw)
    paths: list[str] = params.pop("expand", None) or []
    expand.check(route.noun, paths, lists=route.lists)
    return params, paths


def _faulted(answer: Answer, lever: Lever | None) -> tuple[Answer | None, Answer]:
    """What the idempotency key remembers, and what is answered."""
    if lever is None or lever.effect != "error_after":
        return answer, answer
    fault = _own_fault(500 if lever.saved else 502)
    wrong = Answer(fault.status, _json(fault.body(answer.request_id)), answer.request_id)
    return (wrong if lever.saved else answer), wrong


def _own_fault(status: int) -> StripeError:
    return StripeError(
        "An unknown error occurred. Please contact support@stripe.com if this persists.", kind="api_error",
        status=status, validated=False,
    )  # fmt: skip


async def _raw_params(request: Request) -> Obj:
    if request.method != "POST":
        return decode(request.url.query)
    body = await request.body()
    content_type = request.headers.get("content-type", "application/x-www-form-urlencoded")
    kind = content_type.partition(";")[0].strip().lower()
    uploads = kind == "multipart/form-data" and request.url.path == "/v1/files"
    if len(body) > (files.LARGEST + 1_000_000 if uploads else 1_000_000):
        raise StripeError("The request body is too large.", status=413, validated=False)
    if uploads:
        return files.parts_of(content_type, body)
    if body and kind != "application/x-www-form-urlencoded":
        raise StripeError(
            f"Invalid request: content type {kind} is not supported; use application/x-www-form-urlencoded.",
            validated=False,
        )
    try:
        return decode(body.decode("utf-8"))
    except UnicodeDecodeError:
        raise StripeError("Invalid request: the body is not valid UTF-8.", validated=False) from None


def _json(value: Obj) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
