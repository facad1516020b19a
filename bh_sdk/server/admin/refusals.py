"""What staff see where the policies let them not in: what it takes, who has it, and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib import messages
from django.template.response import TemplateResponse
from django.urls import reverse

from bh_sdk.server.access.principals import staff_who_may
from bh_sdk.server.admin.guarded import Guarded

if TYPE_CHECKING:
    from django.core.exceptions import PermissionDenied
    from django.http import HttpRequest, HttpResponse

    from bh_sdk.server.admin.site import House

# Django's own pages and the verbs that open them.
_VERBS = {"changelist": "view", "change": "view", "history": "view", "add": "add", "delete": "delete"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wanted: a verb on a thing, named as the page names it, and where the page lies."""

    page: Guarded
    verb: str
    title: str


def answer(site: House, request: HttpRequest, refusal: PermissionDenied) -> HttpResponse:
    """403 as a page. A dialog has no place for one: it closes, and the page below it says the same."""
    asked = _asked(site, request)
    said = _said(request, asked) if asked else [str(refusal) or "Your roles do not let you do this."]
    back = _back(request, asked)
    if "HX-Request" in request.headers:
        messages.error(request, " ".join(said))
        return TemplateResponse(request, "bh/refused_here.html", status=403, headers={"HX-Redirect": back[0][1]})
    here = asked is not None and _allowed(request, asked)
    return _page(site, request, "Not here" if here else "Not with your role", said, back)


def report(site: House, request: HttpRequest, *, thing: str, title: str) -> HttpResponse:
    """The same for a staff report, for whoever reads it in a browser."""
    said = _takes(request, f"Reading the report {title.lower()}", thing, "view")
    back = [("Reports", reverse("api-root")), ("Today", reverse("admin:index"))]
    return _page(site, request, "Not with your role", said, back)


def _page(site: House, request: HttpRequest, title: str, said: list[str], back: list[tuple[str, str]]) -> HttpResponse:
    context = {**site.each_context(request), "title": title, "said": said, "back": back}
    return TemplateResponse(request, "bh/refused.html", context, status=403)


def _asked(site: House, request: HttpRequest) -> Asked | None:
    """Read off the address: `<app>_<model>_<page or action>`."""
    name = request.resolver_match.url_name or "" if request.resolver_match else ""
    for page in site.guarded():
        beginning = f"{page.opts.app_label}_{page.opts.model_name}_"
        if not name.startswith(beginning):
            continue
        what = name.removeprefix(beginning)
        if what in _VERBS:
            verb = "change" if (what, request.method) == ("change", "POST") else _VERBS[what]
            return Asked(page, verb, "Looking at this" if verb == "view" else verb.capitalize())
        method = getattr(type(page), what, None)
        verbs = list(getattr(method, "allowed_permissions", ()))
        if verbs:
            return Asked(page, verbs[0], f"“{getattr(method, 'short_description', what)}”")
    return None


def _allowed(request: HttpRequest, asked: Asked) -> bool:
    return asked.page.may(request, asked.verb)


def _said(request: HttpRequest, asked: Asked) -> list[str]:
    noun = asked.page.plural.lower()
    if asked.verb in ("add", "change", "delete") and asked.verb not in asked.page.writes:
        return [f"Nobody changes {noun} by a form: the buttons on their pages do what can be done."]
    if _allowed(request, asked):
        return [
            f"Your role may do this ({asked.title}, {noun}), but not here and now.",
            "It has moved on since you opened the page, or you have a part in it yourself and somebody else decides.",
            "Its page says who acts next.",
        ]
    return _takes(request, f"{asked.title} ({noun})", asked.page.thing, asked.verb)


def _takes(request: HttpRequest, doing: str, thing: str, verb: str) -> list[str]:
    takes = " or ".join(staff_who_may(thing, verb)) or "that nobody has at present"
    mine = ", ".join(sorted(getattr(request.user, "roles", ()))) or "none"
    return [
        f"{doing} takes the role {takes}.",
        f"You are signed in as {request.user}, with the role {mine}.",
        "Somebody with the role can do it for you; an admin can give you another role.",
    ]


def _back(request: HttpRequest, asked: Asked | None) -> list[tuple[str, str]]:
    """(title, address), the nearest first; only of pages that are open to the reader."""
    found = []
    if asked is not None and asked.page.has_view_permission(request):
        given = request.resolver_match.kwargs if request.resolver_match else {}
        row = asked.page.get_object(request, str(given.get("object_id", "")))
        if row is not None:
            found.append((asked.page.found_as(row), asked.page.address(row)))
        found.append((asked.page.plural, asked.page.address()))
    return [*found, ("Today", reverse("admin:index"))]
