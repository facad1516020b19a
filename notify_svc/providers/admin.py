"""Who carries our messages, how they are, and how much each gets."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from bh_sdk.server.admin import CasePage, Dialog, Figure, action, display, parts
from bh_sdk.server.ops import clock
from notify_svc.providers import commands, queries, rules
from notify_svc.providers.models import Provider

TONES: dict[str, parts.Tone] = {
    "well": "success",
    "resting": "info",
    "being tried": "warning",
    "sick": "danger",
    "switched off": "",
}
MEANS = {
    "well": "It gets its share of the letters.",
    "resting": "It asked for patience; the others carry on meanwhile.",
    "being tried": "A few letters find out whether it is well again.",
    "sick": "It gets nothing until it is tried again; the channel's others carry its letters.",
    "switched off": "It has no weight, so it gets nothing.",
}
WHY = {"auth": "It does not know us: see to its key or password.", "failing": "At least half of its letters failed."}


class Weigh(Dialog):
    """How much a provider gets."""

    weight = forms.IntegerField(
        min_value=0,
        max_value=rules.MOST_WEIGHT,
        help_text="Beside the weights of the channel's others; 0 gives it none.",
    )
    rate = forms.IntegerField(
        min_value=1, max_value=100_000, required=False, label="At most a second", help_text="Empty for no limit."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        row = Provider.objects.filter(pk=self.object_id).first()
        if row is not None:
            self.initial = {"weight": row.weight, "rate": row.rate}


@admin.register(Provider)
class ProviderAdmin(CasePage):
    """`provider` in the policies: `view`, `weigh`, `heal`. Rows come by themselves when a provider is set up."""

    thing, desk, desk_order, icon, order = "provider", "Messages", 10, "local_post_office", 60
    list_display = ("name_shown", "state_shown", "share_shown", "failing_shown", "latency_shown", "tries_shown")
    list_filter: ClassVar = ["channel"]
    search_fields: ClassVar = ["name"]
    search_help_text = "Name of a provider"
    actions_detail: ClassVar = ["weigh", "heal"]

    @display(description="Provider", header=True)
    def name_shown(self, row: Provider) -> list[str]:
        return [row.name, row.channel]

    @display(description="State", label=dict(TONES))
    def state_shown(self, row: Provider) -> str:
        return queries.state(row, now=clock.now())

    @display(description="Share")
    def share_shown(self, row: Provider) -> str:
        return f"{queries.share(row):.0%}"

    @display(description="Failing")
    def failing_shown(self, row: Provider) -> str:
        return f"{_health(row).failing:.1%}"

    @display(description="A letter takes")
    def latency_shown(self, row: Provider) -> str:
        return f"{_health(row).latency:.0f} ms" if _health(row).tries else ""

    @display(description="Tries in five minutes")
    def tries_shown(self, row: Provider) -> str:
        return f"{_health(row).tries:,}"

    def figures(self, request: HttpRequest) -> Iterable[Figure]:
        now = clock.now()
        states = [queries.state(row, now=now) for row in Provider.objects.all()]
        sick = sum(state in ("sick", "being tried") for state in states)
        yield Figure("Providers well", str(states.count("well")), "get their share", self.address())
        yield Figure("Providers sick", str(sick), "get nothing, or a few to try", self.address(), pressing=sick > 0)

    @action(
        title="Change its share",
        verb="weigh",
        question="The next batch is given by the new weights. Letters under way are not touched.",
        form=Weigh,
        submit="Save",
        icon="balance",
        look="primary",
    )
    def weigh(self, request: HttpRequest, form: Weigh, object_id: str) -> HttpResponse:
        weight, rate = form.cleaned_data["weight"], form.cleaned_data["rate"]
        command = partial(commands.weigh, name=object_id, weight=weight, rate=rate)
        limit = f"at most {rate} a second" if rate else "no limit a second"
        return self.decide(request, object_id, command, done=f"Weight {weight}, {limit}")

    @action(
        title="Call it well",
        verb="heal",
        question="It gets its share again at once, instead of after its pause. If it still fails, it is left alone again.",
        icon="healing",
    )
    def heal(self, request: HttpRequest, form: Dialog, object_id: str) -> HttpResponse:
        return self.decide(request, object_id, partial(commands.call_well, name=object_id), done="Called well")

    def case(self, request: HttpRequest, obj: Provider) -> parts.Case:
        state, health = queries.state(obj, now=clock.now()), _health(obj)
        facts: list[parts.Fact | tuple[str, str]] = [
            parts.Fact(
                "Carries", obj.channel, note="of its kind of device, which no other reaches" if obj.lane else ""
            ),
            ("Weight", f"{obj.weight}, {queries.share(obj):.0%} of the {'lane' if obj.lane else 'channel'}"),
            ("At most a second", str(obj.rate or "no limit")),
            ("Tries in five minutes", f"{health.tries:,}"),
            ("Accepted", f"{health.accepted:,}"),
            parts.Fact("Refused", f"{health.refused:,}", note="the letter's fault, not the provider's"),
            ("Failed", f"{health.failed:,} ({health.failing:.1%})"),
            ("Too fast for it", f"{health.throttled:,}"),
            ("A letter takes", f"{health.latency:.0f} ms" if health.tries else "nothing yet"),
        ]
        return parts.Case(
            headline=parts.Headline(
                title=obj.name,
                below=" ".join(filter(None, [MEANS[state], WHY.get(obj.reason, "")])),
                status=state,
                tone=TONES[state],
                notice=_when(obj, state),
            ),
            wide=[_chart(obj)],
            narrow=[parts.Facts("How it is", facts)],
        )


def _health(row: Provider) -> queries.Health:
    return queries.health([row.name]).get(row.name, queries.Health())


def _when(row: Provider, state: str) -> str:
    until = row.rests_until if state == "resting" else row.until if state in ("sick", "being tried") else None
    return f"Tried again from {until:%d %b, %H:%M:%S} UTC" if until else ""


def _chart(row: Provider) -> parts.Chart:
    found = queries.minutes(row.name)
    tones: tuple[tuple[str, Any], ...] = (
        ("accepted", "primary"),
        ("refused", "pale"),
        ("failed", "danger"),
        ("throttled", "warning"),
    )
    series = []
    for name, tone in tones:
        values = [getattr(one, name) for one in found]
        series.append(parts.Series(name.capitalize(), values, [f"{value:,}" for value in values], tone))
    labels = [f"{one.minute:%H:%M}" for one in found]
    return parts.Chart(
        "The last hour, minute by minute", labels, series, stacked=True, empty="No letters in the last hour."
    )
