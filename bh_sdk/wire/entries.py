"""The entries of a person's feed on the wire: `/api/v1/notifications/user/{user_id}` and what is done to them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from bh_sdk.wire.base import Answer


class Together(Answer):
    """Unread entries about the same thing, one after the other, that are shown as one: the newest of them.

    `people` are the different people behind them, `names` the latest few, `summary` a line in the reader's language
    ("12 people gave to Clean water"), `members` the path to all of them.
    """

    count: int
    people: int
    names: list[str]
    first_at: datetime
    last_at: datetime
    summary: str
    members: str


class FeedItem(Answer):
    """One entry. `created_at` is since when it is in the feed; `together` is there when it stands for several."""

    id: UUID
    type: str
    title: str
    body: str
    data: dict[str, Any]
    action_url: str | None
    created_at: datetime
    seen_at: datetime | None
    read_at: datetime | None
    archived_at: datetime | None
    category: str | None = None
    group: str | None = None
    together: Together | None = None


class Feed(Answer):
    """A page, newest first. The counts are of the whole feed, whatever the filters; what is archived is in neither."""

    results: list[FeedItem]
    unread_count: int
    next: str | None
    unseen_count: int = 0


class FeedCounts(Answer):
    unread_count: int
    unseen_count: int


class ReadAll(Answer):
    """How many entries this call has marked."""

    marked: int


class StreamTicket(Answer):
    """Opens the stream at `url` once, until `expires_at`."""

    ticket: str
    expires_at: datetime
    url: str
