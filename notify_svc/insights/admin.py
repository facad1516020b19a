"""The page of figures: what became of messages by day, channel, provider and type, and what deserves a look now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.contrib import admin
from django.urls import reverse

from bh_sdk.server.admin import BoardPage, Figure, parts
from notify_svc.delivery.channels import offered as channels
from notify_svc.insights import queries, rules
from notify_svc.insights.models import Day
from notify_svc.insights.rules import Tally

if TYPE_CHECKING:
    from django.http import HttpRequest

# How long back, in days; the first is where the page opens.
SPANS = {"30": ("30 days", 30), "7": ("7 days", 7), "90": ("90 days", 90), "365": ("12 months", 365)}
ALL = "all"
_CHANNELS = {"email": "Email", "push": "Push", "in_app": "In the app", "sms": "SMS"}
_MOST = 12
_HEADERS = ["Accepted", "Left", "Within 10 s", "Arrived", "Came back", "Unwanted", "Failed"]
_NUMERIC = frozenset(range(1, 8))
_NOBODY = "Nothing was sent in this time."

Read = tuple[str, str, Callable[[Tally], float | None]]


@admin.register(Day)
class AnalyticsAdmin(BoardPage):
    thing, desk, desk_order, icon, order = "insight", "Messages", 10, "monitoring", 5

    @property
    def plural(self) -> str:
        return "Analytics"

    def figures(self, request: HttpRequest) -> Iterable[Figure]:
        now, alerts = queries.by_day(days=1)[queries.today()], queries.alerts()
        yield Figure(
            "Sent today", f"{now.handed_over:,}", f"of {now.accepted:,} accepted, by the day in UTC", self.address()
        )
        note = alerts[0].text if alerts else "nothing deserves a look"
        yield Figure("Alerts", str(len(alerts)), note, self.address(), pressing=bool(alerts))

    def board(self, request: HttpRequest) -> parts.Board:
        span = _one_of(SPANS, request.GET.get("span", ""))
        channel = _one_of({ALL: "", **_CHANNELS}, request.GET.get("channel", ""))
        days, wanted = SPANS[span][1], "" if channel == ALL else channel
        found = queries.by_day(days=days, channel=wanted)
        offered = {ALL: "All", **{name: _CHANNELS[name] for name in channels()}}
        return parts.Board(
            choices=[
                ("How long", [_choice(SPANS[each][0], each, channel, each == span) for each in sorted(SPANS, key=int)]),
                ("Channel", [_choice(offered[each], span, each, each == channel) for each in offered]),
            ],
            notice=_counted(),
            tiles=_tiles(sum(found.values(), Tally()), dict(queries.by("channel", days=days, channel=wanted))),
            wide=[
                _alerts(),
                _fates(found),
                _reasons(queries.reasons(days=days, channel=wanted)),
                _table("By type", queries.by("type", days=days, channel=wanted)),
                _table("By provider", queries.by("provider", days=days, channel=wanted), {"": "none yet"}),
                *([] if wanted else [_table("By channel", queries.by("channel", days=days), _CHANNELS)]),
            ],
            halves=[_troubles(found), _promptness(found)],
        )


def _one_of(known: Mapping[str, object], wanted: str) -> str:
    return wanted if wanted in known else next(iter(known))


def _choice(name: str, span: str, channel: str, chosen: bool) -> parts.Choice:
    return parts.Choice(name, "?" + urlencode({"span": span, "channel": channel}), chosen)


def _counted() -> str:
    at = queries.counted_at()
    if at is None:
        return "Today was not counted yet. A worker counts once a minute."
    return f"Counted at {at:%H:%M} UTC. Days are those on which messages were accepted, in UTC."


def _tiles(total: Tally, channels: Mapping[str, Tally]) -> list[parts.Tile]:
    late = queries.backlog()
    overdue = sum(each.count for each in late.values())
    oldest = max((each.age for each in late.values()), default=None)
    mails = channels.get("email", Tally())
    read = (
        f"{total.opened:,} opened, {total.clicked:,} clicked"
        if total.opened or total.clicked
        else "by the word of providers"
    )
    failed = f"{total.failed:,}; look at more than {rules.FAILED_AT_MOST:.0%}"
    back = f"{total.bounced:,}, and {total.complained:,} complaints; look at more than {rules.BOUNCED_AT_MOST:.0%}"
    return [
        parts.Tile("Left the house", f"{total.handed_over:,}", f"of {total.accepted:,} accepted"),
        parts.Tile("Within ten seconds", _percent(total.prompt), "of being due"),
        parts.Tile("Mails that arrived", _percent(mails.arriving), read),
        parts.Tile("Failed", _percent(total.failing), failed),
        parts.Tile("Came back", _percent(total.bouncing), back),
        parts.Tile("Overdue now", f"{overdue:,}", f"the oldest for {oldest.total_seconds():,.0f} s" if oldest else ""),
    ]


def _percent(share: float | None, digits: int = 1) -> str:
    return "–" if share is None else f"{share * 100:.{digits}f} %"


def _alerts() -> parts.Checks:
    pages = {
        "failures": f"{reverse('admin:notify_delivery_delivery_changelist')}?status=failed",
        "overdue": reverse("admin:notify_delivery_delivery_changelist"),
        "providers": reverse("admin:notify_providers_provider_changelist"),
        "suppressions": reverse("admin:notify_tracking_suppression_changelist"),
        "types": "",
    }
    found = [parts.Check(each.text, each.tone, pages[each.page]) for each in queries.alerts()]
    return parts.Checks(
        "What deserves a look now", found or [parts.Check("Nothing: today's messages leave and arrive.")]
    )


def _fates(found: Mapping[date, Tally]) -> parts.Chart:
    reads: list[Read] = [
        ("Arrived", "primary", lambda day: day.delivered - min(day.bounced, day.delivered)),
        ("Left, no word yet", "soft", lambda day: max(day.handed_over - max(day.delivered, day.bounced), 0)),
        ("Came back", "warning", lambda day: day.bounced),
        ("Failed", "danger", lambda day: day.failed),
        ("Not sent: pointless or unwanted", "pale", lambda day: day.canceled),
    ]
    return _chart("What became of each day's messages", found, reads, stacked=True)


def _troubles(found: Mapping[date, Tally]) -> parts.Chart:
    reads: list[Read] = [
        ("Failed", "danger", lambda day: _points(day.failing)),
        ("Came back", "warning", lambda day: _points(day.bouncing)),
        ("Unwanted", "deep", lambda day: _points(day.complaining)),
    ]
    return _chart("What went wrong, in percent", found, reads, kind="line", unit="%")


def _promptness(found: Mapping[date, Tally]) -> parts.Chart:
    reads: list[Read] = [("Within ten seconds", "primary", lambda day: _points(day.prompt))]
    return _chart("Left within ten seconds of being due", found, reads, kind="line", unit="%")


def _points(share: float | None) -> float | None:
    return None if share is None else round(share * 100, 2)


def _chart(
    title: str,
    found: Mapping[date, Tally],
    reads: Sequence[Read],
    *,
    kind: str = "bar",
    unit: str = "",
    stacked: bool = False,
) -> parts.Chart:
    """Every day from the first on which something was accepted; a share of nothing is a gap."""
    first = next((day for day, tally in found.items() if tally.accepted), None)
    days = [] if first is None else [day for day in found if day >= min(first, max(found))]
    series = []
    for name, tone, read in reads:
        values = [read(found[day]) for day in days]
        shown = ["" if value is None else f"{value:,}" for value in values]
        series.append(parts.Series(name, values, shown, tone))  # type: ignore[arg-type]  # a literal of ours
    labels = [f"{day:%d %b}" for day in days]
    return parts.Chart(title, labels, series, kind=kind, stacked=stacked, unit=unit, empty=_NOBODY)  # type: ignore[arg-type]


def _table(title: str, rows: Sequence[tuple[str, Tally]], names: Mapping[str, str] | None = None) -> parts.Table:
    shown = [
        [
            (names or {}).get(name, name),
            f"{tally.accepted:,}",
            f"{tally.handed_over:,}",
            _percent(tally.prompt, 0),
            _percent(tally.arriving),
            _percent(tally.bouncing),
            _percent(tally.complaining, 2),
            _percent(tally.failing),
        ]
        for name, tally in rows[:_MOST]
    ]
    more = f" (the busiest {_MOST} of {len(rows)})" if len(rows) > _MOST else ""
    return parts.Table(
        title + more, [title.removeprefix("By ").capitalize(), *_HEADERS], shown, _NUMERIC, empty=_NOBODY
    )


def _reasons(rows: Sequence[tuple[str, str, str, int]]) -> parts.Table:
    shown = [
        [
            f"{'Came back' if outcome == 'bounced' else 'Failed'}: {reason or 'no reason told'}",
            _CHANNELS.get(channel, channel),
            f"{count:,}",
            "Its address is suppressed by itself." if outcome == "bounced" else rules.next_step(reason),
        ]
        for channel, outcome, reason, count in rows[:_MOST]
    ]
    headers = ["Why", "Channel", "How many", "What to do next"]
    return parts.Table("Why messages failed or came back", headers, shown, frozenset({2}), empty="Nothing failed.")
