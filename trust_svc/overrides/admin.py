"""The desk of overrides: what waits for a second person, what is in force until when, and what is over."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from unfold.contrib.filters.admin import RangeDateFilter

from bh_sdk.server.admin import CasePage, Dialog, Figure, action, display, parts
from bh_sdk.server.ops import clock
from trust_svc import elsewhere
from trust_svc.cases.queries import name_in, names
from trust_svc.evidence import queries as evidence
from trust_svc.overrides import commands, rules
from trust_svc.overrides.dialogs import Agree, Say, told
from trust_svc.overrides.models import Override

STATE: dict[str, tuple[str, parts.Tone]] = {
    "waiting": ("Waits for a second person", "warning"),
    "active": ("In force", "success"),
    "ended": ("Over", ""),
    "rejected": ("Rejected", "danger"),
    "withdrawn": ("Withdrawn", ""),
}
TONES: dict[str, str] = {text: tone for text, tone in STATE.values() if tone}
_WAITING_FIRST = Case(
    When(state="waiting", then=Value(0)),
    When(state="active", then=Value(1)),
    default=Value(2),
    output_field=IntegerField(),
)
ENDED = {"expired": "Ended by itself", "revoked": "Revoked", "replaced": "Replaced by another"}


@admin.register(Override)
class OverrideAdmin(CasePage):
    """`override` in the policies: `view`, `approve`, `reject`, `withdraw`, `revoke`. Asking stands on the page of a score."""

    thing, desk, desk_order, icon, order = "override", "Trust", 10, "edit_attributes", 22

    list_display = ("about", "told_as", "state_label", "who_acts", "change_shown", "requested_at", "expires_at")
    list_filter: ClassVar = ["state", "what", "reason", "entity_kind", ("requested_at", RangeDateFilter)]
    search_fields: ClassVar = ["entity_id"]
    search_help_text = "Id of an override, a campaign or a person, or words of a campaign's title"
    actions: ClassVar = ["approve_chosen"]
    actions_detail: ClassVar = ["approve", "reject", "withdraw", "revoke"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Override]:
        found: QuerySet[Override] = (
            super().get_queryset(request).annotate(title=evidence.title_of("entity_id"), asker=name_in("requested_by"))
        )
        return found

    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:
        """What waits for somebody, the oldest first; then what is in force; then the past."""
        return (_WAITING_FIRST, "-requested_at", "id")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Override], search_term: str
    ) -> tuple[QuerySet[Override], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            wanted = UUID(term)
        except ValueError:
            return queryset.filter(entity_kind="campaign", entity_id__in=evidence.titled(term)), False
        return queryset.filter(Q(id=wanted) | Q(entity_id=wanted)), False

    def found_as(self, obj: Any) -> str:
        return f"Override: {told(obj)} for {_about(obj)}"

    def figures(self, request: HttpRequest) -> Iterable[Figure]:
        waiting = Override.objects.filter(state=rules.WAITING).count()
        href = f"{self.address()}?state__exact={rules.WAITING}"
        yield Figure("Overrides to agree to", str(waiting), href=href, pressing=waiting > 0)

    @display(description="About", header=True)
    def about(self, row: Any) -> list[str]:
        return [_about(row), f"{row.entity_kind} {row.entity_id}"]

    @display(description="Sets")
    def told_as(self, row: Override) -> str:
        return told(row)

    @display(description="State", ordering="state", label=TONES)
    def state_label(self, row: Override) -> str:
        return STATE[row.state][0]

    @display(description="Who acts")
    def who_acts(self, row: Any) -> str:
        """Who has to do something, and nothing where nobody has."""
        return f"anybody but {row.asker or 'who asked'}" if row.state == rules.WAITING else ""

    @display(description="Change", ordering="change")
    def change_shown(self, row: Override) -> str:
        return f"{row.change:.1f} points"

    # -- who may press what, on this very override --------------------------------------------------------------------

    def has_approve_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self.may(request, "approve") and self._decides(request, object_id)

    def has_reject_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self.may(request, "reject") and self._decides(request, object_id)

    def has_withdraw_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        row = _row(object_id)
        mine = row is None or (row.state == rules.WAITING and str(row.requested_by) == self.actor(request))
        return self.may(request, "withdraw") and mine

    def has_revoke_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        row = _row(object_id)
        theirs = row is None or (row.state == rules.ACTIVE and str(row.owner_id) != self.actor(request))
        return self.may(request, "revoke") and theirs

    def _decides(self, request: HttpRequest, object_id: object) -> bool:
        """No button for whoever asked or owns it; the command and the database say the same."""
        row = _row(object_id)
        own = row is not None and self.actor(request) in (str(row.requested_by), str(row.owner_id))
        return row is None or (row.state == rules.WAITING and not own)

    # -- actions ------------------------------------------------------------------------------------------------------

    @admin.action(description="Agree to the chosen overrides", permissions=["approve"])
    def approve_chosen(self, request: HttpRequest, chosen: QuerySet[Override]) -> None:
        """Each by itself, through the command: what stands in the way of one holds up no other."""

        def approve(row: Override) -> None:
            commands.approve_override(override_id=row.id, by=UUID(self.actor(request)), note="Agreed to with others")

        self.carry_out(request, chosen, approve, done="agreed to")

    @action(
        title="Agree",
        verb="approve",
        question="It counts at once, everywhere, until its time is over. The owner is told.",
        form=Agree,
        icon="check",
        look="primary",
    )
    def approve(self, request: HttpRequest, form: Agree, object_id: str) -> HttpResponse:
        command = self._decision(request, form, object_id, commands.approve_override)
        return self.decide(request, object_id, command, done="Override in force")

    @action(
        title="Reject",
        verb="reject",
        question="Nothing changes; what is calculated goes on counting.",
        form=Say,
        icon="block",
        look="danger",
    )
    def reject(self, request: HttpRequest, form: Say, object_id: str) -> HttpResponse:
        command = self._decision(request, form, object_id, commands.reject_override)
        return self.decide(request, object_id, command, done="Override rejected")

    @action(
        title="Withdraw",
        verb="withdraw",
        question="You asked for this. Taken back, nothing changes.",
        form=Agree,
        icon="undo",
    )
    def withdraw(self, request: HttpRequest, form: Agree, object_id: str) -> HttpResponse:
        command = self._decision(request, form, object_id, commands.withdraw_override)
        return self.decide(request, object_id, command, done="Override withdrawn")

    @action(
        title="Revoke",
        verb="revoke",
        question="What is calculated counts again at once. The owner is told.",
        form=Say,
        icon="history",
        look="danger",
    )
    def revoke(self, request: HttpRequest, form: Say, object_id: str) -> HttpResponse:
        command = self._decision(request, form, object_id, commands.revoke_override)
        return self.decide(request, object_id, command, done="Override revoked")

    def _decision(
        self, request: HttpRequest, form: Dialog, object_id: str, command: Callable[..., object]
    ) -> Callable[[], object]:
        by, note = UUID(self.actor(request)), form.cleaned_data["note"]
        return partial(command, override_id=UUID(object_id), by=by, note=note)

    # -- the page -----------------------------------------------------------------------------------------------------

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        text, tone = STATE[obj.state]
        people = names({p for p in (obj.requested_by, obj.approved_by, obj.rejected_by, obj.ended_by) if p is not None})
        return parts.Case(
            headline=parts.Headline(
                title=_about(obj),
                figure=told(obj),
                below=rules.REASONS[obj.reason],
                status=text,
                tone=tone,
                notice=self._notice(request, obj),
            ),
            wide=[parts.Words("Why", obj.note), parts.Timeline("What happened", _moments(obj, people))],
            narrow=[
                _terms(obj),
                elsewhere.card(self.ways(request), obj.entity_kind, obj.entity_id),
                _itself(obj),
            ],
        )

    def _notice(self, request: HttpRequest, row: Override) -> str:
        """Who acts next."""
        if row.state == rules.WAITING:
            if str(row.requested_by) == self.actor(request):
                return "You asked for this, so another analyst or an admin agrees or rejects. You may withdraw it."
            return "An analyst or admin who did not ask for it agrees or rejects. Until then nothing has changed."
        if row.state == rules.ACTIVE:
            until = f"{row.expires_at:%d %b %Y %H:%M} UTC" if row.expires_at else ""
            return f"Counts until {until}, then ends by itself. Any analyst may revoke it before."
        return ""


def _row(object_id: object) -> Override | None:
    """The override a button is about. Django asks with its id, with its row, or with nothing for a list."""
    if object_id is None or isinstance(object_id, Override):
        return object_id
    try:
        return Override.objects.filter(id=UUID(str(object_id))).first()
    except ValueError:
        return None


def _about(row: Any) -> str:
    return str(getattr(row, "title", "") or f"{row.entity_kind.capitalize()} {str(row.entity_id)[:8]}")


def _moments(row: Override, people: dict[UUID, str]) -> list[parts.Moment]:
    """Newest first."""

    def who(person: UUID | None) -> str:
        return people.get(person, str(person)[:8]) if person is not None else "by itself"

    found = [parts.Moment("Asked for", row.requested_at, who=who(row.requested_by))]
    if row.decided_at is not None:
        decided = {"rejected": ("Rejected", row.rejected_by), "withdrawn": ("Withdrawn", row.requested_by)}
        what, person = decided.get(row.state, ("Agreed to", row.approved_by))
        found.append(parts.Moment(what, row.decided_at, who=who(person), note=row.decision_note))
    if row.placed_at is not None:
        found.append(parts.Moment("In force", row.placed_at))
    if row.ended_at is not None:
        ended = ENDED[row.ended_because or "expired"]
        found.append(parts.Moment(ended, row.ended_at, who=who(row.ended_by), note=row.end_note))
    elif row.expires_at is not None:
        found.append(parts.Moment("Ends", row.expires_at, due=True, late=row.expires_at < clock.now()))
    return found[::-1]


def _terms(row: Override) -> parts.Facts:
    needed = "agreed" if row.approved_by else "needed" if row.state == rules.WAITING else "was needed"
    facts: list[parts.Fact | tuple[str, str]] = [
        parts.Fact("Sets", told(row), strong=True),
        ("Calculated then", f"{row.computed:.1f}"),
        ("Change", f"{row.change:.1f} points"),
        ("Cap then", f"{row.cap:g}" if row.cap < 100 else "none"),
        ("Goes over the cap", "yes" if row.over_cap is not None else "no"),
        ("Second person", needed if row.second_person else "not needed"),
        ("Lasts", f"{row.days} days"),
    ]
    return parts.Facts("The override", facts)


def _itself(row: Override) -> parts.Facts:
    facts: list[parts.Fact | tuple[str, str]] = [parts.Fact("Id of the override", str(row.id), mono=True)]
    if row.replaces_id is not None:
        href = reverse("admin:trust_overrides_override_change", args=(row.replaces_id,))
        facts.append(parts.Fact("Instead of", str(row.replaces_id)[:8], href=href))
    return parts.Facts("Itself", facts)
