"""What the peer's endpoints share, as one would write it: a session for each request, the token checked each time."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

import jwt
from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import DateTime
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

_KEY = jwt.PyJWK.from_dict(json.loads(os.environ["PEER_JWK"]))
_engine = create_async_engine(
    os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+asyncpg://"), pool_size=32, max_overflow=0
)
_sessions = async_sessionmaker(_engine, expire_on_commit=False)
_bearer = HTTPBearer()


class Base(DeclarativeBase):
    """Tables as they are; the peer reads the columns that it answers with."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: DateTime(timezone=True)}


async def _session() -> AsyncIterator[AsyncSession]:
    async with _sessions() as session:
        yield session


def _caller(given: Annotated[HTTPAuthorizationCredentials, Depends(_bearer)]) -> UUID:
    """The signed-in person. Raises 401 for a token that is not good."""
    try:
        claims: dict[str, Any] = jwt.decode(
            given.credentials,
            _KEY,
            algorithms=["ES256"],
            audience="authenticated",
            issuer=os.environ["BH_USER_ISSUER"],
        )
    except jwt.InvalidTokenError as error:
        raise HTTPException(401) from error
    return UUID(claims["sub"])


Session = Annotated[AsyncSession, Depends(_session)]
Caller = Annotated[UUID, Depends(_caller)]
