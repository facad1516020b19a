"""An SMTP door that takes everything, a push service for browsers made here, and an HTTP door to look at both."""

from __future__ import annotations

import asyncio
import html
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from deploy.local.mail_sink.box import Box
from deploy.local.mail_sink.pushes import Pushes

STYLE = """
body { font: 15px sans-serif; max-width: 60rem; margin: 2rem auto }
details { border-top: 1px solid #ccc; padding: .6rem }
iframe { width: 100%; height: 30rem; border: 0 }
pre { white-space: pre-wrap }
"""


# Take the letter and hang up without a word.
LOSE = "lose"


class Taker:
    """What aiosmtpd calls for each mail."""

    def __init__(self, box: Box, troubles: list[str]) -> None:
        self._box = box
        self._troubles = troubles

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd's name)
        trouble = self._troubles.pop(0) if self._troubles else ""
        if trouble and trouble != LOSE:
            return trouble
        content = envelope.content or b""
        raw = content.encode() if isinstance(content, str) else content
        await asyncio.to_thread(self._box.accept, envelope.mail_from or "", list(envelope.rcpt_tos), raw)
        if trouble == LOSE and isinstance(server.transport, asyncio.WriteTransport):
            server.transport.abort()
        return "250 Kept"


def make_app(*, smtp_port: int, state: Path) -> Starlette:
    """The HTTP application; the SMTP server lives as long as it does."""
    box, pushes = Box(state / "mail.sqlite3"), Pushes(state / "pushes.sqlite3")
    # What the next letters are answered, for tests; one that is ended has forgotten them.
    troubles: list[str] = []

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: SMTP(Taker(box, troubles), hostname="mail.demo.test", enable_SMTPUTF8=True, loop=loop),
            "127.0.0.1",
            smtp_port,
        )
        yield
        server.close()
        await server.wait_closed()

    def messages(_request: Request) -> Response:
        return JSONResponse(box.messages())

    def delete(_request: Request) -> Response:
        box.empty()
        return Response(status_code=204)

    def browser(request: Request) -> Response:
        return JSONResponse(pushes.browser(str(request.base_url).rstrip("/")), status_code=201)

    async def push(request: Request) -> Response:
        body, name = await request.body(), request.path_params["name"]
        return Response(status_code=await asyncio.to_thread(pushes.take, name, dict(request.headers), body))

    def shown(_request: Request) -> Response:
        return JSONResponse(pushes.shown())

    def forget(_request: Request) -> Response:
        pushes.empty()
        return Response(status_code=204)

    async def trouble(request: Request) -> Response:
        asked = await request.json()
        if not isinstance(asked, list) or not all(isinstance(one, str) for one in asked):
            return JSONResponse({"detail": "a list of answers, such as 451 later, or lose"}, status_code=422)
        troubles.extend(asked)
        return Response(status_code=204)

    def page(_request: Request) -> Response:
        return HTMLResponse(
            _page(box, pushes),
            headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:"},
        )

    def ready(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    routes = [
        Route("/", page),
        Route("/messages", messages, methods=["GET"]),
        Route("/messages", delete, methods=["DELETE"]),
        Route("/push/browsers", browser, methods=["POST"]),
        Route("/push/{name}", push, methods=["POST"]),
        Route("/pushes", shown, methods=["GET"]),
        Route("/pushes", forget, methods=["DELETE"]),
        Route("/trouble", trouble, methods=["POST"]),
        Route("/readyz", ready),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


def _page(box: Box, pushes: Pushes) -> str:
    mails = [
        f"<details><summary><b>{html.escape(mail['subject'])}</b> to {html.escape(', '.join(mail['to']))}"
        f" <small>{html.escape(mail['received_at'][:19])}</small></summary>"
        + (f'<iframe sandbox srcdoc="{html.escape(mail["html"])}"></iframe>' if mail["html"] else "")
        + f"<pre>{html.escape(mail['text'] or '')}</pre></details>"
        for mail in reversed(box.messages())
    ]
    heading = f"<h1>{len(mails)} mails</h1><p>Nothing left this machine. As JSON: <a href='/messages'>/messages</a></p>"
    rung = [
        f"<li><b>{html.escape(str(one['shown'].get('title')))}</b> {html.escape(str(one['shown'].get('body')))}</li>"
        for one in reversed(pushes.shown())
    ]
    heading += f"<h2>{len(rung)} pushes</h2><ul>{''.join(rung)}</ul>" if rung else ""
    return f"<!doctype html><meta charset=utf-8><title>Mail</title><style>{STYLE}</style>{heading}{''.join(mails)}"
