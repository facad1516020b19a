"""Doors to what a person wants to hear: their own with a token of theirs, and the links in their mails without one."""

from __future__ import annotations

from datetime import time
from uuid import UUID

from django.http import HttpResponse

from bh_sdk.errors import NotFound
from bh_sdk.server.access import may
from bh_sdk.server.api import Call, Router
from bh_sdk.wire import preferences as wire
from notify_svc.preferences import commands, pages, queries, rules
from notify_svc.preferences.commands import Consent, Hours, Said
from notify_svc.preferences.hours import Quiet

router = Router(tags=["preferences"])
_BY_API = Said("api")
_HTML = {"content": {"text/html": {"schema": {"type": "string"}}}}
_UNKNOWN = {"404": {"description": "A page that says that the link does not work"} | _HTML}
_PAGE = {"responses": {"200": {"description": "A page"} | _HTML} | _UNKNOWN}
_SAVED = {
    "responses": _PAGE["responses"] | {"422": {"description": "The page again: something cannot be chosen"} | _HTML}
}


@router.get("/preferences", auth=may("preference", "read"), response=wire.Preferences)
def get_preferences(request: Call) -> wire.Preferences:
    """What you want to hear: every category and channel, quiet hours, time zone and consent."""
    return _shown(_caller(request))


@router.post("/preferences", auth=may("preference", "change"), response=wire.Preferences)
def set_preferences(request: Call, body: wire.ChangePreferences) -> wire.Preferences:
    """Change what is given and leave the rest as it is. Doing it again changes nothing."""
    user_id = _caller(request)
    commands.change(
        user_id=user_id,
        said=_BY_API,
        choices={(one.category, one.channel): one.frequency for one in body.choices},
        hours=_hours(body.quiet_hours),
        timezone=body.timezone,
        consent=Consent(body.consent.granted, body.consent.version) if body.consent else None,
    )
    return _shown(user_id)


@router.get("/follows", auth=may("preference", "read"), response=wire.Follows)
def get_follows(request: Call) -> wire.Follows:
    """The campaigns that you follow or have left. Whom you gave to with your account you follow, until you leave."""
    return wire.Follows(results=[wire.Follow.model_validate(one) for one in queries.follows(_caller(request))])


@router.put("/follows/{uuid:campaign_id}", auth=may("preference", "change"), response=wire.Follow)
def follow(request: Call, campaign_id: UUID) -> queries.Following:
    """Hear of a campaign."""
    return _follow(request, campaign_id, following=True)


@router.delete("/follows/{uuid:campaign_id}", auth=may("preference", "change"), response=wire.Follow)
def unfollow(request: Call, campaign_id: UUID) -> queries.Following:
    """Hear no more of a campaign, also not after another gift."""
    return _follow(request, campaign_id, following=False)


@router.get("/unsubscribe/{token}", auth=None, openapi_extra=_PAGE)
def ask_unsubscribe(request: Call, token: str) -> HttpResponse:
    """A page with a button, for people. It changes nothing, because programs open links too."""
    return pages.ask_unsubscribe(token, accepts=_accepts(request))


@router.post("/unsubscribe/{token}", auth=None, openapi_extra=_PAGE)
def unsubscribe(request: Call, token: str) -> HttpResponse:
    """RFC 8058: no more mails of the link's category. 200 for repeats as well; no cookie, no login, no body needed."""
    return pages.unsubscribe(token, accepts=_accepts(request))


@router.get("/preferences/{token}", auth=None, openapi_extra=_PAGE)
def show_preference_page(request: Call, token: str) -> HttpResponse:
    """The page behind the link in a mail, to choose without signing in."""
    return pages.show(token, accepts=_accepts(request))


@router.post("/preferences/{token}", auth=None, openapi_extra=_SAVED)
def save_preference_page(request: Call, token: str) -> HttpResponse:
    """What was chosen on that page, as a form. The link itself is the proof, so that there is no session to ride on."""
    return pages.save(token, request.POST, accepts=_accepts(request))


def _accepts(request: Call) -> str:
    return request.headers.get("Accept-Language", "")[:200]


def _follow(request: Call, campaign_id: UUID, *, following: bool) -> queries.Following:
    user_id = _caller(request)
    commands.follow(user_id=user_id, campaign_id=campaign_id, following=following, said=_BY_API)
    return queries.follows(user_id, campaign_id=campaign_id)[0]


def _hours(asked: wire.ChangeQuietHours | None) -> Hours | None:
    if asked is None:
        return None
    if not asked.enabled:
        return Hours(None)
    return Hours(Quiet(time.fromisoformat(asked.start), time.fromisoformat(asked.end)), asked.email)


def _shown(user_id: UUID) -> wire.Preferences:
    wishes, person = queries.of(user_id)
    quiet = wishes.quiet
    return wire.Preferences(
        choices=[
            wire.Choice(
                category=category,
                channel=channel,
                frequency=wishes.frequency(category, channel),
                frequencies=list(rules.frequencies(category, channel)),
            )
            for category in rules.CATEGORIES
            for channel in rules.CHANNELS
        ],
        quiet_hours=wire.QuietHours(
            enabled=quiet is not None,
            start=f"{quiet.start:%H:%M}" if quiet else None,
            end=f"{quiet.end:%H:%M}" if quiet else None,
            email=wishes.quiet_email,
        ),
        timezone=wishes.zone,
        consent=wire.Consent(granted=person.consent, version=person.consent_version, at=person.consent_at)
        if person and person.consent is not None and person.consent_at is not None
        else None,
        updated_at=person.updated_at if person else None,
    )


def _caller(request: Call) -> UUID:
    """The person who calls. A service wants nothing."""
    try:
        return UUID(request.auth.id)
    except ValueError:
        raise NotFound from None
