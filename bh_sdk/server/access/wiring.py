"""What access is told from outside: who issues tokens, who may ask for them, with which key we sign."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from bh_sdk.tokens import JWKSCache, ServiceTokenVerifier, UserTokenVerifier, jwk_of

# The audience of Supabase Auth's user tokens.
USER_AUDIENCE = "authenticated"
END_OF_KEY = "-----END PRIVATE KEY-----"

log = structlog.get_logger(__name__)


def setting(name: str) -> str:
    """A Django setting of that name, else the environment variable, else empty."""
    return str(getattr(settings, name, None) or os.environ.get(name) or "")


def needed(name: str) -> str:
    value = setting(name)
    if not value:
        raise ImproperlyConfigured(f"{name} is not set")
    return value


def service_name() -> str:
    """`payments`, `trust` or `notify`: the audience of the service's own tokens."""
    return needed("BH_SERVICE")


def service_url() -> str:
    """The service's base URL without a slash at the end: the issuer of its own tokens."""
    return needed("BH_SERVICE_URL").rstrip("/")


def token_url() -> str:
    """Where services get tokens for this one: the audience of their assertions."""
    return f"{service_url()}/oauth2/token"


def user_issuer() -> str:
    """Who issues the tokens of people."""
    return needed("BH_USER_ISSUER")


@cache
def signing_keys() -> tuple[str, ...]:
    """Every PEM in `BH_SIGNING_KEY_FILE`. The first signs; the others still verify while a key is being replaced."""
    blocks = Path(needed("BH_SIGNING_KEY_FILE")).read_text().split(END_OF_KEY)[:-1]
    if not blocks:
        raise ImproperlyConfigured("BH_SIGNING_KEY_FILE holds no private key (PEM, PKCS #8)")
    return tuple(block.lstrip() + END_OF_KEY for block in blocks)


def signing_key() -> str:
    """The ES256 key (PEM) that signs the service's own tokens."""
    return signing_keys()[0]


@cache
def own_jwks() -> dict[str, list[dict[str, str]]]:
    """The public halves of the service's keys."""
    return {"keys": [jwk_of(pem) for pem in signing_keys()]}


def user_verifier() -> UserTokenVerifier:
    """Checks tokens of people with the keys of `BH_USER_JWKS` (the document itself), `BH_USER_JWKS_URL`, or, when
    neither is set, the legacy `BH_USER_HS256_SECRET`."""
    if document := setting("BH_USER_JWKS"):
        return UserTokenVerifier(user_issuer(), jwks=json.loads(document), audience=USER_AUDIENCE)
    if url := setting("BH_USER_JWKS_URL"):
        keys = JWKSCache(url, on_failure=lambda error: log.warning("user_keys_unreachable", error=type(error).__name__))
        return UserTokenVerifier(user_issuer(), jwks=keys, audience=USER_AUDIENCE)
    log.warning("user_tokens_by_shared_secret")
    return UserTokenVerifier(user_issuer(), hs256_secret=needed("BH_USER_HS256_SECRET"), audience=USER_AUDIENCE)


def service_verifier() -> ServiceTokenVerifier:
    """Checks the tokens that this service itself issued to others."""
    return ServiceTokenVerifier(service_url(), service_name(), own_jwks())


def clients() -> dict[str, dict[str, Any]]:
    """Who may ask for tokens: `{client_id: {"jwks": {"keys": […]}}}`. Read anew when the file changes: keys rotate."""
    path = Path(needed("BH_CLIENTS_FILE"))
    return _clients(str(path), path.stat().st_mtime_ns)


_clients_read: dict[str, tuple[int, dict[str, dict[str, Any]]]] = {}


def _clients(path: str, changed: int) -> dict[str, dict[str, Any]]:
    known = _clients_read.get(path)
    if known is None or known[0] != changed:
        known = (changed, json.loads(Path(path).read_text()))
        _clients_read[path] = known
    return known[1]
