"""What a person wants to hear, as that person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bh_sdk.clients.call import Call, Ident, answer, ask, ident
from bh_sdk.wire.preferences import (
    ChangePreferences,
    ChangeQuietHours,
    Follow,
    Follows,
    Frequency,
    GiveConsent,
    Preferences,
)

BASE = "/api/v1/notifications"


def preferences(*, timeout: float | None = None) -> Call[Preferences]:
    """The caller's preferences: every category and channel, quiet hours, time zone and consent."""
    return Call("notify.preferences", "GET", f"{BASE}/preferences", answer(Preferences), timeout=timeout)


def set_preferences(
    choices: Mapping[tuple[str, str], Frequency] | None = None,
    *,
    quiet_hours: ChangeQuietHours | None = None,
    timezone: str | None = None,
    consent: GiveConsent | None = None,
    timeout: float | None = None,
) -> Call[Preferences]:
    """Change what is given and leave the rest; `choices` maps (category, channel) to a frequency.

    Raises CategoryRequired for what nobody can switch off, Invalid for what cannot be chosen.
    """
    rows = [
        {"category": category, "channel": channel, "frequency": frequency}
        for (category, channel), frequency in (choices or {}).items()
    ]
    changed: dict[str, Any] = {"quiet_hours": quiet_hours, "timezone": timezone, "consent": consent}
    body = ask(ChangePreferences, choices=rows or None, **changed)
    path = f"{BASE}/preferences"
    return Call("notify.set_preferences", "POST", path, answer(Preferences), body=body, harmless=True, timeout=timeout)


def follows(*, timeout: float | None = None) -> Call[Follows]:
    """The campaigns that the caller follows or has left."""
    return Call("notify.follows", "GET", f"{BASE}/follows", answer(Follows), timeout=timeout)


def follow(campaign_id: Ident, *, timeout: float | None = None) -> Call[Follow]:
    """Hear of a campaign. Repeating it changes nothing. Raises NotFound."""
    return Call("notify.follow", "PUT", _path(campaign_id), answer(Follow), timeout=timeout)


def unfollow(campaign_id: Ident, *, timeout: float | None = None) -> Call[Follow]:
    """Hear no more of a campaign, also not after another gift. Raises NotFound."""
    return Call("notify.unfollow", "DELETE", _path(campaign_id), answer(Follow), timeout=timeout)


def _path(campaign_id: Ident) -> str:
    return f"{BASE}/follows/{ident(campaign_id, 'campaign_id')}"
