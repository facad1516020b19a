"""People's feeds in memory: pages, filters, counts, and what is done to entries. Entries are never shown together."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from bh_sdk.errors import NotFound
from bh_sdk.testing.world import Asked, Route
from bh_sdk.wire import entries as wire

BASE = "/api/v1/notifications"
Slice = Callable[[Sequence[wire.FeedItem], Asked, str], tuple[list[wire.FeedItem], str | None]]


class Entries:
    """All entries by id, each with its owner."""

    def __init__(self, now: Callable[[], datetime], slice: Slice) -> None:
        self._now, self._slice = now, slice
        self.all: dict[UUID, tuple[UUID, wire.FeedItem]] = {}
        self._deleted: set[tuple[UUID, UUID]] = set()

    def routes(self) -> list[tuple[str, str, Route, bool]]:
        return [
            ("GET", f"{BASE}/user/{{}}", self._feed, False),
            ("GET", f"{BASE}/user/{{}}/counts", self._counts, False),
            ("DELETE", f"{BASE}/user/{{}}/{{}}", self._delete, False),
            ("PUT", f"{BASE}/seen/{{}}", lambda asked: self._mark(asked, "seen_at"), False),
            ("PUT", f"{BASE}/read/{{}}", lambda asked: self._mark(asked, "read_at", "seen_at"), False),
            ("DELETE", f"{BASE}/read/{{}}", lambda asked: self._mark(asked, "seen_at", clear="read_at"), False),
            ("PUT", f"{BASE}/archive/{{}}", lambda asked: self._mark(asked, "archived_at", "seen_at"), False),
            ("DELETE", f"{BASE}/archive/{{}}", lambda asked: self._mark(asked, clear="archived_at"), False),
            ("POST", f"{BASE}/seen-all", lambda asked: self._mark_all(asked, "seen_at"), False),
            ("POST", f"{BASE}/read-all", lambda asked: self._mark_all(asked, "read_at", "seen_at"), False),
            ("POST", f"{BASE}/stream-ticket", self._ticket, False),
        ]

    def add(self, owner: UUID, type: str, data: dict[str, Any], group: str | None) -> wire.FeedItem:
        item = wire.FeedItem(
            id=uuid.uuid4(),
            type=type,
            title=type,
            body="",
            data=data,
            action_url=None,
            created_at=self._now(),
            seen_at=None,
            read_at=None,
            archived_at=None,
            group=group,
        )
        self.all[item.id] = (owner, item)
        return item

    def forget(self, owner: UUID) -> None:
        """Nothing is left of a person's feed."""
        self.all = {ident: kept for ident, kept in self.all.items() if kept[0] != owner}

    def _ticket(self, asked: Asked) -> wire.StreamTicket:
        """A ticket as it would be given. There is no stream in memory: nothing listens at its address."""
        asked.caller.user()
        expires_at = self._now() + timedelta(seconds=30)
        return wire.StreamTicket(
            ticket=secrets.token_urlsafe(32), expires_at=expires_at, url=f"https://notify.invalid{BASE}/stream"
        )

    def _mine(self, asked: Asked) -> list[wire.FeedItem]:
        """The caller's, newest first."""
        return [item for owner, item in reversed(self.all.values()) if owner == asked.caller.user()]

    def _feed(self, asked: Asked) -> wire.Feed:
        user_id = _own(asked)
        mine, query = self._mine(asked), asked.query
        archived = query.get("archived") == "true"
        found = [item for item in mine if (item.archived_at is not None) == archived]
        for name, field in (("unread", "read_at"), ("unseen", "seen_at")):
            if name in query:
                found = [item for item in found if (getattr(item, field) is None) == (query[name] == "true")]
        for name in ("type", "category", "group"):
            if name in query:
                found = [item for item in found if getattr(item, name) == query[name]]
        if "since" in query:
            found = [item for item in found if item.created_at >= datetime.fromisoformat(query["since"])]
        if "until" in query:
            found = [item for item in found if item.created_at <= datetime.fromisoformat(query["until"])]
        results, following = self._slice(found, asked, f"{BASE}/user/{user_id}")
        counts = self._counts(asked)
        return wire.Feed(
            results=results, unread_count=counts.unread_count, unseen_count=counts.unseen_count, next=following
        )

    def _counts(self, asked: Asked) -> wire.FeedCounts:
        _own(asked)
        unread = [item for item in self._mine(asked) if item.read_at is None and item.archived_at is None]
        return wire.FeedCounts(unread_count=len(unread), unseen_count=sum(item.seen_at is None for item in unread))

    def _delete(self, asked: Asked) -> None:
        owner, entry = _own(asked), asked.ids[1]
        if (owner, entry) not in self._deleted:
            self._item(asked, entry)
            del self.all[entry]
            self._deleted.add((owner, entry))

    def _item(self, asked: Asked, entry: UUID) -> wire.FeedItem:
        owner, item = self.all.get(entry, (None, None))
        if item is None or owner != asked.caller.user():
            raise NotFound
        return item

    def _mark(self, asked: Asked, *names: str, clear: str = "") -> wire.FeedItem:
        item = self._item(asked, asked.ids[0])
        marks = {name: getattr(item, name) or self._now() for name in names} | ({clear: None} if clear else {})
        item = item.model_copy(update=marks)
        self.all[item.id] = (asked.caller.user(), item)
        return item

    def _mark_all(self, asked: Asked, name: str, *more: str) -> wire.ReadAll:
        owner, marked = asked.caller.user(), 0
        for item in self._mine(asked):
            if item.archived_at is None and getattr(item, name) is None:
                marks = {each: getattr(item, each) or self._now() for each in (name, *more)}
                self.all[item.id] = (owner, item.model_copy(update=marks))
                marked += 1
        return wire.ReadAll(marked=marked)


def _own(asked: Asked) -> UUID:
    if asked.caller.user() != asked.ids[0]:
        raise NotFound
    return asked.ids[0]
