"""The browsers and apps on which a person wants to be told: `/api/v1/notifications/subscribe`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from bh_sdk.wire.base import Answer, Ask

# Base64, url-safe or not, padded or not: browsers and libraries write all four.
Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/_-]{20,120}={0,2}$")]
Token = Annotated[
    str,
    StringConstraints(min_length=8, max_length=4096, pattern=r"^[A-Za-z0-9_:.-]+$"),
    Field(examples=["dXJ1dGg:APA91bHun4MxP5egoKMwt2KZFBaFUH"]),
]
Endpoint = Annotated[str, StringConstraints(max_length=2048, pattern=r"^https?://[!-~]+$")]
# The year 3000; what is beyond no calendar of a browser shows.
_MILLISECONDS = Annotated[float, Field(ge=0, le=32_503_680_000_000)]


class PushKeys(Ask):
    """What messages to a browser are encrypted for."""

    p256dh: Key
    auth: Key


class NameDevice(Ask):
    """A browser by its endpoint, or an app by its token."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["token"]}, {"required": ["endpoint"]}]})

    endpoint: Endpoint | None = None
    token: Token | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.endpoint is None) == (self.token is None):
            raise ValueError("name an endpoint or a token, not both")
        return self


class Subscribe(NameDevice):
    """A browser's subscription, letter for letter what its `toJSON()` says; or an app's FCM `token`."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["token"]}, {"required": ["endpoint", "keys"]}]}
    )

    keys: PushKeys | None = None
    # In milliseconds since 1970, as browsers count.
    expirationTime: _MILLISECONDS | int | None = None  # noqa: N815 - the browsers' word

    @model_validator(mode="after")
    def _keyed(self) -> Self:
        if (self.endpoint is None) != (self.keys is None):
            raise ValueError("an endpoint comes with its keys, a token without")
        return self


class Device(Answer):
    """One device of the caller, without its address and keys. `service` is the host that carries its pushes."""

    device_id: UUID
    kind: Literal["fcm", "webpush"]
    service: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime | None


class Devices(Answer):
    results: list[Device]


class PushKey(Answer):
    """What a browser needs to subscribe, as its `applicationServerKey`."""

    public_key: str
