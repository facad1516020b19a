"""What was asked to be told to many: who asked, how many people, how far it is. Support takes one back."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.contrib.filters.admin import ChoicesCheckboxFilter, RangeDateFilter
from unfold.paginator import InfinitePaginator

from bh_sdk.server.access.models import Staff
from bh_sdk.server.admin import CasePage, Dialog, Figure, action, display, parts
from bh_sdk.server.ops import clock
from notify_svc.audience import queries as audience
from notify_svc.delivery import mailings, progress
from notify_svc.delivery.admin.deliveries import DESK
from notify_svc.delivery.models import Mailing

STATES: dict[str, tuple[str, parts.Tone]] = {
    "open": ("Telling people", "info"),
    "done": ("Everybody told", "success"),
    "expired": ("Expired", "warning"),
    "canceling": ("Being taken back", "warning"),
    "canceled": ("Taken back", ""),
}
PAUSED = "Paused"
TONES = dict(STATES.values()) | {PAUSED: "warning"}
MEANS = {
    "open": "Page by page, so that what one person is told about their own gift does not wait.",
    "done": "Everybody of the audience was told. What is still queued goes at its time.",
    "expired": "Its time was over before everybody was told. Nobody else is.",
    "canceling": "Nothing of it leaves any more. What was accepted is being taken back page by page.",
    "canceled": "What had not left by then never does. What had left cannot be called back.",
}
TO_WHOM = {
    "donors": "Donors of a campaign",
    "followers": "Followers of a campaign",
    "consented": "Who said yes to being written to",
    "listed": "A list of people",
    "named": "People named in the call",
}


@admin.register(Mailing)
class MailingAdmin(CasePage):
    """`mailing` in the policies: `view`, `cancel`."""

    thing, desk, desk_order, icon, order = "mailing", DESK, 10, "forward_to_inbox", 15
    list_display = ("type_shown", "audience_shown", "state_shown", "told_shown", "asked_by", "created_at")
    list_filter: ClassVar = [
        ("status", ChoicesCheckboxFilter),
        ("audience", ChoicesCheckboxFilter),
        ("created_at", RangeDateFilter),
    ]
    ordering: ClassVar = ["-created_at", "-id"]
    paginator = InfinitePaginator
    search_fields: ClassVar = ["id"]
    search_help_text = "Id of a mailing or a campaign"
    actions_detail: ClassVar = ["cancel"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            wanted = UUID(term)
        except ValueError:
            return queryset.none(), False
        return queryset.filter(id=wanted) | queryset.filter(campaign_id=wanted), False

    def found_as(self, obj: Any) -> str:
        return f"Mailing of {obj.order['type']}"

    def figures(self, request: HttpRequest) -> Iterable[Figure]:
        stuck = Mailing.objects.filter(status__in=("open", "canceling"), tries__gt=0).count()
        href = f"{self.address()}?status=open"
        yield Figure("Mailings that stumble", str(stuck), "a page of theirs failed; it is tried again", href, stuck > 0)

    @display(description="Message")
    def type_shown(self, row: Mailing) -> str:
        return str(row.order["type"])

    @display(description="To", ordering="audience")
    def audience_shown(self, row: Mailing) -> str:
        return TO_WHOM[row.audience]

    @display(description="State", ordering="status", label={**TONES})
    def state_shown(self, row: Mailing) -> str:
        return PAUSED if row.paused_at and row.status in ("open", "done") else STATES[row.status][0]

    @display(description="Told")
    def told_shown(self, row: Mailing) -> str:
        return progress.in_a_row(row.reached, row.expected)

    @display(description="Asked by", ordering="accepted_by")
    def asked_by(self, row: Mailing) -> str:
        return named(row.accepted_by)

    def has_cancel_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        """A broadcast is stopped where it was approved, so that its page tells who did."""
        row = object_id if isinstance(object_id, Mailing) or object_id is None else self._row(request, object_id)
        going = row is None or (row.status in ("open", "done", "expired") and not _broadcast(row))
        return self.may(request, "cancel") and going

    def _row(self, request: HttpRequest, object_id: object) -> Mailing | None:
        found = self.get_object(request, str(object_id))
        return found if isinstance(found, Mailing) else None

    @action(
        title="Take it back",
        verb="cancel",
        question="Nobody else is told, and what has not left never does. What has left cannot be called back.",
        form=Dialog,
        icon="block",
        look="danger",
    )
    def cancel(self, request: HttpRequest, form: Dialog, object_id: str) -> HttpResponse:
        command = partial(mailings.stop, mailing_id=UUID(object_id))
        return self.decide(request, object_id, command, done="The mailing is being taken back")

    def case(self, request: HttpRequest, obj: Mailing) -> parts.Case:
        state = self.state_shown(obj)
        return parts.Case(
            headline=parts.Headline(
                title=str(obj.order["type"]),
                figure=f"{obj.reached:,}",
                unit=f"of {max(obj.expected, obj.reached):,} people told",
                below=TO_WHOM[obj.audience],
                status=state,
                tone=TONES[state],
                notice=_notice(obj),
            ),
            wide=[
                progress.bars(obj.id),
                parts.Timeline("What happened", _timeline(obj)),
            ],
            narrow=[self._asked(request, obj), _order(obj)],
        )

    def _asked(self, request: HttpRequest, row: Mailing) -> parts.Facts:
        broadcast = _broadcast(row)
        facts = [parts.Fact("Asked by", named(row.accepted_by))]
        if broadcast:
            href = self.ways(request).one("notify_broadcasts.broadcast", broadcast)
            facts = [parts.Fact("Broadcast", "where it was written and approved", href=href)]
        facts += [parts.Fact("Asked", f"{row.created_at:%d %b %Y, %H:%M:%S} UTC")]
        if row.campaign_id:
            campaign = audience.campaign(row.campaign_id)
            href = self.ways(request).one("notify_audience.campaign", row.campaign_id) if campaign else ""
            facts.append(parts.Fact("Campaign", str(campaign or row.campaign_id), href=href))
        if row.languages:
            facts.append(parts.Fact("Who reads", ", ".join(row.languages)))
        if row.per_minute:
            facts.append(parts.Fact("At most", f"{row.per_minute:,} people a minute"))
        return parts.Facts("Who and whom", [*facts, parts.Fact("Mailing", str(row.id), mono=True)])


def named(by: str) -> str:
    """Who asked, as staff know them: a person of the staff, a program, or a person of the platform by id."""
    known = Staff.objects.filter(sub=by).first() if len(by) == 36 else None
    return str(known) if known else by


def _broadcast(row: Mailing) -> str:
    kind, _, about = row.dedupe.partition(":")
    return about if kind == "broadcast" else ""


def _notice(row: Mailing) -> str:
    if row.paused_at and row.status in ("open", "done"):
        return "Paused: nobody else is told, and what has not left is held."
    if row.status == "open" and row.tries:
        return f"A page could not be told ({row.tries} tries). It is tried again; the log says why."
    return MEANS[row.status]


def _order(row: Mailing) -> parts.Facts:
    about = row.order
    return parts.Facts(
        "Message",
        [
            ("Type", str(about["type"])),
            ("By", ", ".join(about["channels"] or ["every channel with words"])),
            ("Priority", str(about["priority"])),
            ("Test", "yes: nothing leaves the house" if about["test"] else "no"),
            ("Expires", f"{about['expires_at'][:16].replace('T', ' ')} UTC" if about["expires_at"] else "never"),
        ],
    )


def _timeline(row: Mailing) -> list[parts.Moment]:
    moments = [parts.Moment("Asked for", row.created_at, who=named(row.accepted_by))]
    if row.paused_at:
        moments.insert(0, parts.Moment("Paused", row.paused_at))
    if row.finished_at:
        moments.insert(0, parts.Moment(STATES[row.status][0], row.finished_at))
    elif not row.paused_at:
        late = row.due_at < clock.now() and row.tries > 0
        moments.insert(0, parts.Moment("Next page", row.due_at, due=True, late=late))
    return moments
