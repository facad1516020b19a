"""What the settings of the look point at by name: label, sidebar, first page, files."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.templatetags.static import static
from django.urls import reverse

from bh_sdk.server.access import wiring
from bh_sdk.server.admin import shelf
from bh_sdk.server.admin.theme import DESKS, HOMES

if TYPE_CHECKING:
    from django.http import HttpRequest

    from bh_sdk.server.admin.guarded import Guarded
    from bh_sdk.server.admin.site import House

LABELS = {"local": ("local demo", "warning"), "test": ("test", "info"), "production": ("", "")}


def site() -> House:
    return admin.site  # type: ignore[return-value]  # checks.the_site_is_ours


def environment(_: HttpRequest) -> list[str] | None:
    """The label in the head of every page, so that nobody takes a demo for the real thing. Production has none."""
    text, tone = LABELS.get(wiring.setting("BH_ENV"), ("", ""))
    return [text, tone] if text else None


def environment_prefix(request: HttpRequest) -> str | None:
    label = environment(request)
    return f"[{label[0]}]" if label else None


def style(_: HttpRequest) -> str:
    return static("bh/bh.css")


def favicon(_: HttpRequest) -> str:
    return static("bh/mark.svg")


def script(_: HttpRequest) -> str:
    return static("bh/bh.js")


def sister_sites(_: HttpRequest) -> list[dict[str, Any]]:
    """The admins of the three services."""
    found = []
    for name, (title, icon) in DESKS.items():
        if url := wiring.setting(f"BH_{name.upper()}_URL"):
            found.append({"title": title, "icon": icon, "link": f"{url.rstrip('/')}/admin/"})
    return found


def visible(request: HttpRequest) -> list[Guarded]:
    """The pages that the caller may look at, by desk."""
    return [page for page in site().guarded() if page.has_view_permission(request)]


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar: what the caller may look at, and nothing else."""
    home = {"title": "Today", "icon": "dashboard", "link": reverse("admin:index")}
    groups: list[dict[str, Any]] = [{"title": None, "items": [home]}]
    for desk, pages in groupby(visible(request), key=lambda page: page.desk):
        items = [{"title": page.plural, "icon": page.icon, "link": page.address()} for page in pages]
        groups.append({"title": desk, "separator": True, "items": items})
    reports = [{"title": each.title, "icon": "table_view", "link": each.href} for each in shelf.readable(request)]
    if reports:
        groups.append({"title": "Reports", "separator": True, "collapsible": True, "items": reports})
    return groups


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The first page: the figures of every page that the caller may look at, then the way to each."""
    pages = visible(request)
    desks = [(desk, list(of_desk)) for desk, of_desk in groupby(pages, key=lambda page: page.desk)]
    return context | {
        "figures": [figure for page in pages for figure in page.figures(request)],
        "desks": [
            (desk, [{"title": page.plural, "icon": page.icon, "href": page.address()} for page in of_desk])
            for desk, of_desk in desks
        ],
        "homes": [] if desks else _homes(request),
    }


def _homes(request: HttpRequest) -> list[dict[str, Any]]:
    """The desks of other services where the reader's roles have work."""
    theirs = {HOMES.get(role) for role in getattr(request.user, "roles", ())} - {wiring.setting("BH_SERVICE"), None}
    titles = {DESKS[name][0] for name in theirs if name is not None}
    return [site for site in sister_sites(request) if site["title"] in titles]
