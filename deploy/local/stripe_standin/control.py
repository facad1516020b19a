"""The control door, `/_standin/`: levers, webhooks, refunds, disputes, reset. JSON in, JSON out. Not part of Stripe."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route as HttpRoute

from . import accounts, attempts, balance, disputes, refunds, transfers, webhook_endpoints
from .desk import Desk
from .errors import StripeError
from .events import HELD, WAITING, queue
from .levers import Lever, Levers
from .shapes import Obj, public
from .store import NOUNS, Store

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from .courier import Courier
    from .settings import Tuning


class UnknownThingError(Exception):
    """The control door was asked for something that is not there."""


def _only(body: Obj, *names: str) -> Obj:
    unknown = sorted(set(body) - set(names))
    if unknown:
        raise ValueError(f"unknown: {', '.join(unknown)}; known: {', '.join(names)}")
    return body


class Control:
    """Serves `/_standin/`."""

    def __init__(self, store: Store, tuning: Tuning, levers: Levers, courier: Courier) -> None:
        self._store = store
        self._tuning = tuning
        self._levers = levers
        self._courier = courier

    def routes(self) -> list[HttpRoute]:
        """All addresses of the door."""
        table: list[tuple[str, str, Callable[[Request, Obj], Any]]] = [
            ("GET", "/readyz", lambda _request, _body: {"ok": True}),
            ("GET", "/_standin/health", self._health),
            ("POST", "/_standin/levers", self._set_levers),
            ("GET", "/_standin/levers", lambda _request, _body: {"levers": self._levers.shown()}),
            ("DELETE", "/_standin/levers", self._release_levers),
            ("GET", "/_standin/requests", self._requests),
            ("DELETE", "/_standin/requests", self._forget_requests),
            ("GET", "/_standin/settings", lambda _request, _body: self._tuning.shown()),
            ("POST", "/_standin/settings", self._change_settings),
            ("DELETE", "/_standin/settings", self._default_settings),
            ("POST", "/_standin/webhook_endpoints", self._register),
            ("GET", "/_standin/webhooks", self._webhooks),
            ("POST", "/_standin/webhooks/release", self._release_webhooks),
            ("POST", "/_standin/events/{id}/redeliver", self._redeliver),
            ("POST", "/_standin/refunds/{id}", self._settle_refund),
            ("POST", "/_standin/payment_intents/{id}/settle", self._settle_debit),
            ("POST", "/_standin/charges/{id}/dispute", self._dispute),
            ("POST", "/_standin/disputes/{id}", self._decide),
            ("POST", "/_standin/payouts", self._pay_out),
            ("POST", "/_standin/accounts/{id}", self._change_account),
            ("POST", "/_standin/transfers/{id}/reverse", self._reverse),
            ("POST", "/_standin/reset", self._reset),
        ]
        return [HttpRoute(path, self._door(run), methods=[method]) for method, path, run in table]

    def _door(self, run: Callable[[Request, Obj], Any]) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            try:
                body = await request.json() if await request.body() else {}
                if not isinstance(body, dict | list):
                    raise TypeError("the body is a JSON object")
                with self._store.writing():
                    answer = run(request, body if isinstance(body, dict) else {"levers": body})
            except UnknownThingError as unknown:
                return JSONResponse({"error": str(unknown)}, 404)
            except StripeError as refusal:
                return JSONResponse({"error": str(refusal)}, 400)
            except (ValueError, TypeError) as wrong:
                return JSONResponse({"error": str(wrong)}, 400)
            self._courier.poke()
            return JSONResponse(answer)

        return serve

    def _desk(self) -> Desk:
        return Desk(self._store, self._tuning.now, "")

    def _find(self, noun: str, request: Request) -> Obj:
        object_id = request.path_params["id"]
        found = self._store.find(noun, object_id)
        if found is None:
            raise UnknownThingError(f"no {noun} {object_id}")
        return found

    def _health(self, _request: Request, _body: Obj) -> Obj:
        return {"ok": True, "objects": {noun: self._store.count(noun) for noun in NOUNS}}

    def _set_levers(self, _request: Request, body: Obj) -> Obj:
        given = body.get("levers", [body])
        names = ("method", "path", "times", "effect", "late_ms", "late", "saved")
        made = [Lever(**_only(dict(one), *names)) for one in given]
        self._levers.set.extend(made)
        return {"levers": self._levers.shown()}

    def _release_levers(self, _request: Request, _body: Obj) -> Obj:
        self._levers.set.clear()
        return {"levers": []}

    def _requests(self, request: Request, _body: Obj) -> Obj:
        query = request.query_params
        return self._levers.report(query.get("path", "*"), query.get("method", "*"))

    def _forget_requests(self, _request: Request, _body: Obj) -> Obj:
        self._levers.seen.clear()
        self._levers.counts.clear()
        return self._levers.report()

    def _change_settings(self, _request: Request, body: Obj) -> Obj:
        self._tuning.change(body)
        return self._tuning.shown()

    def _default_settings(self, _request: Request, _body: Obj) -> Obj:
        self._tuning.back_to_default()
        return self._tuning.shown()

    def _register(self, _request: Request, body: Obj) -> Obj:
        given = _only(body, "url", "secret", "enabled_events")
        if not isinstance(given.get("url"), str) or not given["url"].startswith(("http://", "https://")):
            raise ValueError("url is an http address")
        return register_once(self._desk(), given["url"], given.get("secret"), given.get("enabled_events", ["*"]))

    def _webhooks(self, _request: Request, _body: Obj) -> Obj:
        rows = self._store.rows(
            "SELECT d.seq, d.event, json_extract(e.body, '$.type'), d.endpoint, d.state, d.attempts, d.last_status, "
            "d.due FROM delivery d JOIN event e ON e.id = d.event ORDER BY d.seq DESC LIMIT 1000"
        )
        names = ("id", "event", "type", "endpoint", "state", "attempts", "last_status", "due")
        counts = dict(self._store.rows("SELECT state, count(*) FROM delivery GROUP BY state"))
        deliveries = [dict(zip(names, row, strict=True)) for row in rows]
        return {"counts": counts, "under_way": self._courier.under_way, "deliveries": deliveries}

    def _release_webhooks(self, _request: Request, body: Obj) -> Obj:
        """Let held and waiting deliveries go: `order` is "as_is", "reversed" or "shuffled" (with `seed`)."""
        given = _only(body, "order", "seed", "types", "limit")
        order = given.get("order", "as_is")
        if order not in ("as_is", "reversed", "shuffled"):
            raise ValueError("order is as_is, reversed or shuffled")
        rows = self._store.rows(
            "SELECT d.seq, json_extract(e.body, '$.type') FROM delivery d JOIN event e ON e.id = d.event "
            "WHERE d.state = ? ORDER BY d.seq",
            (HELD,),
        )
        chosen = [seq for seq, kind in rows if "types" not in given or kind in given["types"]]
        if order == "reversed":
            chosen.reverse()
        elif order == "shuffled":
            random.Random(given.get("seed")).shuffle(chosen)  # noqa: S311 - an order, not a secret
        chosen = chosen[: given.get("limit", len(chosen))]
        start = time.time() - 1
        for place, seq in enumerate(chosen):
            self._store.run(
                "UPDATE delivery SET state = ?, due = ? WHERE seq = ?", (WAITING, start + place * 1e-5, seq)
            )
        return {"released": len(chosen)}

    def _redeliver(self, request: Request, body: Obj) -> Obj:
        event = self._find("event", request)
        given = _only(body, "endpoint", "copies")
        endpoints = self._store.every("webhook_endpoint")
        wanted = [one for one in endpoints if given.get("endpoint") in (None, one["id"], one["url"])]
        if not wanted:
            raise UnknownThingError("no such webhook endpoint")
        for endpoint in wanted:
            for _ in range(given.get("copies", 1)):
                queue(self._desk(), event["id"], endpoint["id"], at_once=True)
        return {"queued": len(wanted) * given.get("copies", 1)}

    def _settle_refund(self, request: Request, body: Obj) -> Obj:
        refund = self._find("refund", request)
        given = _only(body, "status", "failure_reason")
        if given.get("status") not in ("succeeded", "failed", "canceled", "requires_action", "pending"):
            raise ValueError("status is succeeded, failed, canceled, requires_action or pending")
        reason = given.get("failure_reason", "expired_or_canceled_card")
        return public(refunds.settle(self._desk(), refund, given["status"], reason))

    def _settle_debit(self, request: Request, body: Obj) -> Obj:
        intent = self._find("payment_intent", request)
        _only(body)
        if intent["status"] != "processing":
            raise ValueError("only a debit that is processing can be settled")
        attempts.settle_debit(self._desk(), intent["id"])
        return public(self._find("payment_intent", request))

    def _dispute(self, request: Request, body: Obj) -> Obj:
        charge = self._find("charge", request)
        given = _only(body, "reason", "amount", "inquiry")
        reason, amount = given.get("reason", "fraudulent"), given.get("amount")
        if reason not in disputes.REASONS:
            raise ValueError(f"reason is one of {', '.join(disputes.REASONS)}")
        if charge["status"] != "succeeded" or not charge["captured"]:
            raise ValueError("only a captured charge can be disputed")
        if amount is not None and not 0 < amount <= charge["amount"]:
            raise ValueError("amount is between 1 and the charge's amount")
        return public(
            disputes.open_dispute(
                self._desk(), charge, reason=reason, amount=amount, inquiry=bool(given.get("inquiry"))
            )
        )

    def _decide(self, request: Request, body: Obj) -> Obj:
        dispute = self._find("dispute", request)
        if _only(body, "status").get("status") not in ("won", "lost", "warning_closed", "past_due"):
            raise ValueError("status is won, lost, warning_closed or past_due")
        if body["status"] == "past_due":
            return public(disputes.pass_deadline(self._desk(), dispute))
        return public(disputes.decide(self._desk(), dispute, body["status"]))

    def _pay_out(self, _request: Request, body: Obj) -> Obj:
        return public(balance.pay_out(self._desk(), str(_only(body, "currency").get("currency", "usd"))))

    def _change_account(self, request: Request, body: Obj) -> Obj:
        account = self._find("account", request)
        if _only(body, "transfers").get("transfers") not in accounts.CAPABILITY:
            raise ValueError(f"transfers is one of {', '.join(accounts.CAPABILITY)}")
        return public(accounts.change(self._desk(), account, body["transfers"]))

    def _reverse(self, request: Request, body: Obj) -> Obj:
        """As somebody does it in Stripe's Dashboard."""
        return public(transfers.reverse(self._desk(), self._find("transfer", request), _only(body, "amount")))

    def _reset(self, _request: Request, body: Obj) -> Obj:
        """Forget all objects, answers, levers and settings. Webhook endpoints stay unless `endpoints` is true."""
        given = _only(body, "endpoints")
        self._store.clear()
        self._levers.clear()
        self._tuning.back_to_default()
        if given.get("endpoints"):
            for endpoint in self._store.every("webhook_endpoint"):
                webhook_endpoints.remove(self._desk(), endpoint["id"])
        return {"ok": True}


def register_once(desk: Desk, address: str, secret: str | None, enabled_events: list[str]) -> Obj:
    """The endpoint for this address, added or brought up to date."""
    for endpoint in desk.store.every("webhook_endpoint"):
        if endpoint["url"] == address:
            endpoint["enabled_events"], endpoint["status"] = enabled_events, "enabled"
            endpoint["_secret"] = secret or endpoint["_secret"]
            desk.store.save("webhook_endpoint", endpoint)
            return {**public(endpoint), "secret": endpoint["_secret"]}
    made = webhook_endpoints.register(desk, address, enabled_events, secret=secret)
    return {**public(made), "secret": made["_secret"]}
