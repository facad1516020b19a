"""GET /api/v1/trust/campaign/{campaign_id}, kept in Redis for a minute."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any
from uuid import UUID

import redis.asyncio
from fastapi import APIRouter, HTTPException, Response
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from bench.peer_fastapi.house import Base, Session
from bh_sdk.wire.trust import Score as ScoreOut

router = APIRouter()
_cache = redis.asyncio.Redis.from_pool(
    redis.asyncio.BlockingConnectionPool.from_url(os.environ["REDIS_URL"], max_connections=32)
)
_SECONDS = 60


class Score(Base):
    __tablename__ = "trust_scoring_score"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    entity_id: Mapped[UUID]
    score: Mapped[float]
    rated: Mapped[bool]
    tier: Mapped[str]
    confidence: Mapped[float]
    factors: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    cap_adjustment: Mapped[float]
    trend: Mapped[float | None]
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    calculated_at: Mapped[datetime]


@router.get("/api/v1/trust/campaign/{campaign_id}", response_model=ScoreOut)
async def campaign_score(campaign_id: UUID, session: Session) -> Response | ScoreOut:
    """The score of a campaign: from the cache, else from the database and into the cache."""
    key = f"peer:score:{campaign_id}"
    if held := await _cache.get(key):
        return Response(held, media_type="application/json")
    found = await session.scalar(select(Score).where(Score.kind == "campaign", Score.entity_id == campaign_id))
    if found is None:
        raise HTTPException(404)
    answer = ScoreOut.model_validate({**vars(found), "entity_kind": found.kind})
    await _cache.set(key, answer.model_dump_json(), ex=_SECONDS)
    return answer
