"""The desk one request is worked at: the store, the clock, the settings, who asked. And what a route is."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .errors import missing_object
from .params import PAGE, Field, Schema
from .shapes import Obj, listing

if TYPE_CHECKING:
    from .settings import Settings
    from .store import Store


@dataclass
class Desk:
    """Everything a handler may use. `now` is whole seconds, as Stripe's `created`."""

    store: Store
    settings: Settings
    base_url: str
    request_id: str | None = None
    idempotency_key: str | None = None
    publishable: bool = False
    path_id: str = ""
    nested_id: str = ""
    now: int = field(default_factory=lambda: int(time.time()))

    def asked_for(self, noun: str, spoken: str | None = None, param: str = "id") -> Obj:
        """The object that the address names, or Stripe's 404."""
        found = self.store.find(noun, self.path_id)
        if found is None:
            raise missing_object(spoken or noun, self.path_id, param=param)
        return found

    def given(self, noun: str, object_id: str, param: str) -> Obj:
        """The object that a parameter names, or Stripe's 400."""
        found = self.store.find(noun, object_id)
        if found is None:
            raise missing_object(noun, object_id, param=param, in_path=False)
        return found

    def later(self, seconds: float, what: str, object_id: str) -> None:
        """Have `what` done to the object after that time; survives a restart."""
        self.store.run(
            "INSERT INTO timer (due, what, object) VALUES (?, ?, ?)", (time.time() + seconds, what, object_id)
        )


Handler = Callable[[Desk, Obj], Obj]


@dataclass(frozen=True)
class Route:
    """One endpoint: `path` with `{id}` and `{nested}`; `noun` is what it answers with (for `expand`)."""

    method: str
    path: str
    run: Handler
    noun: str
    schema: Schema = field(default_factory=dict)
    lists: bool = False
    publishable: bool = False


def fetch(path: str, noun: str, *, param: str = "id") -> Route:
    """`GET path/{id}`."""
    return Route("GET", f"{path}/{{id}}", lambda desk, _: desk.asked_for(noun, param=param), noun)


def pages(path: str, noun: str, filters: Mapping[str, Field] | None = None) -> Route:
    """`GET path`: newest first, cursors, `created`, and equality filters."""
    chosen = filters or {}

    def run(desk: Desk, params: Obj) -> Obj:
        wanted = {name: params[name] for name in chosen if params.get(name) is not None}
        return page_of(desk, path, noun, params, wanted)

    return Route("GET", path, run, noun, {**PAGE, **chosen}, lists=True)


def page_of(desk: Desk, path: str, noun: str, params: Obj, filters: Mapping[str, object]) -> Obj:
    """One page. Source: "Pagination" (docs.stripe.com/api/pagination)."""
    cursors: dict[str, int] = {}
    for name in ("starting_after", "ending_before"):
        if name in params:
            place = desk.store.position(noun, params[name])
            if place is None:
                raise missing_object(noun, params[name], param=name, in_path=False)
            cursors[name] = place
    found, more = desk.store.page(
        noun,
        limit=params.get("limit", 10),
        filters=filters,
        created=params.get("created", {}),
        after=cursors.get("starting_after"),
        before=cursors.get("ending_before"),
    )
    return listing(path, found, has_more=more)
