"""Tokens to paste: a user's from the local issuer's key, a service's fetched the way services fetch theirs."""

from __future__ import annotations

import uuid

from bh_sdk.tokens import ServiceAuth
from deploy.local.issuer.tokens import ROLES, user_token
from deploy.local.keys import CALLERS
from deploy.local.stack import SERVICES, Stack


def for_user(stack: Stack, user: str, roles: str) -> str:
    """A token of the person `user` (a UUID) with the given roles (one, or several with commas).

    Raises ValueError for what is no UUID and for unknown roles.
    """
    wanted = [role.strip() for role in roles.split(",") if role.strip()]
    if unknown := sorted(set(wanted) - set(ROLES)):
        raise ValueError(f"unknown role {', '.join(unknown)}; there are {', '.join(ROLES)}")
    if not (stack.keys / "issuer.pem").exists():
        raise ValueError("this stack has no keys yet; `make up` makes them")
    issuer = f"{stack.ports.url('issuer')}/auth/v1"
    return user_token(stack.keys / "issuer.pem", issuer, uuid.UUID(user), wanted)


def for_service(stack: Stack, service: str, audience: str) -> str:
    """A token with which `service` may call `audience`; the stack must be up, for the audience itself issues it."""
    if service not in CALLERS:
        raise ValueError(f"unknown service {service}; there are {', '.join(CALLERS)}")
    if audience not in SERVICES:
        raise ValueError(f"unknown audience {audience}; there are {', '.join(SERVICES)}")
    pem = (stack.keys / f"{service}.pem").read_text()
    url = f"{stack.ports.url(audience)}/oauth2/token"
    return ServiceAuth(token_url=url, client_id=service, signing_key_pem=pem, audience=audience).token()
