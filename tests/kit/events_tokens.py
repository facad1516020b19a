"""Tokens of other services, as this one's token endpoint would issue them."""

from __future__ import annotations

import time
from uuid import uuid4

from bh_sdk.server.ops import env
from bh_sdk.server.ops.settings import setting
from bh_sdk.tokens import sign_jwt


def bearer(client_id: str) -> dict[str, str]:
    """The headers of a call by that service."""
    now = int(time.time())
    claims = {
        "iss": setting("BH_SERVICE_URL"),
        "aud": setting("BH_SERVICE"),
        "sub": client_id,
        "client_id": client_id,
        "iat": now,
        "exp": now + 300,
        "jti": str(uuid4()),
        "scope": "",
    }
    return {"Authorization": f"Bearer {sign_jwt(claims, env.secret('BH_SIGNING_KEY'), typ='at+jwt')}"}
