"""API keys. Sources: "API keys" (docs.stripe.com/keys), "Authentication" (docs.stripe.com/api/authentication)."""

from __future__ import annotations

import base64
import binascii
import re

from .errors import StripeError

_SECRET = re.compile(r"^(sk|rk)_test_[A-Za-z0-9]{24,99}$")
_PUBLISHABLE = re.compile(r"^pk_test_[A-Za-z0-9]{3,99}$")


def is_publishable(authorization: str | None, known: frozenset[str]) -> bool:
    """Whether the caller holds a publishable key (True) or a secret one (False); refuses every other with a 401.

    `known` are the secret keys that exist; empty means every well-formed test key does.
    """
    key = _key(authorization)
    if key is None:
        raise StripeError(
            "You did not provide an API key. You need to provide your API key in the Authorization header, using "
            "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See "
            "https://stripe.com/docs/api#authentication for details, or we can help at "
            "https://support.stripe.com/.", status=401, validated=False,
        )  # fmt: skip
    if _PUBLISHABLE.match(key):
        return True
    if _SECRET.match(key) and (not known or key in known):
        return False
    shown = f"{key[:8]}{'*' * max(len(key) - 12, 4)}{key[-4:]}" if len(key) > 12 else "*" * len(key)
    raise StripeError(f"Invalid API Key provided: {shown}", status=401, validated=False)


def _key(authorization: str | None) -> str | None:
    scheme, _, value = (authorization or "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip() or None
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[0] or None
        except (binascii.Error, UnicodeDecodeError):
            return None
    return None


def not_for_publishable() -> StripeError:
    """A publishable key where only a secret one will do."""
    return StripeError(
        "This API call cannot be made with a publishable API key. Please use a secret API key. You can find a list of "
        "your API keys at https://dashboard.stripe.com/account/apikeys.", status=401, code="secret_key_required",
        validated=False,
    )  # fmt: skip
