"""Links from one page to another, for the reader of the page: no link leads where the policies let them not in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib import admin
from django.http import QueryDict
from django.urls import reverse

if TYPE_CHECKING:
    from django.http import HttpRequest


class Ways:
    """`one("trust_holds.hold", key)` and `many("trust_holds.hold", q="…")`: an address, or "" for a page that is not open."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self._open: dict[str, bool] = {}

    def open(self, model: str) -> bool:
        """Whether the reader may look at the pages of a model (`app_label.model`)."""
        if model not in self._open:
            page = admin.site._registry.get(apps.get_model(model))
            self._open[model] = page is not None and page.has_view_permission(self._request)
        return self._open[model]

    def one(self, model: str, key: object) -> str:
        """The page of one row."""
        return reverse(_name(model, "change"), args=(key,)) if self.open(model) else ""

    def many(self, model: str, **query: str) -> str:
        """The list, narrowed."""
        if not self.open(model):
            return ""
        asked = QueryDict(mutable=True)
        asked.update(query)
        address = reverse(_name(model, "changelist"))
        return f"{address}?{asked.urlencode()}" if query else address


def _name(model: str, page: str) -> str:
    return f"admin:{model.lower().replace('.', '_')}_{page}"


def trail(context: Any) -> list[dict[str, str]]:
    """Where a page stands: from the first page down to this one, each as a title and (but for the last) its address."""
    home = {"title": "Today", "href": reverse("admin:index")}
    opts = context.get("opts")
    if opts is None:
        return _without_a_model(context, home)
    page = admin.site._registry.get(opts.model)
    plural = getattr(page, "plural", "") or str(opts.verbose_name_plural).capitalize()
    steps = [home, {"title": plural, "href": reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")}]
    row = context.get("original") or context.get("object")
    if row is not None and not isinstance(row, str):
        found_as = getattr(page, "found_as", str)
        steps.append({"title": found_as(row), "href": steps[-1]["href"].rstrip("/") + f"/{row.pk}/change/"})
    elif context.get("add"):
        steps.append({"title": "New", "href": ""})
    return _here(steps)


def _without_a_model(context: Any, home: dict[str, str]) -> list[dict[str, str]]:
    """The first page, or one that names its own way: `trail` in its context holds (title, address) pairs."""
    named = [{"title": title, "href": href} for title, href in context.get("trail") or ()]
    title = str(context.get("title") or "")
    if not named and title in ("", home["title"]):
        return _here([home])
    return _here([home, *named, {"title": title, "href": ""}])


def _here(steps: list[dict[str, str]]) -> list[dict[str, str]]:
    """The last step is where one is."""
    return [*steps[:-1], steps[-1] | {"href": ""}]
