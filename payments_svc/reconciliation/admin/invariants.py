"""What must hold at every moment: all of it on one page, and what does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.http import HttpResponse
from django.urls import reverse
from unfold.contrib.filters.admin import RangeDateFilter

from bh_sdk.server.admin import BoardPage, CasePage, Dialog, Figure, action, display, parts
from payments_svc.gateway.errors import GatewayError
from payments_svc.reconciliation import checking, queries
from payments_svc.reconciliation.admin import words
from payments_svc.reconciliation.invariants import SENTENCES
from payments_svc.reconciliation.models import CheckRound, Finding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest


@admin.register(CheckRound)
class HoldsAdmin(BoardPage):
    """Every invariant in one sentence, with when it was last asked."""

    thing, desk, desk_order, icon, order = "invariant", "Reconciliation", 15, "verified", 40
    plural = "What must hold"

    def board(self, request: HttpRequest) -> parts.Board:
        return parts.Board(wide=[_sentences(), _open_findings()])


def _sentences() -> parts.Checks:
    rounds = queries.rounds()
    return parts.Checks(
        "Asked every ten minutes; the balance at Stripe on demand",
        [
            parts.Check(
                sentence
                + (f" (asked {rounds[name].checked_at:%d %b, %H:%M:%S})" if name in rounds else " (not asked yet)"),
                "warning" if name not in rounds else "danger" if rounds[name].open_findings else "success",
            )
            for name, sentence in SENTENCES.items()
        ],
    )


def _open_findings() -> parts.Timeline:
    return parts.Timeline(
        "What does not",
        [
            parts.Moment(
                SENTENCES.get(row.check_name, row.check_name),
                row.first_seen_at,
                who=row.subject,
                note=row.detail,
                href=reverse("admin:payments_reconciliation_finding_change", args=(row.pk,)),
            )
            for row in queries.open_findings()
        ],
        empty="Everything holds.",
    )


class HowFar(Dialog):
    stripe = forms.BooleanField(
        label="Compare our balance with what Stripe reports, too",
        required=False,
        help_text="Money that moves meanwhile shows as a difference",
    )


@admin.register(Finding)
class FindingAdmin(CasePage):
    """What must hold at every moment, and where it does not."""

    thing, desk, desk_order, icon, order = "invariant", "Reconciliation", 15, "report", 41

    list_display = ("sentence", "subject", "detail", "first_seen_at", "last_seen_at", "cleared_at")
    list_filter: ClassVar = [
        "check_name",
        ("first_seen_at", RangeDateFilter),
        ("cleared_at", admin.EmptyFieldListFilter),
    ]
    search_fields: ClassVar = ["=subject"]
    search_help_text = "The id of whatever breaks it"
    actions_list: ClassVar = ["check_now"]

    @display(description="What should hold", ordering="check_name")
    def sentence(self, row: Finding) -> str:
        return SENTENCES.get(row.check_name, row.check_name)

    @action(
        title="Check now",
        verb="check",
        question="Every invariant is asked; it takes a few seconds and changes nothing.",
        form=HowFar,
        icon="fact_check",
        look="primary",
    )
    def check_now(self, request: HttpRequest, form: HowFar) -> HttpResponse:
        found = checking.check_all()
        if form.cleaned_data["stripe"]:
            try:
                found += checking.check_balance()
            except GatewayError:
                self.message_user(request, "Stripe does not answer; our balance was not compared.", messages.WARNING)
        text = "Everything holds." if found == 0 else f"{found} findings."
        self.message_user(request, text, messages.SUCCESS if found == 0 else messages.ERROR)
        return HttpResponse(headers={"HX-Redirect": self.address()})

    def figures(self, request: HttpRequest) -> Iterable[Figure]:
        broken = queries.open_findings()
        asked = max((row.checked_at for row in queries.rounds().values()), default=None)
        yield Figure(
            "What must hold",
            "everything holds"
            if not broken and asked
            else "not asked yet"
            if asked is None
            else f"{len(broken)} do not",
            note=f"asked {asked:%d %b, %H:%M}" if asked else "",
            href=self.address() + "?cleared_at__isempty=1",
            pressing=bool(broken),
        )

    def found_as(self, obj: Any) -> str:
        return str(self.sentence(obj))

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        return parts.Case(
            headline=parts.Headline(
                title=self.sentence(obj),
                figure="Holds again" if obj.cleared_at else "Does not hold",
                below=obj.detail,
                tone="success" if obj.cleared_at else "danger",
                status="cleared" if obj.cleared_at else "open",
            ),
            wide=[_sentences()],
            narrow=[
                parts.Facts(
                    "About",
                    [
                        parts.Fact("Where", obj.subject, mono=True),
                        parts.Fact("First seen", words.day(obj.first_seen_at)),
                        parts.Fact("Last seen", words.day(obj.last_seen_at)),
                        parts.Fact("Held again", words.day(obj.cleared_at)),
                    ],
                )
            ],
        )
