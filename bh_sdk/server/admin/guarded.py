"""`Guarded`: a model's admin pages, where every right is a line of the policy table."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import messages
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.admin import ModelAdmin

from bh_sdk.errors import BHError
from bh_sdk.server.admin.ways import Ways
from bh_sdk.server.ops import clock

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet


@dataclass(frozen=True, slots=True)
class Figure:
    """A number on the first page: what it counts, where it leads, and whether somebody should look at it."""

    title: str
    value: str
    note: str = ""
    href: str = ""
    pressing: bool = False


class Guarded(ModelAdmin):  # type: ignore[misc]  # Unfold is untyped
    """Admin pages of one noun. Looking needs `may(thing, "view")`; nothing can be written unless `writes` says so.

    An action with `permissions=["approve"]` needs `may(thing, "approve")`, at the button and at its address. No flag of
    an account goes around the policies. Who may act on *this* object (four eyes, states) is the command's to decide.
    """

    # The noun of the policies.
    thing: ClassVar[str]
    # The group in the sidebar, its place among the groups, the icon (Material Symbols), the place in the group.
    desk: ClassVar[str] = "Records"
    desk_order: ClassVar[int] = 50
    icon: ClassVar[str] = "folder"
    order: ClassVar[int] = 50
    # Of "add", "change", "delete": what staff may do by form at all, given a policy. Everything else is a command.
    writes: ClassVar[frozenset[str]] = frozenset()

    # Columns that links from other pages filter by, besides those of `list_filter`.
    linked_by: ClassVar[tuple[str, ...]] = ()

    # Whether the palette looks for its rows.
    in_palette: ClassVar[bool] = True

    list_fullwidth = True
    list_filter_submit = True
    list_filter_sheet = False
    show_full_result_count = False
    list_per_page = 50
    compressed_fields = True

    # -- rights ------------------------------------------------------------------------------------------------------

    def may(self, request: HttpRequest, verb: str) -> bool:
        """Whether a policy lets one of the caller's roles `verb` this thing."""
        return bool(request.user.is_authenticated and request.user.may(self.thing, verb))

    @staticmethod
    def actor(request: HttpRequest) -> str:
        """The `sub` of whoever acts: what commands store as `by`."""
        return str(request.user.sub)  # type: ignore[union-attr]  # nobody gets here without signing in

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.may(request, "view")

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.may(request, "view")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return "add" in self.writes and self.may(request, "add")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return "change" in self.writes and self.may(request, "change")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return "delete" in self.writes and self.may(request, "delete")

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Filters by address work on what the page offers to filter by. Django's own rule lets any column of the row
        through, and with it a stranger guess at a password's hash letter by letter."""
        first = lookup.split("__", maxsplit=1)[0]
        offered = [entry[0] if isinstance(entry, tuple | list) else entry for entry in self.list_filter]
        names = {
            entry.split("__")[0]
            for entry in [*offered, *self.linked_by, self.date_hierarchy or ""]
            if isinstance(entry, str)
        }
        columns = {field.name for field in self.opts.get_fields()} | {"pk"}
        if first in columns and first not in names | {"pk", self.opts.pk.name}:
            return False
        return bool(super().lookup_allowed(lookup, value, request))

    def __getattr__(self, name: str) -> Any:
        """`has_<verb>_permission` for every verb: Django and Unfold ask by that name. The object they add (often only
        its id) is not looked at."""
        verb = name.removeprefix("has_").removesuffix("_permission")
        if name != f"has_{verb}_permission" or not verb:
            raise AttributeError(name)

        def has_permission(request: HttpRequest, _: object = None) -> bool:
            return self.may(request, verb)

        return has_permission

    def verbs(self) -> set[str]:
        """Every verb that these pages ask the policies about."""
        asked = {"view", *self.writes}
        for kind in (self.actions, self.actions_list, self.actions_detail, self.actions_row):
            for name in self._extract_action_names(kind):
                method = getattr(self, name, None) if isinstance(name, str) else name
                asked |= {str(verb) for verb in getattr(method, "allowed_permissions", ())}
        return asked

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list. Text with NUL can stand in no column, and PostgreSQL takes none as a filter either."""
        if any("\x00" in value for values in request.GET.lists() for value in [values[0], *values[1]]):
            return HttpResponseRedirect(f"{request.path}?e=1")
        answer: HttpResponse = super().changelist_view(request, {"title": self.plural} | (extra_context or {}))
        return answer

    # -- what the site asks ------------------------------------------------------------------------------------------

    @property
    def plural(self) -> str:
        name = str(self.opts.verbose_name_plural)
        return name[:1].upper() + name[1:]

    def address(self, obj: Model | None = None) -> str:
        """The URL of the list, or of one object's page."""
        name = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}"
        return reverse(f"{name}_changelist") if obj is None else reverse(f"{name}_change", args=(obj.pk,))

    def ways(self, request: HttpRequest) -> Ways:
        """Links to other pages, as far as they are open to the reader."""
        return Ways(request)

    def found_as(self, obj: Model) -> str:
        """One line about the object for search results and headings."""
        return str(obj)

    def figures(self, request: HttpRequest) -> Iterable[Figure]:
        """Numbers for the first page, asked only for whoever may view this thing."""
        return ()

    # -- actions -----------------------------------------------------------------------------------------------------

    def decide(self, request: HttpRequest, object_id: str, command: Callable[[], object], *, done: str) -> HttpResponse:
        """Run the command of a dialog, log it with its actor, and lead back to the object, telling what came of it.

        `done` is the sentence for success and for the log. A refusal (BHError) is shown in its own words.
        """
        found = self.get_object(request, object_id)
        try:
            command()
        except BHError as refusal:
            self.message_user(request, refusal.detail, messages.ERROR)
        else:
            if found is not None:
                self.log_change(request, found, done)
            self.message_user(request, done, messages.SUCCESS)
        target = self.address(found) if found is not None else self.address()
        return HttpResponse(headers={"HX-Redirect": target})

    def log_reading(self, request: HttpRequest, obj: Model, what: str) -> None:
        """Log that somebody read what is personal, once a day for each person and object."""
        today = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        read = LogEntry.objects.filter(
            user_id=request.user.pk,
            content_type=ContentType.objects.get_for_model(obj),
            object_id=str(obj.pk),
            action_time__gte=today,
        )
        if not any(what in entry.change_message for entry in read):
            self.log_change(request, obj, what)

    def carry_out(
        self,
        request: HttpRequest,
        chosen: QuerySet[Any],
        command: Callable[[Any], object],
        *,
        done: str,
        lock_first: Callable[[Any], object] | None = None,
    ) -> None:
        """Run a command for each chosen row, each locked and in a transaction of its own; say how many did and did not.

        `done` completes "12 …" and is each row's log line, such as "sent again". `lock_first` is called with the row's key
        before the row is locked, where another row has to be locked before it.
        """
        did, refused = 0, list[str]()
        for key in chosen.order_by("pk").values_list("pk", flat=True):
            try:
                with transaction.atomic():
                    if lock_first is not None:
                        lock_first(key)
                    row = self.model._default_manager.select_for_update().filter(pk=key).first()
                    if row is None:
                        refused.append(f"{key}: gone")
                        continue
                    command(row)
                    self.log_change(request, row, done)
            except BHError as refusal:
                refused.append(f"{key}: {refusal.detail}")
            else:
                did += 1
        self.message_user(request, f"{did} {done}.", messages.SUCCESS if did else messages.WARNING)
        if refused:
            shown = "; ".join(refused[:5]) + (" …" if len(refused) > 5 else "")
            self.message_user(request, f"{len(refused)} not: {shown}", messages.ERROR)
