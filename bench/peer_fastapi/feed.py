"""GET /api/v1/notifications/user/{user_id}."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, HTTPException, Query
from sqlalchemy import func, select, tuple_
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from bench.peer_fastapi.house import Base, Caller, Session
from bh_sdk.wire.entries import Feed, FeedItem

router = APIRouter()


class Notification(Base):
    __tablename__ = "notify_delivery_notification"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    recipient_id: Mapped[UUID]
    type: Mapped[str]
    title: Mapped[str]
    body: Mapped[str]
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    action_url: Mapped[str]
    shown_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]
    read_at: Mapped[datetime | None]
    archived_at: Mapped[datetime | None]


@router.get("/api/v1/notifications/user/{user_id}")
async def feed(
    user_id: UUID,
    caller: Caller,
    session: Session,
    unread: bool | None = None,
    type: str | None = None,
    cursor: str | None = None,
    limit: int = Query(20, ge=1, le=100),
) -> Feed:
    """One person's notifications, newest first, with how many are unread."""
    if caller != user_id:
        raise HTTPException(404)
    mine = (Notification.recipient_id == user_id) & (Notification.shown_at <= datetime.now(UTC))
    count = select(func.count()).select_from(Notification).where(mine, Notification.read_at.is_(None))
    unread_count = await session.scalar(count)
    query = select(Notification).where(mine)
    if unread is not None:
        query = query.where(Notification.read_at.is_(None) if unread else Notification.read_at.is_not(None))
    if type is not None:
        query = query.where(Notification.type == type)
    if cursor is not None:
        moment, ident = json.loads(base64.urlsafe_b64decode(cursor))
        query = query.where(
            tuple_(Notification.shown_at, Notification.id) < (datetime.fromisoformat(moment), UUID(ident))
        )
    query = query.order_by(Notification.shown_at.desc(), Notification.id.desc()).limit(limit + 1)
    found = list(await session.scalars(query))
    follow = None
    if len(found) > limit:
        found = found[:limit]
        last = json.dumps([str(found[-1].shown_at), str(found[-1].id)]).encode()
        follow = f"/api/v1/notifications/user/{user_id}?cursor={base64.urlsafe_b64encode(last).decode()}"
    items = [FeedItem.model_validate({**vars(row), "created_at": row.shown_at}) for row in found]
    return Feed(results=items, unread_count=unread_count or 0, next=follow)
