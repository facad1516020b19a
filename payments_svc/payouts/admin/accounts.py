"""Where organisers are paid to."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.widgets import UnfoldAdminTextInputWidget

from bh_sdk.server.admin import CasePage, Dialog, action, parts
from payments_svc.payouts import commands
from payments_svc.payouts.models import PayoutAccount

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


class Account(Dialog):
    account = forms.CharField(
        max_length=110,
        required=False,
        label="Account at Stripe",
        help_text="acct_…; empty takes it away, and payouts go by bank transfer",
        widget=UnfoldAdminTextInputWidget(),
    )


@admin.register(PayoutAccount)
class PayoutAccountAdmin(CasePage):
    """`payout_account` in the policies: `view`, and `set`, which the platform does as a rule."""

    thing, desk, desk_order, icon, order = "payout_account", "Money", 10, "contacts", 47

    list_display = ("owner_id", "account_id", "transfers_active", "set_by", "changed_at")
    list_filter: ClassVar = ["transfers_active", ("changed_at", RangeDateFilter)]
    search_fields: ClassVar = ["account_id"]
    search_help_text = "Account at Stripe"
    actions_detail: ClassVar = ["set_account"]

    @action(
        title="Set the account",
        verb="set",
        question="Stripe is asked whether it may receive. Payouts that are approved keep the account they were approved "
        "with. Be sure that the organiser asked for it, by a way you know.",
        form=Account,
        icon="edit",
    )
    def set_account(self, request: HttpRequest, form: Account, object_id: str) -> HttpResponse:
        account_id = form.cleaned_data["account"].strip() or None
        command = partial(
            commands.set_payout_account, owner_id=UUID(object_id), account_id=account_id, by=self.actor(request)
        )
        return self.decide(request, object_id, command, done="Account set")

    def case(self, request: HttpRequest, obj: Any) -> parts.Case:
        active = "may receive" if obj.transfers_active else "may not receive yet"
        return parts.Case(
            headline=parts.Headline(
                title="Where an organiser is paid to",
                figure=obj.account_id or "By bank transfer",
                status=active if obj.account_id else "",
                tone="success" if obj.transfers_active else "warning",
            ),
            narrow=[
                parts.Facts(
                    "Account",
                    [
                        parts.Fact("Organiser", str(obj.owner_id), mono=True),
                        parts.Fact("Set by", obj.set_by, mono=True),
                        ("Changed", f"{obj.changed_at:%d %b %Y, %H:%M}"),
                    ],
                )
            ],
        )
