"""The access pages of every service: policies, revocations, staff, and who did what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.db import transaction

from bh_sdk.server.access import watch
from bh_sdk.server.access.forms import PolicyForm, StaffForm
from bh_sdk.server.access.models import Policy, Revocation, Staff
from bh_sdk.server.admin import Guarded, display

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet
    from django.forms import Form
    from django.http import HttpRequest

DESK = "Access"
LAST = 90


class Watched(Guarded):
    """A page whose changes every process must learn of: this one at once, the others within a second."""

    desk = DESK
    desk_order = LAST
    # Small tables: counting them costs nothing.
    show_full_result_count = True

    def save_model(self, request: HttpRequest, obj: Any, form: Form, change: bool) -> None:
        super().save_model(request, obj, form, change)
        transaction.on_commit(watch.look_again)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        super().delete_model(request, obj)
        transaction.on_commit(watch.look_again)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        super().delete_queryset(request, queryset)
        transaction.on_commit(watch.look_again)


@admin.register(Policy)
class PolicyAdmin(Watched):
    """Who may do what. A line is added or deleted, never changed, so that the log tells the whole story."""

    thing = "policy"
    icon = "policy"
    order = 10
    writes = frozenset({"add", "delete"})
    form = PolicyForm
    fields = ("role", "right")
    list_display = ("who", "may_do", "kind")
    list_display_links = ("who",)
    list_filter = (("v0", admin.AllValuesFieldListFilter), ("v1", admin.AllValuesFieldListFilter))
    search_fields = ("v0", "v1", "v2")
    search_help_text = "Role, noun or verb"
    list_per_page = 200

    @display(description="Role", ordering="v0", label=True)
    def who(self, line: Policy) -> str:
        return str(line.v0)

    @display(description="May", ordering="v1")
    def may_do(self, line: Policy) -> str:
        return f"everything {line.v1} may" if line.ptype == "g" else f"{line.v2} {line.v1}"

    @display(description="Kind", label={"policy": "info", "role includes role": "warning"})
    def kind(self, line: Policy) -> str:
        return "role includes role" if line.ptype == "g" else "policy"

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return super().get_fields(request, obj) if obj is None else ("who", "may_do")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return super().get_readonly_fields(request, obj) if obj is None else ("who", "may_do")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The lines that let admins edit policies stay: without them nobody could bring anything back."""
        keeps_the_key = obj is not None and (obj.ptype, obj.v0, obj.v1) == ("p", "admin", "policy")
        return not keeps_the_key and super().has_delete_permission(request, obj)


@admin.register(Revocation)
class RevocationAdmin(Watched):
    thing = "revocation"
    icon = "block"
    order = 30
    writes = frozenset({"add", "delete"})
    fields = ("kind", "value", "until", "reason")
    list_display = ("kind_label", "value", "until", "reason", "created_at")
    list_display_links = ("value",)
    list_filter = ("kind",)
    search_fields = ("value", "reason")

    @display(description="Refuses", label={"subject": "danger", "token": "warning"})
    def kind_label(self, revocation: Revocation) -> str:
        return revocation.kind

    def save_model(self, request: HttpRequest, obj: Revocation, form: Form, change: bool) -> None:
        obj.revoked_by = self.actor(request)
        super().save_model(request, obj, form, change)


@admin.register(Staff)
class StaffAdmin(Watched):
    thing = "staff"
    icon = "badge"
    order = 20
    writes = frozenset({"add", "change"})
    form = StaffForm
    fields = ("username", "sub", "name", "email", "roles", "is_active", "password_new")
    readonly_fields = ()
    list_display = ("username", "name", "role_list", "is_active", "last_login")
    list_filter = ("is_active",)
    search_fields = ("username", "name", "email")

    @display(description="Roles")
    def role_list(self, staff: Staff) -> str:
        return ", ".join(staff.roles)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Whoever may only look sees no field for a password."""
        may_write = self.has_add_permission(request) if obj is None else self.has_change_permission(request, obj)
        return self.fields if may_write else [name for name in self.fields if name != "password_new"]

    def save_model(self, request: HttpRequest, obj: Staff, form: Form, change: bool) -> None:
        if change and obj.pk == request.user.pk and not (obj.is_active and "admin" in obj.roles):
            stored = Staff.objects.get(pk=obj.pk)
            obj.is_active, obj.roles = stored.is_active, stored.roles
            text = "Nobody takes away their own account or role: somebody else must."
            self.message_user(request, text, messages.ERROR)
        super().save_model(request, obj, form, change)


@admin.register(LogEntry)
class LogAdmin(Guarded):
    """What staff did in the admin: written by the pages, read by auditors, changed by nobody."""

    thing = "log"
    desk = DESK
    desk_order = LAST
    icon = "history"
    in_palette = False
    order = 40
    list_display = ("action_time", "user", "did", "content_type", "object_repr", "said")
    list_display_links = None
    list_filter = ("action_flag", ("content_type", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("user", "content_type")
    search_fields = ("object_repr", "user__username")
    date_hierarchy = "action_time"

    @display(description="Did", label={"added": "success", "changed": "info", "deleted": "danger"})
    def did(self, entry: LogEntry) -> str:
        return {ADDITION: "added", CHANGE: "changed", DELETION: "deleted"}.get(entry.action_flag, "changed")

    @display(description="What")
    def said(self, entry: LogEntry) -> str:
        return str(entry.get_change_message())
