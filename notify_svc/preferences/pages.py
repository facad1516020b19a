"""The two pages behind the links in a mail: small, without a script or a cookie, loading nothing from anywhere.

The link is the proof. There is no session that another page could ride on, so the forms need no token of their own. They
show choices and no name, address or campaign: a mail is forwarded sooner or later.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from django.http import HttpResponse
from django.template.loader import render_to_string

from bh_sdk.errors import Invalid
from notify_svc.audience import queries as audience
from notify_svc.preferences import commands, links, queries, rules, words
from notify_svc.preferences.commands import Hours, Said
from notify_svc.preferences.hours import Quiet
from notify_svc.preferences.rules import Frequency

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
}
_BY_PAGE = Said("page")
_START, _END = "22:00", "08:00"


def ask_unsubscribe(token: str, *, accepts: str = "") -> HttpResponse:
    """Whether the reader means it. Changes nothing. `accepts` is the reader's Accept-Language, for a link that says nothing."""
    opened = links.open_unsubscribe(token)
    if opened is None:
        return _unknown(accepts)
    return _page("ask", opened.user_id, category=opened.category)


def unsubscribe(token: str, *, accepts: str = "") -> HttpResponse:
    """No more mails of the link's category."""
    opened = links.open_unsubscribe(token)
    if opened is None:
        return _unknown(accepts)
    commands.unsubscribe(user_id=opened.user_id, category=opened.category)
    return _page("done", opened.user_id, category=opened.category)


def show(token: str, *, accepts: str = "") -> HttpResponse:
    """A person's choices."""
    opened = links.open_page(token)
    return _unknown(accepts) if opened is None else _choices(opened.user_id)


def save(token: str, form: Mapping[str, str], *, accepts: str = "") -> HttpResponse:
    """Save what was chosen. What the form does not hold stays as it is; what cannot be chosen saves nothing."""
    opened = links.open_page(token)
    if opened is None:
        return _unknown(accepts)
    try:
        if form.get("stop"):
            commands.change(user_id=opened.user_id, said=_BY_PAGE, choices=_nothing())
        else:
            commands.change(
                user_id=opened.user_id,
                said=_BY_PAGE,
                choices=_chosen(form),
                hours=_hours(form),
                timezone=form.get("timezone"),
            )
    except Invalid:
        return _choices(opened.user_id, notice="not_saved", status=422)
    return _choices(opened.user_id, notice="saved")


def _nothing() -> dict[tuple[str, str], Frequency]:
    """Stop all news: the feed stays, because nobody is called away by it."""
    return {
        (category, channel): "never"
        for category in rules.OPTIONAL
        for channel in rules.CHANNELS
        if channel != rules.IN_APP
    }


def _chosen(form: Mapping[str, str]) -> dict[tuple[str, str], Frequency]:
    found: dict[tuple[str, str], Frequency] = {}
    for category in rules.OPTIONAL:
        for channel in rules.CHANNELS:
            wanted = form.get(f"{category}.{channel}")
            if wanted is None:
                continue
            known = [frequency for frequency in rules.frequencies(category, channel) if frequency == wanted]
            if not known:
                raise Invalid
            found[category, channel] = known[0]
    return found


def _hours(form: Mapping[str, str]) -> Hours | None:
    if "start" not in form and "end" not in form:
        return None
    if not form.get("quiet"):
        return Hours(None)
    try:
        quiet = Quiet(_clock(form["start"]), _clock(form["end"]))
    except (KeyError, ValueError):
        raise Invalid from None
    return Hours(quiet, bool(form.get("quiet_email")))


def _clock(shown: str) -> time:
    """A time of day as a form sends it. Raises ValueError."""
    if len(shown) != 5:
        raise ValueError("hours and minutes")
    return time.fromisoformat(shown)


def _choices(user_id: UUID, *, notice: str = "", status: int = 200) -> HttpResponse:
    wishes, person = queries.of(user_id)
    own = person.timezone if person else ""
    return _page(
        "choices",
        user_id,
        status=status,
        notice=notice,
        choices=[
            (category, [(channel, *_options(wishes, category, channel)) for channel in rules.CHANNELS])
            for category in rules.OPTIONAL
        ],
        quiet=wishes.quiet is not None,
        start=f"{wishes.quiet.start:%H:%M}" if wishes.quiet else _START,
        end=f"{wishes.quiet.end:%H:%M}" if wishes.quiet else _END,
        quiet_email=wishes.quiet_email,
        zones=sorted(available_timezones()),
        zone=own,
        zone_known=audience.zones([user_id]).get(user_id, "UTC"),
    )


def _options(wishes: rules.Wishes, category: str, channel: str) -> tuple[Frequency, tuple[Frequency, ...]]:
    return wishes.frequency(category, channel), rules.frequencies(category, channel)


def _unknown(accepts: str) -> HttpResponse:
    """Whose link it was nobody knows; in which language they read, their browser says."""
    return _answer("unknown", words.wished(accepts), {}, status=404)


def _page(kind: str, user_id: UUID, *, status: int = 200, **shown: Any) -> HttpResponse:
    shown["page_url"] = links.preferences_url(user_id)
    return _answer(kind, words.language(audience.locale(user_id)), shown, status=status)


def _answer(kind: str, language: str, shown: dict[str, Any], *, status: int) -> HttpResponse:
    said = words.LANGUAGES[language]
    if category := shown.get("category"):
        name = said.categories[category][0]
        shown |= {"asks": said.out_ask.format(category=name), "done": said.out_done.format(category=name)}
    if "choices" in shown:
        shown["choices"] = [_worded(said, category, channels) for category, channels in shown["choices"]]
    direction = "rtl" if language in words.RIGHT_TO_LEFT else "ltr"
    context = shown | {"kind": kind, "words": said, "language": language, "direction": direction}
    return HttpResponse(render_to_string("preferences/page.html", context), status=status, headers=_HEADERS)


def _worded(said: words.Words, category: str, channels: list[Any]) -> dict[str, Any]:
    name, about = said.categories[category]
    return {
        "name": name,
        "about": about,
        "channels": [
            {
                "field": f"{category}.{channel}",
                "name": said.channels[channel],
                "options": [(one, said.frequencies[one], one == chosen) for one in offered],
            }
            for channel, chosen, offered in channels
        ],
    }
