"""What is being gathered for people, and what became of it, to read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.paginator import InfinitePaginator

from bh_sdk.server.admin import CasePage, Figure, display, parts
from bh_sdk.server.ops import clock
from notify_svc.digests.models import Window

_TONES: dict[str, parts.Tone] = {"open": "info", "sent": "success", "empty": "", "dropped": "warning"}
_NEWS = {"subscription": "News of campaigns", "social": "What people do"}
_MEANS = {
    "open": "It goes at its time, unless all of it is read in the app before.",
    "sent": "One mail was made of it.",
    "empty": "Everything had been read in the app, or was no news any more, so no mail was made.",
    "dropped": "They do not want these any more, so no mail was made.",
}


@admin.register(Window)
class WindowAdmin(CasePage):
    """Seen by whoever may see preferences."""

    thing, desk, desk_order, icon, order = "preference", "Messages", 10, "inventory_2", 35
    list_display = ("user_id", "category", "channel", "frequency", "state_shown", "closes_at")
    list_filter: ClassVar = [
        ("closed_at", admin.EmptyFieldListFilter),
        "category",
        "frequency",
        "outcome",
        ("opened_at", RangeDateFilter),
    ]
    ordering: ClassVar = ["-opened_at", "-id"]
    paginator = InfinitePaginator
    search_fields: ClassVar = ["user_id"]
    search_help_text = "Id of a person, of a digest, or of its notification"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Window], search_term: str
    ) -> tuple[QuerySet[Window], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            wanted = UUID(term)
        except ValueError:
            return queryset.none(), False
        return queryset.filter(Q(id=wanted) | Q(user_id=wanted) | Q(notification_id=wanted)), False

    def figures(self, request: HttpRequest) -> Iterable[Figure]:
        gathering = Window.objects.filter(closed_at__isnull=True)
        late = gathering.filter(closes_at__lt=clock.now() - timedelta(minutes=5)).count()
        yield Figure("Open digests", str(gathering.count()), "being gathered", f"{self.address()}?closed_at__isempty=1")
        yield Figure("Late digests", str(late), "due for more than five minutes", pressing=late > 0)

    @display(description="State", label=dict(_TONES))
    def state_shown(self, row: Any) -> str:
        return row.outcome or "open"

    def found_as(self, obj: Any) -> str:
        return f"{_NEWS[obj.category]}, {obj.frequency}"

    def _mail(self, request: HttpRequest, obj: Window) -> str:
        return (
            self.ways(request).one("notify_delivery.notification", obj.notification_id) if obj.notification_id else ""
        )

    def case(self, request: HttpRequest, obj: Window) -> parts.Case:
        state = obj.outcome or "open"
        return parts.Case(
            headline=parts.Headline(
                title=f"{_NEWS[obj.category]}, {obj.frequency}",
                below=f"by {obj.channel} to {obj.user_id}",
                status=state,
                tone=_TONES[state],
                notice=_MEANS[state],
            ),
            wide=[
                parts.Facts(
                    "Gathered",
                    [
                        parts.Fact(
                            f"{item.gathered_at:%d %b, %H:%M} UTC",
                            str(item.notification_id),
                            mono=True,
                            href=self.ways(request).one("notify_delivery.notification", item.notification_id),
                            note=f"left out: {item.left_out}" if item.left_out else "",
                        )
                        for item in obj.items.order_by("gathered_at", "id")[:200]
                    ],
                )
            ],
            narrow=[
                parts.Facts(
                    "Digest",
                    [
                        ("Opened", f"{obj.opened_at:%d %b %Y, %H:%M} UTC"),
                        ("Goes", f"{obj.closes_at:%d %b %Y, %H:%M} UTC"),
                        ("Closed", f"{obj.closed_at:%d %b %Y, %H:%M} UTC" if obj.closed_at else "not yet"),
                        parts.Fact(
                            "Its mail", str(obj.notification_id or "none"), mono=True, href=self._mail(request, obj)
                        ),
                    ],
                )
            ],
        )
