"""A real SMTP server in the test's own process, which can also be told to misbehave."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP


@dataclass
class Mailbox:
    """What arrived, in order. `answers` are given to the next recipients, `verdicts` to the next letters, then 250."""

    port: int = 0
    raw: list[tuple[list[str], bytes]] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    verdicts: list[str] = field(default_factory=list)
    connections: int = 0
    # Listens to several commands at once.
    at_once: bool = True
    # Take the letter, then close the door without a word.
    vanish: bool = False
    # Take the letter, then kill this process.
    murder: int | None = None

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def mails(self) -> list[EmailMessage]:
        return [message_from_bytes(body, policy=policy.default) for _, body in self.raw]

    @property
    def message_ids(self) -> list[str]:
        return [str(mail["Message-ID"]) for mail in self.mails]

    def to(self, address: str) -> list[EmailMessage]:
        return [mail for (rcpt, _), mail in zip(self.raw, self.mails, strict=True) if address in rcpt]

    async def handle_EHLO(
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return [responses[0], *(["250-PIPELINING"] if self.at_once else []), *responses[1:]]

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        verdict = self.verdicts.pop(0) if self.verdicts else "250 OK"
        if verdict.startswith("250"):
            self.raw.append((list(envelope.rcpt_tos), bytes(envelope.content)))
        if self.vanish:
            server.transport.abort()
        if self.murder is not None:
            os.kill(self.murder, signal.SIGKILL)
        return verdict


def plain(mail: EmailMessage) -> str:
    """The text part."""
    return _part(mail, "plain")


def html(mail: EmailMessage) -> str:
    """The HTML part."""
    return _part(mail, "html")


def _part(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


@contextmanager
def running() -> Iterator[Mailbox]:
    """An SMTP server on a free port of the loopback."""
    box, ready = Mailbox(), threading.Event()
    ends: list[Callable[[], object]] = []

    async def serve() -> None:
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        server = await loop.create_server(lambda: SMTP(box, enable_SMTPUTF8=True, loop=loop), "127.0.0.1", 0)
        box.port = server.sockets[0].getsockname()[1]
        ends.append(lambda: loop.call_soon_threadsafe(over.set))
        ready.set()
        await over.wait()
        server.close()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(30), "the mail server did not start"
    try:
        yield box
    finally:
        ends[0]()
        thread.join(10)
