"""The mails that were taken in. Accepted means committed."""

from __future__ import annotations

import email
import email.policy
import json
import sqlite3
import threading
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any


class Box:
    """Mails in a SQLite file, oldest first. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        # AUTOINCREMENT: an id is never given twice, not even after the box was emptied.
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS mail (id INTEGER PRIMARY KEY AUTOINCREMENT, parsed TEXT NOT NULL)"
        )

    def accept(self, sender: str, recipients: list[str], raw: bytes) -> None:
        """Store one mail for all its envelope recipients."""
        parsed = read(sender, recipients, raw)
        with self._lock:
            self._database.execute("INSERT INTO mail (parsed) VALUES (?)", [json.dumps(parsed)])

    def messages(self) -> list[dict[str, Any]]:
        """Every mail as `{id, to, from, subject, headers, text, html, received_at}`."""
        with self._lock:
            rows = self._database.execute("SELECT id, parsed FROM mail ORDER BY id").fetchall()
        return [{"id": str(number)} | json.loads(parsed) for number, parsed in rows]

    def empty(self) -> None:
        with self._lock:
            self._database.execute("DELETE FROM mail")


def read(sender: str, recipients: list[str], raw: bytes) -> dict[str, Any]:
    """Take a mail apart; `to` is the envelope's, so blind copies show. A header that repeats is joined by newlines."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    headers: dict[str, str] = {}
    for name, value in message.items():
        headers[name] = f"{headers[name]}\n{value}" if name in headers else str(value)
    return {
        "to": recipients,
        "from": sender,
        "subject": str(message.get("Subject", "")),
        "headers": headers,
        "text": _body(message, "plain"),
        "html": _body(message, "html"),
        "received_at": datetime.now(UTC).isoformat(),
    }


def _body(message: EmailMessage, kind: str) -> str | None:
    part = message.get_body((kind,))
    if part is None:
        return None
    content = part.get_content()
    return content if isinstance(content, str) else None
