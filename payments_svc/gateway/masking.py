"""Stripe's payloads without the personal data in them, for looking at: ids, amounts, states and codes stay."""

from __future__ import annotations

import re
from typing import Any

from bh_sdk.server.ops import cards

MASK = "•••"
# Whatever stands below these names is about a person, or lets somebody act as one.
_PERSONAL = frozenset(
    {
        "address", "authorization_code", "billing_address", "billing_details", "business_profile", "client_secret",
        "company", "custom_fields", "customer_address", "customer_details", "customer_email", "customer_email_address",
        "customer_name", "customer_phone", "customer_purchase_ip", "customer_shipping", "customer_signature", "dob",
        "email", "external_accounts", "first_name", "id_number", "individual", "invoice_settings",
        "ip", "ip_address", "ip_address_location", "last_name", "name", "owner", "phone", "receipt_email",
        "receipt_number", "receipt_url", "representative", "shipping", "shipping_address", "shipping_details", "support_email",
        "support_phone", "tos_acceptance", "user_agent", "username", "verified_address", "verified_email", "verified_name",
        "verified_phone",
    }
)  # fmt: skip
# Of a card or an account its kind and last four digits say enough.
_INSTRUMENT = frozenset(
    {
        "account_holder_name", "account_number", "bic", "cvc", "dynamic_last4", "exp_month", "exp_year", "fingerprint",
        "iban", "iin", "issuer", "network_token", "network_transaction_id", "number", "routing_number", "sort_code",
        "tokenization_method", "wallet",
    }
)  # fmt: skip
# Every pattern is bounded: a text that somebody made to be slow takes no longer than any other of its length.
_ADDRESS = re.compile(r"[^\s@]@[^\s@]{1,255}\.[^\s@]")
_PHONE = re.compile(r"(?<![\w.-])(?:\+|00)\d[\d ().-]{6,40}\d(?![\w])")
_CARD = re.compile(r"(?<![\w])\d(?:[ -]?\d){12,18}(?![\w])")
_IP = re.compile(
    r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])|(?<![\w:])(?:[0-9a-f]{1,4}:){4,7}[0-9a-f]{1,4}(?![\w:])", re.I
)
_SECRET = re.compile(r"_secret_\w")
_KINDS = (_ADDRESS, _PHONE, _CARD, _IP, _SECRET)
# Nothing that is looked at is longer, and nobody looks for a name in more.
_LONGEST = 8_192
# Stripe's objects are a few levels deep.
_DEEPEST = 64
# Metadata is anybody's to fill. What reads like an id, a number, a date or a code may be shown, and nothing else.
_PLAIN = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[a-z]{2,16}_[A-Za-z0-9]{14,}|-?\d{1,6}([.,]\d{1,4})?|\d{4}-\d\d-\d\d[T\d:.Z+-]*"
    r"|[A-Z]{2,3}|[A-Z]+_[A-Z_]+|true|false"
)
_ABOUT_PERSONS = re.compile(r"name|mail|phone|address|street|city|zip|postal|contact|birth|dob", re.I)


def masked(value: Any) -> Any:
    """The same structure; what may name or reach a person, or pay in one's name, reads `•••`, and so does what is too long
    or too deep to be looked through."""
    return _masked(value, 0)


def _masked(value: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        return MASK
    if isinstance(value, dict):
        return {name: _part(str(name), part, depth + 1) for name, part in value.items()}
    if isinstance(value, list):
        return [_masked(part, depth + 1) for part in value]
    if isinstance(value, str) and _tells(value):
        return MASK
    return value


def _tells(text: str) -> bool:
    return len(text) > _LONGEST or any(kind.search(text) for kind in _KINDS) or cards.in_text(text)


def _part(name: str, part: Any, depth: int) -> Any:
    if part is None or part in ("", {}, []):
        return part
    if name in _PERSONAL or name in _INSTRUMENT:
        return MASK
    if isinstance(part, dict) and name == "metadata":
        return {key: _of_metadata(str(key), value) for key, value in part.items()}
    if isinstance(part, dict) and name == "evidence":
        return {key: _of_evidence(value) for key, value in part.items()}
    return _masked(part, depth)


def _of_metadata(key: str, value: Any) -> Any:
    short = isinstance(value, str) and len(value) <= _LONGEST and len(key) <= _LONGEST
    plain = short and _PLAIN.fullmatch(value) and not _ABOUT_PERSONS.search(key)
    return value if plain else MASK


def _of_evidence(value: Any) -> Any:
    """What was written to a bank in a dispute is about the donor; the files' ids say which were sent."""
    if value is None or (isinstance(value, str) and value.startswith("file_")):
        return value
    return MASK
