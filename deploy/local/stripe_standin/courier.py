"""Delivers webhooks and runs what is due. Sources: "Receive Stripe events" (docs.stripe.com/webhooks: signatures,
at least once, no order, retries with exponential backoff for three days).
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import ssl
import time
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .desk import Desk
from .events import DONE, GIVEN_UP, WAITING, shown

if TYPE_CHECKING:
    from .settings import Tuning
    from .shapes import Obj
    from .store import Store

Timer = Callable[[Desk, str], object]


def signature(secret: str, body: bytes, moment: int) -> str:
    """The `Stripe-Signature` header. Source: "Verify manually" (docs.stripe.com/webhooks#verify-manually)."""
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


class Courier:
    """One task that looks for what is due, and one task for each delivery under way."""

    def __init__(self, store: Store, tuning: Tuning, base_url: str, timers: dict[str, Timer]) -> None:
        self._store = store
        self._tuning = tuning
        self._base_url = base_url
        self._timers = timers
        self._wake = asyncio.Event()
        self._away: dict[int, asyncio.Task[None]] = {}

    def poke(self) -> None:
        """Something new may be due."""
        self._wake.set()

    @property
    def under_way(self) -> int:
        """Deliveries on the road right now."""
        return len(self._away)

    async def run(self) -> None:
        """Until cancelled. What is cancelled on the road stays in the queue and is delivered again."""
        try:
            while True:
                self._wake.clear()
                self._run_timers()
                self._send_due()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), self._pause())
        finally:
            for task in self._away.values():
                task.cancel()

    def _run_timers(self) -> None:
        for seq, what, object_id in self._store.rows(
            "SELECT seq, what, object FROM timer WHERE due <= ? ORDER BY due, seq", (time.time(),)
        ):
            with self._store.writing():
                self._store.run("DELETE FROM timer WHERE seq = ?", (seq,))
                self._timers[what](Desk(self._store, self._tuning.now, self._base_url), object_id)

    def _send_due(self) -> None:
        settings = self._tuning.now
        if not settings.webhooks_running:
            return
        free = settings.webhooks_at_once - len(self._away)
        if free <= 0:
            return
        rows = self._store.rows(
            "SELECT seq, event, endpoint, attempts, created FROM delivery WHERE state = ? AND due <= ? "
            "ORDER BY due, seq LIMIT ?",
            (WAITING, time.time(), free + len(self._away)),
        )
        for seq, event, endpoint, attempts, created in rows:
            if seq not in self._away and free > 0:
                free -= 1
                task = asyncio.create_task(self._deliver(seq, event, endpoint, attempts, created))
                self._away[seq] = task

    def _pause(self) -> float:
        """Seconds until the next thing is due; at most a minute."""
        moments = [row[0] for row in self._store.rows("SELECT min(due) FROM timer") if row[0] is not None]
        if self._tuning.now.webhooks_running and len(self._away) < self._tuning.now.webhooks_at_once:
            marks = ",".join("?" * len(self._away))
            moments += [
                row[0]
                for row in self._store.rows(
                    f"SELECT min(due) FROM delivery WHERE state = ? AND seq NOT IN ({marks})",  # noqa: S608 - marks
                    (WAITING, *self._away),
                )
                if row[0] is not None
            ]
        return max(0.0, min([60.0, *(float(moment) - time.time() for moment in moments)]))

    async def _deliver(self, seq: int, event_id: str, endpoint_id: str, attempts: int, created: int) -> None:
        try:
            endpoint = self._store.find("webhook_endpoint", endpoint_id)
            event = self._store.find("event", event_id)
            if endpoint is None or event is None or endpoint["status"] != "enabled":
                self._store.run("DELETE FROM delivery WHERE seq = ?", (seq,))
                return
            body = json.dumps(shown(Desk(self._store, self._tuning.now, self._base_url), event), indent=2).encode()
            status = await self._post(endpoint, body)
            self._book(seq, status, attempts + 1, created)
        finally:
            del self._away[seq]
            self.poke()

    def _book(self, seq: int, status: int, attempts: int, created: int) -> None:
        settings = self._tuning.now
        if 200 <= status < 300:
            state, due = DONE, time.time()
        else:
            wait = min(settings.retry_cap, settings.retry_base * 2 ** min(attempts - 1, 30))
            due = time.time() + wait
            state = WAITING if due - created < settings.retry_for else GIVEN_UP
        self._store.run(
            "UPDATE delivery SET state = ?, due = ?, attempts = ?, last_status = ? WHERE seq = ?",
            (state, due, attempts, status, seq),
        )

    async def _post(self, endpoint: Obj, body: bytes) -> int:
        """The status the endpoint answers, 0 when it does not answer."""
        try:
            return await asyncio.wait_for(_send(endpoint, body), self._tuning.now.webhook_timeout)
        except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
            return 0


async def _send(endpoint: Obj, body: bytes) -> int:
    parts = urlsplit(endpoint["url"])
    secure = ssl.create_default_context() if parts.scheme == "https" else None
    port = parts.port or (443 if secure else 80)
    reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=secure)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        head = (
            f"POST {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nUser-Agent: Stripe/1.0 (+https://stripe.com/docs/webhooks)"
            f"\r\nAccept: */*; q=0.5, application/xml\r\nCache-Control: no-cache\r\nConnection: close\r\n"
            f"Content-Type: application/json; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
            f"Stripe-Signature: {signature(endpoint['_secret'], body, int(time.time()))}\r\n\r\n"
        )
        writer.write(head.encode("ascii") + body)
        await writer.drain()
        line = await reader.readline()
        words = line.split()
        if len(words) < 2 or not words[0].startswith(b"HTTP/"):
            return 0
        await reader.read(65_536)
        return int(words[1])
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
