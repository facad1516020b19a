"""Callers with real signed tokens, and evidence to send."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.http import HttpResponseBase
from django.test import Client

from bh_sdk.tokens import jwk_of, sign_jwt
from deploy.local.issuer.tokens import user_token

KEYS = Path(os.environ["BH_SIGNING_KEY_FILE"]).parent


def person_token(sub: UUID, *roles: str) -> str:
    return user_token(KEYS / "issuer.pem", os.environ["BH_USER_ISSUER"], sub, list(roles) or ["donor"])


def service_token(client_id: str) -> str:
    now = int(time.time())
    claims = {
        "iss": os.environ["BH_SERVICE_URL"],
        "aud": "trust",
        "sub": client_id,
        "client_id": client_id,
        "iat": now,
        "exp": now + 300,
        "jti": str(uuid.uuid4()),
        "scope": "",
    }
    return sign_jwt(claims, Path(os.environ["BH_SIGNING_KEY_FILE"]).read_text(), typ="at+jwt")


@dataclass
class Caller:
    """Somebody who calls `/api/v1…` with a token, or with none."""

    token: str | None = None
    id: UUID = field(default_factory=uuid.uuid4)

    def send(self, method: str, path: str, body: Any = None) -> Any:
        return self._send(method, path, None if body is None else json.dumps(body), {})

    def get(self, path: str, **headers: str) -> Any:
        return self._send("GET", path, None, headers)

    def post(self, path: str, body: Any) -> Any:
        return self._send("POST", path, json.dumps(body), {})

    def put(self, path: str, body: Any) -> Any:
        return self._send("PUT", path, json.dumps(body), {})

    def post_text(self, path: str, text: str | bytes) -> Any:
        return self._send("POST", path, text, {})

    def _send(self, method: str, path: str, body: str | bytes | None, headers: dict[str, str]) -> HttpResponseBase:
        if self.token is not None:
            headers = {"Authorization": f"Bearer {self.token}"} | headers
        return Client(raise_request_exception=False).generic(
            method, f"/api/v1{path}", body or "", "application/json", headers=headers
        )


def person(*roles: str, id: UUID | None = None) -> Caller:
    """A signed-in person with these roles (donor when none is named)."""
    sub = id or uuid.uuid4()
    return Caller(person_token(sub, *roles), sub)


@pytest.fixture(autouse=True, scope="session")
def issuer_keys() -> Iterator[None]:
    """The issuer's public key, without an issuer to ask."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BH_USER_JWKS", json.dumps({"keys": [jwk_of((KEYS / "issuer.pem").read_text())]}))
        yield


@pytest.fixture
def nobody() -> Caller:
    return Caller()


@pytest.fixture
def monolith() -> Caller:
    return Caller(service_token("monolith"))


@pytest.fixture
def payments() -> Caller:
    return Caller(service_token("payments"))


@pytest.fixture
def notify() -> Caller:
    return Caller(service_token("notify"))


@pytest.fixture
def analyst() -> Caller:
    return person("analyst")


@pytest.fixture
def donor() -> Caller:
    return person("donor")


@pytest.fixture
def moved_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Move the service's clock by so many seconds: `moved_clock(2)`."""
    file = tmp_path / "clock"
    monkeypatch.setenv("BH_CLOCK_FILE", str(file))
    total = 0.0

    def move(seconds: float) -> None:
        nonlocal total
        total += seconds
        part = file.with_suffix(".part")
        part.write_text(str(total))
        part.replace(file)

    return move
