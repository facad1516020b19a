"""The two links in a mail: out of its category, and to the page of choices. Made when the mail leaves, never stored.

A token holds purpose, category and person, the id of the key, and an HMAC over all of them. Without the key nobody makes
one, a link of one purpose opens nothing else, and what we did not make is answered alike, whatever is wrong with it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from notify_svc.preferences import rules

_PURPOSE = b"bh preference link v1\0"
# What a link is for. Never renumbered: links are in mails for years.
_UNSUBSCRIBE = {"subscription": 1, "social": 2}
_PAGE = 16
# Together a multiple of three bytes: no padding, and one spelling for each token.
_KEY_ID, _MAC = 2, 17
_LENGTH = 1 + 16 + _KEY_ID + _MAC


@dataclass(frozen=True, slots=True)
class Opened:
    """What a genuine link says. `category` is empty on a link to the page."""

    user_id: UUID
    category: str = ""


@dataclass(frozen=True, slots=True)
class Links:
    """What a mail of an optional category carries in its headers and at its foot; of others, only the second."""

    unsubscribe_url: str
    preferences_url: str


def links(user_id: UUID, category: str) -> Links:
    """The links of one mail. `unsubscribe_url` is empty for a category that nobody can leave."""
    here = f"{settings.BH_NOTIFY_PUBLIC_URL}/api/v1/notifications"
    out = _UNSUBSCRIBE.get(category)
    return Links(
        unsubscribe_url=f"{here}/unsubscribe/{_token(out, user_id)}" if out else "",
        preferences_url=preferences_url(user_id),
    )


def preferences_url(user_id: UUID) -> str:
    """The way to a person's page of choices."""
    return f"{settings.BH_NOTIFY_PUBLIC_URL}/api/v1/notifications/preferences/{_token(_PAGE, user_id)}"


def shown_to_staff(category: str) -> Links:
    """The same without a token: a preview unsubscribes nobody."""
    here = f"{settings.BH_NOTIFY_PUBLIC_URL}/api/v1/notifications"
    out = f"{here}/unsubscribe/…" if category in rules.OPTIONAL else ""
    return Links(unsubscribe_url=out, preferences_url=f"{here}/preferences/…")


def open_unsubscribe(token: str) -> Opened | None:
    """Who wants to leave what; None for anything we did not make for that."""
    found = _open(token)
    if found is None:
        return None
    kind, user_id = found
    return next((Opened(user_id, name) for name, number in _UNSUBSCRIBE.items() if number == kind), None)


def open_page(token: str) -> Opened | None:
    """Whose page it is; None for anything we did not make for that."""
    found = _open(token)
    return Opened(found[1]) if found is not None and found[0] == _PAGE else None


def _keys() -> Iterable[bytes]:
    """The first makes links, all open them."""
    return (settings.BH_LINK_KEY, *settings.BH_LINK_KEYS_PAST)


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(_PURPOSE + b"id\0" + key).digest()[:_KEY_ID]


def _mac(key: bytes, said: bytes) -> bytes:
    return hmac.new(key, _PURPOSE + said, hashlib.sha256).digest()[:_MAC]


def _token(kind: int, user_id: UUID) -> str:
    said = bytes([kind]) + user_id.bytes
    key = settings.BH_LINK_KEY
    return base64.urlsafe_b64encode(said + _key_id(key) + _mac(key, said)).rstrip(b"=").decode()


def _open(token: str) -> tuple[int, UUID] | None:
    try:
        raw = base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error, ValueError):
        return None
    if len(raw) != _LENGTH:
        return None
    said, key_id, mac = raw[:17], raw[17 : 17 + _KEY_ID], raw[17 + _KEY_ID :]
    for key in _keys():
        if hmac.compare_digest(_key_id(key), key_id) and hmac.compare_digest(_mac(key, said), mac):
            return said[0], UUID(bytes=said[1:])
    return None
