"""The issuer's two doors: its public keys, and tokens for whoever asks. It knows no passwords: loopback only."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bh_sdk.tokens import jwk_of
from deploy.local.issuer.accounts import Accounts
from deploy.local.issuer.tokens import LIFETIME, user_token

Role = Literal["donor", "recipient", "support", "finance", "analyst", "editor", "admin", "auditor"]


class TokenAsk(BaseModel):
    """Who wants to be whom. Roles and mail address of an account are remembered; leave them out to keep them."""

    model_config = ConfigDict(extra="forbid")

    sub: UUID
    roles: list[Role] | None = None
    email: str | None = None
    lifetime: Annotated[int, Field(ge=-86400, le=LIFETIME)] = 3600


def make_app(*, issuer: str, key: Path, state: Path) -> Starlette:
    """The application; `issuer` is the `iss` of its tokens, `key` the PEM that signs them."""
    accounts = Accounts(state / "accounts.sqlite3")
    keys = {"keys": [jwk_of(key.read_text())]}

    def jwks(_request: Request) -> Response:
        return JSONResponse(keys, headers={"Cache-Control": "public, max-age=600"})

    def discovery(_request: Request) -> Response:
        return JSONResponse({"issuer": issuer, "jwks_uri": f"{issuer}/.well-known/jwks.json"})

    async def token(request: Request) -> Response:
        try:
            ask = TokenAsk.model_validate_json(await request.body())
        except ValidationError as error:
            problems = error.errors(include_url=False, include_context=False, include_input=False)
            return JSONResponse({"error": "invalid_request", "problems": problems}, status_code=422)
        account = accounts.remember(ask.sub, None if ask.roles is None else list(ask.roles), ask.email)
        signed = user_token(key, issuer, ask.sub, account.roles, email=account.email, lifetime=ask.lifetime)
        return JSONResponse({"access_token": signed, "token_type": "bearer", "expires_in": ask.lifetime})

    def ready(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    return Starlette(
        routes=[
            Route("/auth/v1/.well-known/jwks.json", jwks),
            Route("/auth/v1/.well-known/openid-configuration", discovery),
            Route("/token", token, methods=["POST"]),
            Route("/auth/v1/token", token, methods=["POST"]),
            Route("/readyz", ready),
        ]
    )
