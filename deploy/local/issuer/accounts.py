"""Whom the local issuer has met: one row per principal, kept on disk."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID


@dataclass(frozen=True)
class Account:
    sub: UUID
    roles: list[str]
    email: str


class Accounts:
    """The accounts in a SQLite file; what is remembered is committed."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS account (sub TEXT PRIMARY KEY, roles TEXT NOT NULL, email TEXT NOT NULL)"
        )

    def remember(self, sub: UUID, roles: list[str] | None, email: str | None) -> Account:
        """The account of `sub` as it is after this; a new one is a donor with an invented address."""
        known = self._database.execute("SELECT roles, email FROM account WHERE sub = ?", [str(sub)]).fetchone()
        before = (
            Account(sub, json.loads(known[0]), known[1])
            if known
            else Account(sub, ["donor"], f"{sub.hex[:8]}@demo.test")
        )
        after = Account(sub, before.roles if roles is None else roles, email or before.email)
        self._database.execute(
            "INSERT INTO account VALUES (?, ?, ?)"
            " ON CONFLICT (sub) DO UPDATE SET roles = excluded.roles, email = excluded.email",
            [str(sub), json.dumps(after.roles), after.email],
        )
        return after
