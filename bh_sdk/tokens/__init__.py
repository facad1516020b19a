"""Tokens: checking those of people and services, getting those of services, and the small things signed by hand."""

from __future__ import annotations

from bh_sdk.tokens.compact import MAX_TOKEN_BYTES
from bh_sdk.tokens.jwks import JWKSCache
from bh_sdk.tokens.keys import KeySet, KeySource, jwk_of, new_signing_key, sign_jwt
from bh_sdk.tokens.links import check_gift_link, check_receipt_link, gift_link, receipt_link
from bh_sdk.tokens.refusal import TokenRefused
from bh_sdk.tokens.service_auth import ServiceAuth, client_assertion
from bh_sdk.tokens.verifiers import (
    AssertionClaims,
    ServiceClaims,
    ServiceTokenVerifier,
    UserClaims,
    UserTokenVerifier,
    claimed_client,
    verify_assertion,
)

__all__ = [
    "MAX_TOKEN_BYTES",
    "AssertionClaims",
    "JWKSCache",
    "KeySet",
    "KeySource",
    "ServiceAuth",
    "ServiceClaims",
    "ServiceTokenVerifier",
    "TokenRefused",
    "UserClaims",
    "UserTokenVerifier",
    "check_gift_link",
    "check_receipt_link",
    "claimed_client",
    "client_assertion",
    "gift_link",
    "jwk_of",
    "new_signing_key",
    "receipt_link",
    "sign_jwt",
    "verify_assertion",
]
