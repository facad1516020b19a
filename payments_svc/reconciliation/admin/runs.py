"""Runs: what was compared, what it came to, and what differs."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.http import HttpResponse
from django.urls import reverse
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.widgets import UnfoldAdminTextInputWidget

from bh_sdk.money import Money
from bh_sdk.server.admin import CasePage, Dialog, Figure, action, display, parts
from bh_sdk.server.ops import clock
from payments_svc.reconciliation import commands, queries
from payments_svc.reconciliation.admin import words
from payments_svc.reconciliation.models import Run
from payments_svc.reconciliation.rules import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest

_SHOWN = 50


class Window(Dialog):
    """Which days; the last one included."""

    since = forms.DateField(label="From", help_text="Such as 2026-11-01 (UTC)", widget=UnfoldAdminTextInputWidget())
    until = forms.DateField(
        label="To", required=False, help_text="Included; empty: until now", widget=UnfoldAdminTextInputWidget()
    )

    def times(self) -> tuple[datetime, datetime]:
        since = datetime.combine(self.cleaned_data["since"], time(), tzinfo=UTC)
        last = self.cleaned_data["until"]
        return since, datetime.combine(last, time(), tzinfo=UTC) + timedelta(days=1) if last else clock.now()


@admin.register(Run)
class RunAdmin(CasePage):
    """A run's page is its one-page summary: made to be printed."""

    thing, desk, desk_order, icon, order = "reconciliation", "Reconciliation", 15, "rule", 10

    list_display = ("window", "state_label", "read", "matched", "found", "cleared", "started_at")
    list_filter: ClassVar = ["state", ("started_at", RangeDateFilter)]
    actions_list: ClassVar = ["reconcile"]
    in_palette = False

    @display(description="Window", ordering="since")
    def window(self, row: Run) -> str:
        return f"{row.since:%d %b, %H:%M} to {row.until:%d %b %Y, %H:%M}"

    @display(description="State", ordering="state", label={text: str(tone) for text, tone in words.RUN_STATES.values()})
    def state_label(self, row: Run) -> str:
        return words.RUN_STATES[row.state][0]

    @action(
        title="Reconcile",
        verb="run",
        question="Stripe's statement of these days is laid beside the ledger. Nothing is booked but payouts to our bank.",
        form=Window,
        icon="rule",
        look="primary",
    )
    def reconcile(self, request: HttpRequest, form: Window) -> HttpResponse:
        since, until = form.times()
        run = commands.start_run(since=since, until=until, by=self.actor(request))
        self.log_addition(request, run, "Reconciliation started")
        self.message_user(request, "Started. The page fills when Stripe's statement is read.", messages.SUCCESS)
        return HttpResponse(headers={"HX-Redirect": self.address(run)})

    def figures(self, request: HttpRequest) -> Iterable[Figure]:
        run = queries.last_run()
        yield Figure(
            "Last reconciliation",
            f"{run.finished_at:%d %b, %H:%M}" if run and run.finished_at else "never",
            note=f"{run.matched} matched, {run.found} differ" if run else "",
            href=self.address(run),
        )

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        text, tone = words.RUN_STATES[obj.state]
        return parts.Case(
            headline=parts.Headline(
                title=f"Reconciliation, {self.window(obj)}",
                figure=str(obj.found),
                unit="break" if obj.found == 1 else "breaks",
                below=f"{obj.matched} of {obj.read} transactions read are matched; {obj.cleared} older breaks are gone",
                status=text,
                tone=tone,
                notice=obj.note or "",
            ),
            wide=[self._sums(obj), self._kinds(obj), self._breaks(obj), self._payouts(obj)],
            narrow=[
                parts.Facts(
                    "The run",
                    [
                        ("Asked by", words.name(obj.asked_by)),
                        ("Started", words.day(obj.started_at)),
                        ("Finished", words.day(obj.finished_at)),
                        parts.Fact(
                            "Breaks as CSV",
                            "take along",
                            href=f"/staff/reports/breaks-of-runs/?format=csv&run={obj.id}",
                            note="logged with your name",
                        ),
                    ],
                )
            ],
        )

    def _sums(self, run: Run) -> parts.Table:
        rows = []
        for code, of in run.sums.items():
            for side, name in (("there", "Stripe's statement"), ("here", "Our ledger")):
                amount, fee = of.get(f"{side}_amount", 0), of.get(f"{side}_fee", 0)
                moved = [Money(minor, code).decimal for minor in (amount, fee, amount - fee)]
                rows.append([code, name, str(of.get(f"{side}_lines", 0)), *moved])
        return parts.Table(
            "What moved within the window",
            ["Currency", "Side", "Moves", "Amount", "Fees", "Net"],
            rows,
            numeric=frozenset({2, 3, 4, 5}),
        )

    def _kinds(self, run: Run) -> parts.Table:
        counted = queries.breaks_by_kind(run)
        rows = [
            [kind.replace("_", " "), sentence, *map(str, counted.get(kind, (0, 0)))] for kind, sentence in KINDS.items()
        ]
        return parts.Table("Breaks by kind", ["Kind", "Means", "Found", "To work"], rows, numeric=frozenset({2, 3}))

    def _breaks(self, run: Run) -> parts.Timeline:
        """As they stood when the run ended; each leads to how it stands now."""
        return parts.Timeline(
            "The breaks",
            [
                parts.Moment(
                    f"{row.kind.replace('_', ' ')}: {row.key}",
                    row.at,
                    who=words.STATES[row.state][0],
                    note=f"difference {words.money(row.difference)}",
                    href=reverse("admin:payments_reconciliation_break_change", args=(row.of_id,)),
                )
                for row in run.found_breaks.all()[:_SHOWN]
            ],
            empty="Both sides agree.",
        )

    def _payouts(self, run: Run) -> parts.Table:
        rows = [
            [
                row["id"],
                str(Money(row["amount"], row["currency"])),
                row["status"],
                str(row["moves"]),
                Money(row["net"], row["currency"]).decimal,
            ]
            for row in (queries.payouts_of(run) if run.payouts is None else run.payouts)
        ]
        return parts.Table(
            "Payouts to our bank",
            ["Payout", "Amount", "State", "Moves in it", "They come to"],
            rows,
            numeric=frozenset({1, 3, 4}),
        )
