"""Fee rates: what holds, what held, and what is planned. Finance plans; nobody edits."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.widgets import UnfoldAdminTextInputWidget

from bh_sdk.errors import BHError
from bh_sdk.money import Money, currency
from bh_sdk.server.admin import CasePage, Dialog, action, display, parts
from bh_sdk.server.ops import clock
from payments_svc.pricing import commands
from payments_svc.pricing.models import FeeRate

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

TONES: dict[str, str] = {"In force": "success", "Planned": "warning", "Over": "info"}


class Plan(Dialog):
    """The next rate of the same kind, for the same currency or for one that gets a rate of its own."""

    currency = forms.CharField(
        max_length=3,
        required=False,
        help_text="Three letters; empty: as this rate",
        widget=UnfoldAdminTextInputWidget(),
    )
    percent = forms.DecimalField(
        min_value=Decimal(0), max_value=Decimal(50), max_digits=4, decimal_places=2, widget=UnfoldAdminTextInputWidget()
    )
    fixed = forms.CharField(
        max_length=24,
        required=False,
        label="Fixed part per charge",
        help_text="In major units of the currency, such as 0.30; empty: none",
        widget=UnfoldAdminTextInputWidget(),
    )
    begins = forms.DateTimeField(
        label="Begins (UTC)", help_text="Such as 2027-01-01 00:00", widget=UnfoldAdminTextInputWidget()
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        code = cleaned["currency"].upper() or FeeRate.objects.get(id=self.object_id).currency
        try:
            if code:
                currency(code)
            cleaned["currency"] = code
            cleaned["fixed"] = Money.parse(cleaned["fixed"], code) if cleaned["fixed"] else None
        except BHError as wrong:
            raise forms.ValidationError(wrong.detail) from wrong
        return cleaned


@admin.register(FeeRate)
class FeeRateAdmin(CasePage):
    """`fee_rate` in the policies: `view`, `plan`, `withdraw`."""

    thing, desk, desk_order, icon, order = "fee_rate", "Money", 10, "percent", 90

    list_display = ("what", "takes", "state_label", "valid_from", "valid_until")
    list_filter: ClassVar = ["kind", "currency", ("valid_from", RangeDateFilter)]
    search_fields: ClassVar = ["currency"]
    search_help_text = "A currency"
    actions_detail: ClassVar = ["plan", "withdraw"]

    @display(description="Rate")
    def what(self, row: FeeRate) -> str:
        return f"{row.get_kind_display()[:1].upper()}{row.get_kind_display()[1:]}, {row.currency or 'every other currency'}"

    @display(description="Takes")
    def takes(self, row: FeeRate) -> str:
        return row.in_words

    @display(description="State", label=TONES)
    def state_label(self, row: FeeRate) -> str:
        return _state(row)

    def has_withdraw_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        """Only what is planned can be withdrawn; the command and the database say the same."""
        planned = (
            object_id is None
            or FeeRate.objects.filter(id=getattr(object_id, "pk", object_id), valid_from__gt=clock.now()).exists()
        )
        return self.may(request, "withdraw") and planned

    @action(
        title="Plan the next rate",
        verb="plan",
        question="The present rate ends where the new one begins. Gifts keep what they were quoted with.",
        form=Plan,
        icon="event",
        look="primary",
    )
    def plan(self, request: HttpRequest, form: Plan, object_id: str) -> HttpResponse:
        asked = form.cleaned_data
        command = partial(
            commands.plan_rate,
            kind=FeeRate.objects.get(id=object_id).kind,  # type: ignore[arg-type]
            currency=asked["currency"],
            basis_points=int(asked["percent"] * 100),
            fixed=asked["fixed"],
            begins=asked["begins"],
            by=self.actor(request),
        )
        return self.decide(request, object_id, command, done="Next rate planned")

    @action(
        title="Withdraw",
        verb="withdraw",
        question="Only a rate that has not begun. The one before it holds on.",
        icon="undo",
        look="danger",
    )
    def withdraw(self, request: HttpRequest, form: Dialog, object_id: str) -> HttpResponse:
        command = partial(commands.withdraw_rate, rate_id=FeeRate.objects.get(id=object_id).id)
        return self.decide(request, object_id, command, done="Planned rate withdrawn")

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        lane = FeeRate.objects.filter(kind=obj.kind, currency=obj.currency).order_by("-valid_from")
        state = _state(obj)
        return parts.Case(
            headline=parts.Headline(
                title=self.what(obj),
                figure=obj.in_words,
                status=state,
                tone=TONES[state],  # type: ignore[arg-type]
            ),
            wide=[
                parts.Table(
                    "Over time",
                    ["From", "Until", "Takes", "State"],
                    [[_time(row.valid_from), _time(row.valid_until), row.in_words, _state(row)] for row in lane],
                )
            ],
            narrow=[
                parts.Facts(
                    "About",
                    [
                        ("Begins", _time(obj.valid_from)),
                        ("Ends", _time(obj.valid_until)),
                        parts.Fact("Planned by", obj.created_by, mono=True),
                        ("Planned at", _time(obj.created_at)),
                        parts.Fact("Rate", str(obj.id), mono=True),
                    ],
                )
            ],
        )


def _state(row: FeeRate) -> str:
    now = clock.now()
    if row.valid_from > now:
        return "Planned"
    return "In force" if row.line.holds(now) else "Over"


def _time(value: Any) -> str:
    return f"{value:%d %b %Y, %H:%M} UTC" if value else "open"
