"""People and campaigns, as staff may see them: an address is shown by its first letter and its domain."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from bh_sdk.server.admin import CasePage, parts
from notify_svc.audience import queries, rules
from notify_svc.audience.models import Campaign, Contact
from notify_svc.tracking import queries as tracking

DESK = "People"
# Where the person is found by id.
ELSEWHERE = {
    "Deliveries": "notify_delivery.delivery",
    "Notifications": "notify_delivery.notification",
    "Digests": "notify_digests.window",
    "What they want to hear": "notify_preferences.person",
}


@admin.register(Contact)
class ContactAdmin(CasePage):
    """How people are reached. Found by id or by the exact mail address."""

    thing, desk, desk_order, icon, order = "contact", DESK, 30, "contact_mail", 10
    list_display = ("user_id", "has_email", "has_phone", "locale", "timezone", "updated_at")
    list_filter: ClassVar = ["has_email", "locale"]
    search_fields: ClassVar = ["user_id"]
    search_help_text = "A person's id, or the exact mail address"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            return queryset.filter(user_id=UUID(term)), False
        except ValueError:
            return queryset.filter(email_hash__in=queries.hashes_of(term)), False

    def case(self, request: HttpRequest, obj: Contact) -> parts.Case:
        ways, person = self.ways(request), str(obj.user_id)
        elsewhere = [
            parts.Fact(title, "See", href=ways.many(model, q=person))
            for title, model in ELSEWHERE.items()
            if ways.open(model)
        ]
        return parts.Case(
            headline=parts.Headline(title="Contact", below=str(obj.user_id)),
            wide=[
                parts.Facts(
                    "Reached by",
                    [
                        self._email(request, obj),
                        ("Phone", rules.masked_phone(obj.phone.open()) if obj.phone else "none"),
                        ("Name", rules.masked(obj.name.open()) if obj.name else "none"),
                    ],
                ),
                parts.Facts("What they were told, and want", elsewhere),
            ],
            narrow=[
                parts.Facts(
                    "Where they live",
                    [
                        ("Language", obj.locale),
                        ("Time zone", obj.timezone),
                        ("Updated", f"{obj.updated_at:%d %b %Y, %H:%M} UTC"),
                    ],
                )
            ],
        )

    def _email(self, request: HttpRequest, obj: Contact) -> parts.Fact:
        if not obj.email:
            return parts.Fact("Email", "none")
        email = obj.email.open()
        held = tracking.suppression_of(queries.hashes_of(email), "email")
        note = f"suppressed since {held.since:%d %b %Y}: nothing goes to it" if held else ""
        href = self.ways(request).one("notify_tracking.suppression", held.pk) if held else ""
        return parts.Fact("Email", rules.masked_email(email), note=note, href=href)


@admin.register(Campaign)
class CampaignAdmin(CasePage):
    """What payments told us of campaigns."""

    thing, desk, desk_order, icon, order = "campaign", DESK, 30, "campaign", 20
    list_display = ("title", "currency", "owner_id", "updated_at")
    list_filter: ClassVar = ["currency"]
    search_fields: ClassVar = ["title"]
    search_help_text = "Title"

    def case(self, request: HttpRequest, obj: Campaign) -> parts.Case:
        return parts.Case(
            headline=parts.Headline(title=obj.title, below=str(obj.campaign_id)),
            wide=[
                parts.Facts(
                    "Known of it",
                    [
                        parts.Fact("Owner", str(obj.owner_id), mono=True),
                        ("Currency", obj.currency),
                        ("Category", obj.category or "none"),
                        ("Supporters with an account", str(len(queries.supporters(obj.campaign_id)))),
                    ],
                )
            ],
        )
