"""The admin site of a service."""

from __future__ import annotations

import time
from functools import wraps
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.template.response import TemplateResponse
from unfold.dataclasses import SearchResult
from unfold.sites import UnfoldAdminSite

from bh_sdk.server.access import wiring
from bh_sdk.server.admin import refusals
from bh_sdk.server.admin.guarded import Guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.http import HttpRequest

# Rows of one kind that the palette shows.
FOUND = 6


class House(UnfoldAdminSite):  # type: ignore[misc]  # Unfold is untyped
    """Lets staff in by role. What they see and do inside is each page's policy."""

    index_title = "Today"
    enable_nav_sidebar = True

    def has_permission(self, request: HttpRequest) -> bool:
        """A role of staff on an active account. Guests have neither."""
        return bool(request.user.is_active and getattr(request.user, "is_staff", False))

    def admin_view(self, view: Callable[..., HttpResponse], cacheable: bool = False) -> Callable[..., HttpResponse]:
        """Every page of the site. Whoever is refused reads why, and finds the way back."""

        @wraps(view)
        def door(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                return view(request, *args, **kwargs)
            except PermissionDenied as refusal:
                return refusals.answer(self, request, refusal)

        guarded: Callable[..., HttpResponse] = super().admin_view(door, cacheable)
        return guarded

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The sign-in page. On a local stack it names the demo accounts."""
        shown = {"demo_accounts": wiring.setting("BH_ENV") == "local", **(extra_context or {})}
        answer: HttpResponse = super().login(request, shown)
        return answer

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The palette. Unfold's own keeps results for five minutes, also for whoever lost the right to see them."""
        started = time.perf_counter()
        term = request.GET.get("s", "").strip()
        if not term:
            return HttpResponse()
        extended = "extended" in request.GET
        results = list(self._search_apps(self.get_app_list(request), term.lower()))
        if extended:
            for guarded in self.guarded():
                results.extend(self._rows(request, guarded, term))
        pages = Paginator(results, max(len(results), 1))
        context = {
            "results": pages.page(1),
            "page_obj": pages,
            "page_counter": 0,
            "execution_time": time.perf_counter() - started,
            "command_show_history": False,
        }
        template = "unfold/helpers/command_results.html" if extended else "unfold/helpers/search_results.html"
        return TemplateResponse(request, template, context, headers={"HX-Trigger": "search"})

    def guarded(self) -> list[Guarded]:
        """Every page of ours, in the order of desks and names."""
        pages = [page for page in self._registry.values() if isinstance(page, Guarded)]
        return sorted(pages, key=lambda page: (page.desk_order, page.desk, page.order, page.plural))

    def _rows(self, request: HttpRequest, pages: Guarded, term: str) -> Iterator[SearchResult]:
        if not pages.in_palette or not pages.get_search_fields(request) or not pages.has_view_permission(request):
            return
        rows, _ = pages.get_search_results(request, pages.get_queryset(request), term)
        for row in rows[:FOUND]:
            link = pages.address(row)
            yield SearchResult(title=pages.found_as(row), description=pages.plural, link=link, icon=pages.icon)
