"""Signed tokens for tests, and the issuer's keys where the verifiers look for them. No network.

    from tests.tokens import bearer, service_token, user_token

    client.get("/api/v1/…", headers=bearer(user_token(roles=["finance"])))
    client.get("/api/v1/…", headers=bearer(service_token("monolith")))

The keys are those that the test run made for itself (`BH_TEST_STATE`); nothing here is worth stealing.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from bh_sdk.tokens import jwk_of, sign_jwt

ISSUER_KEY = "issuer"


@cache
def key_of(name: str) -> str:
    """The private key (PEM) of `issuer`, `payments`, `trust`, `notify` or `monolith` in this run."""
    return (Path(os.environ["BH_TEST_STATE"]) / "keys" / f"{name}.pem").read_text()


def user_token(sub: uuid.UUID | str | None = None, roles: Iterable[str] = (), *, key: str = "", **claims: Any) -> str:
    """A token of a signed-in person as Supabase Auth writes it. `claims` replace or, when None, remove."""
    now = int(time.time())
    ours: dict[str, Any] = {
        "iss": os.environ["BH_USER_ISSUER"],
        "aud": "authenticated",
        "sub": str(sub or uuid.uuid4()),
        "iat": now,
        "exp": now + 3600,
        "role": "authenticated",
        "aal": "aal1",
        "session_id": str(uuid.uuid4()),
        "is_anonymous": False,
        "app_metadata": {"provider": "email", "roles": list(roles)},
        "user_metadata": {},
    }
    return sign_jwt(_with(ours, claims), key or key_of(ISSUER_KEY))


def service_token(client_id: str, *, service: str = "", key: str = "", typ: str = "at+jwt", **claims: Any) -> str:
    """A token that the service under test gave to `client_id`, as its `/oauth2/token` does."""
    now = int(time.time())
    ours: dict[str, Any] = {
        "iss": os.environ["BH_SERVICE_URL"],
        "aud": service or os.environ["BH_SERVICE"],
        "sub": client_id,
        "client_id": client_id,
        "iat": now,
        "exp": now + 300,
        "jti": str(uuid.uuid4()),
        "scope": "",
    }
    return sign_jwt(_with(ours, claims), key or Path(os.environ["BH_SIGNING_KEY_FILE"]).read_text(), typ=typ)


def bearer(token: str) -> dict[str, str]:
    """The header that carries it."""
    return {"Authorization": f"Bearer {token}"}


def _with(claims: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (claims | dict(changes)).items() if value is not None}


def _hand_out_keys() -> None:
    """Before any verifier is built: the issuer's keys as a document, so that nobody goes to fetch them.

    And a process that looks at every change when it is asked, so that no test waits for a second to pass.
    """
    os.environ["BH_USER_JWKS"] = json.dumps({"keys": [jwk_of(key_of(ISSUER_KEY))]})
    os.environ["BH_ACCESS_POLL_SECONDS"] = "0"


_hand_out_keys()
