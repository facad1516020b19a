"""The two pages a browser may open: the bank's question (3D Secure) and a receipt.

Source: "3D Secure redirect" (docs.stripe.com/payments/3d-secure/authentication-flow):
`next_action.redirect_to_url.url`, then back to `return_url` with `payment_intent`,
`payment_intent_client_secret` and `redirect_status` (for a setup intent `setup_intent` and its secret).
"""

from __future__ import annotations

import hmac
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route as HttpRoute

from . import amounts, attempts, setup_intents
from .desk import Desk
from .errors import StripeError

if TYPE_CHECKING:
    from starlette.requests import Request

    from .courier import Courier
    from .settings import Tuning
    from .shapes import Obj
    from .store import Store

_FRAME = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width"><style>body{{font:16px system-ui;max-width:32rem;margin:4rem auto;
padding:0 1rem}}button{{font:inherit;padding:.6rem 1.2rem;margin-right:.5rem}}</style><h1>{title}</h1>{body}</html>"""


class Pages:
    """Serves `/authenticate/{id}` and `/receipts/{id}`."""

    def __init__(self, store: Store, tuning: Tuning, courier: Courier) -> None:
        self._store = store
        self._tuning = tuning
        self._courier = courier

    def routes(self) -> list[HttpRoute]:
        """Both pages."""
        return [
            HttpRoute("/authenticate/{id}", self._question, methods=["GET"]),
            HttpRoute("/authenticate/{id}", self._answer, methods=["POST"]),
            HttpRoute("/receipts/{id}", self._receipt, methods=["GET"]),
        ]

    def _intent(self, request: Request) -> Obj | None:
        """The payment or setup intent of the address, for whoever knows its secret."""
        wanted = request.path_params["id"]
        intent = self._store.find("setup_intent" if wanted.startswith("seti_") else "payment_intent", wanted)
        secret = request.query_params.get("client_secret", "")
        known = intent is not None and hmac.compare_digest(secret.encode(), intent["client_secret"].encode())
        return intent if known else None

    async def _question(self, request: Request) -> Response:
        intent = self._intent(request)
        if intent is None:
            return _page("Unknown payment", "<p>There is no such payment.</p>", 404)
        if intent["status"] != "requires_action":
            return _page("Nothing to do", f"<p>This payment is {escape(intent['status'])}.</p>")
        wish = "save this card"
        if intent["object"] == "payment_intent":
            wish = f"pay {amounts.plainly(intent['amount'], intent['currency'])} {intent['currency'].upper()}"
        return _page(
            "3D Secure 2 test page",
            f"<p>Your bank asks: do you want to {escape(wish)}?</p>"
            '<form method="post"><button name="result" value="complete">Complete</button>'
            '<button name="result" value="fail">Fail</button></form>',
        )

    async def _answer(self, request: Request) -> Response:
        intent = self._intent(request)
        if intent is None:
            return _page("Unknown payment", "<p>There is no such payment.</p>", 404)
        result = parse_qs((await request.body()).decode("utf-8", "replace")).get("result", [""])[0]
        if result not in ("complete", "fail"):
            return _page("What was the answer?", "<p>result is complete or fail.</p>", 400)
        desk = Desk(self._store, self._tuning.now, str(request.base_url).rstrip("/"))
        noun = intent["object"]
        authenticated = setup_intents.authenticated if noun == "setup_intent" else attempts.authenticated
        with self._store.writing():
            try:
                with self._store.undoable():
                    authenticated(desk, intent, passed=result == "complete")
            except StripeError as refusal:
                if not refusal.keeps_work:
                    return _page("Nothing to do", f"<p>{escape(str(refusal))}</p>", 409)
        self._courier.poke()
        intent = self._store.find(noun, intent["id"]) or intent
        succeeded = intent["status"] in ("succeeded", "requires_capture", "processing")
        status = "succeeded" if succeeded else "failed"
        back = intent.get("_return_url")
        if not back:
            return JSONResponse({"id": intent["id"], "status": intent["status"]})
        parts = urlsplit(back)
        query = urlencode(
            {
                noun: intent["id"],
                f"{noun}_client_secret": intent["client_secret"],
                "redirect_status": status,
            }
        )
        joined = f"{parts.query}&{query}" if parts.query else query
        return RedirectResponse(urlunsplit(parts._replace(query=joined)), 303)

    async def _receipt(self, request: Request) -> Response:
        charge = self._store.find("charge", request.path_params["id"])
        if charge is None:
            return _page("Unknown receipt", "<p>There is no such receipt.</p>", 404)
        amount = escape(amounts.plainly(charge["amount"], charge["currency"]))
        return _page("Receipt", f"<p>{amount} {escape(charge['currency'].upper())}, {escape(charge['id'])}</p>")


def _page(title: str, body: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(_FRAME.format(title=escape(title), body=body), status)
