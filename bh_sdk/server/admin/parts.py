"""What a case page is made of: cards with plain data. Each names the template that draws it; none holds HTML.

Amounts come as text that is ready to read (`Money` knows how); times are aware datetimes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Literal

# The colours of labels and checks: grey, blue, green, orange, red, and the house's own.
Tone = Literal["", "info", "success", "warning", "danger", "primary"]


@dataclass(frozen=True, slots=True)
class Fact:
    """A name and a value; `mono` for ids, `strong` for a sum, `href` where it leads, `note` below in small."""

    name: str
    value: str
    note: str = ""
    href: str = ""
    mono: bool = False
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """A table of names and values. Plain pairs will do."""

    template: ClassVar[str] = "bh/facts.html"

    title: str
    facts: Sequence[Fact | tuple[str, str]]

    @property
    def rows(self) -> list[Fact]:
        return [fact if isinstance(fact, Fact) else Fact(*fact) for fact in self.facts]


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened, or that is `due`; `late` draws it in red."""

    what: str
    when: datetime
    who: str = ""
    note: str = ""
    href: str = ""
    due: bool = False
    late: bool = False


@dataclass(frozen=True, slots=True)
class Timeline:
    """Moments in the order given (newest first reads best)."""

    template: ClassVar[str] = "bh/timeline.html"

    title: str
    moments: Sequence[Moment]
    empty: str = "Nothing yet."


@dataclass(frozen=True, slots=True)
class Line:
    """A line of money: where, how much (`-25.00 GBP`), and what it belongs to."""

    account: str
    amount: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class MoneyTable:
    """Lines of money with their sum at the bottom."""

    template: ClassVar[str] = "bh/money.html"

    title: str
    lines: Sequence[Line]
    total: str = ""
    empty: str = "No entries."


@dataclass(frozen=True, slots=True)
class Table:
    """Any other rows; `numeric` are the columns (from 0) that align to the right."""

    template: ClassVar[str] = "bh/table.html"

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: frozenset[int] = frozenset()
    empty: str = "None."


@dataclass(frozen=True, slots=True)
class Bar:
    """`value` of `of`, with an interval (`low`–`high`) and a mark to compare with, all on the same scale."""

    name: str
    value: float
    of: float
    low: float | None = None
    high: float | None = None
    mark: float | None = None
    shown: str = ""

    def share(self, part: float | None) -> float:
        """A part of the scale as 0–100, kept inside the bar."""
        return round(max(0.0, min(1.0, (part or 0.0) / self.of)) * 100, 2) if self.of else 0.0

    @property
    def width(self) -> float:
        return self.share(self.value)

    @property
    def from_low(self) -> float:
        return self.share(self.low)

    @property
    def low_to_high(self) -> float:
        return round(self.share(self.high) - self.share(self.low), 2)

    @property
    def mark_at(self) -> float:
        return self.share(self.mark)

    @property
    def text(self) -> str:
        return self.shown or f"{self.value:.1f}"

    @property
    def out_of(self) -> str:
        return f"{self.of:g}"


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars below each other; the legend names what interval and mark are, where there are any."""

    template: ClassVar[str] = "bh/bars.html"

    title: str
    bars: Sequence[Bar]
    value_means: str = "points of maximum"
    interval_means: str = ""
    mark_means: str = ""


@dataclass(frozen=True, slots=True)
class Portion:
    """A part of a stack: what it is, how many, and its colour."""

    name: str
    count: int
    tone: Literal["primary", "soft", "success", "info", "warning", "danger", "pale"] = "primary"


@dataclass(frozen=True, slots=True)
class Stack:
    """One bar of portions behind each other; what is missing of `of` is still to come."""

    name: str
    portions: Sequence[Portion]
    of: int

    @property
    def drawn(self) -> list[tuple[Portion, float, float]]:
        """The portions there are, each with where it begins and how wide it is, as 0–100."""
        found, at = [], 0.0
        for portion in self.portions:
            width = portion.count / self.of * 100 if self.of else 0.0
            if portion.count:
                found.append((portion, round(at, 2), round(width, 2)))
            at += width
        return found

    @property
    def left(self) -> int:
        return max(self.of - sum(portion.count for portion in self.portions), 0)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far something is that is done many times: stacks on one scale, each told in words as well. `rest` names what is
    still to come."""

    template: ClassVar[str] = "bh/progress.html"

    title: str
    stacks: Sequence[Stack]
    rest: str = "to come"
    # While it is under way the bars follow by themselves.
    live: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    """One line or row of bars of a chart: a number for each label, or None where there is none; `shown` is how it reads."""

    name: str
    values: Sequence[float | None]
    shown: Sequence[str]
    tone: Literal["primary", "soft", "deep", "pale", "danger", "warning"] = "primary"
    # In a stacked chart: series of one stack stand on each other, different stacks beside each other.
    stack: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """Numbers over time, drawn by the Chart.js that comes with Unfold, and readable as a table below."""

    template: ClassVar[str] = "bh/chart.html"

    title: str
    labels: Sequence[str]
    series: Sequence[Series]
    kind: Literal["bar", "line"] = "bar"
    stacked: bool = False
    unit: str = ""
    empty: str = "Nothing in this time."

    _COLOURS: ClassVar[dict[str, str]] = {
        "primary": "var(--color-primary-500)",
        "soft": "var(--color-primary-200)",
        "deep": "var(--color-primary-800)",
        "pale": "#b6c0cf",
        "danger": "#dc2626",
        "warning": "#ea7317",
    }

    @property
    def data(self) -> str:
        """What Chart.js draws."""
        sets = [
            {
                "label": each.name,
                "data": list(each.values),
                "backgroundColor": self._COLOURS[each.tone],
                "borderColor": self._COLOURS[each.tone],
                "borderWidth": 2 if self.kind == "line" else 0,
                "borderRadius": 3,
                "maxBarThickness": 26,
                # A point alone has no line to be seen by.
                "pointRadius": 2 if sum(value is not None for value in each.values) > 3 else 5,
                "spanGaps": False,
                "tension": 0.25,
            }
            | ({"stack": each.stack} if each.stack else {})
            for each in self.series
        ]
        return json.dumps({"labels": list(self.labels), "datasets": sets})

    @property
    def options(self) -> str:
        """How Chart.js draws it: without movement, with the names of the series."""
        quiet = {"color": "#8a94a6"}
        axis = {"stacked": self.stacked, "ticks": quiet, "border": {"width": 0}}
        return json.dumps(
            {
                "animation": False,
                "responsive": True,
                "maintainAspectRatio": False,
                "interaction": {"mode": "index", "intersect": False},
                "plugins": {
                    "legend": {"display": len(self.series) > 1, "align": "end", "labels": quiet | {"boxWidth": 10}}
                },
                "scales": {
                    "x": axis | {"grid": {"display": False}, "ticks": quiet | {"maxTicksLimit": 12, "maxRotation": 0}},
                    "y": axis | {"beginAtZero": True, "grid": {}, "ticks": quiet | {"maxTicksLimit": 6}},
                },
            }
        )

    @property
    def rows(self) -> list[tuple[str, list[str]]]:
        """The same as a table."""
        return [(label, [each.shown[place] for each in self.series]) for place, label in enumerate(self.labels)]


@dataclass(frozen=True, slots=True)
class Check:
    """A sentence that holds (success), deserves a look (warning) or does not hold (danger)."""

    text: str
    tone: Literal["success", "warning", "danger"] = "success"
    href: str = ""


@dataclass(frozen=True, slots=True)
class Checks:
    template: ClassVar[str] = "bh/checks.html"

    title: str
    checks: Sequence[Check]


@dataclass(frozen=True, slots=True)
class Words:
    """Text as somebody wrote it; `mono` for a template's source or JSON."""

    template: ClassVar[str] = "bh/words.html"

    title: str
    text: str
    mono: bool = False


@dataclass(frozen=True, slots=True)
class Preview:
    """A mail as its reader sees it, in a frame that runs no script and loads nothing."""

    template: ClassVar[str] = "bh/preview.html"

    title: str
    html: str
    subject: str = ""
    sender: str = ""


@dataclass(frozen=True, slots=True)
class Custom:
    """A card drawn by a template of the slice, which finds `data` as `card.data`."""

    title: str
    template: str
    data: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a way: done, now, todo or failed. `note` stands below it, such as "no way back after this"."""

    name: str
    state: Literal["done", "now", "todo", "failed"] = "todo"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Headline:
    """The first card: what this is, its number, its state, and how far it has come."""

    title: str
    figure: str = ""
    unit: str = ""
    below: str = ""
    status: str = ""
    tone: Tone = ""
    steps: Sequence[Step] = ()
    # A sentence for whoever looks: who may act, or why nobody can.
    notice: str = ""


Card = Facts | Timeline | MoneyTable | Table | Bars | Progress | Chart | Checks | Words | Preview | Custom


@dataclass(frozen=True, slots=True)
class Case:
    """A page of one object: the headline, wide cards on the left, narrow ones on the right."""

    headline: Headline | None = None
    wide: Sequence[Card] = ()
    narrow: Sequence[Card] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the ways to look at a board; `chosen` is how it is looked at now."""

    name: str
    href: str
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Tile:
    """A number of a board with what stands below it."""

    title: str
    value: str
    note: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Board:
    """A page of figures: groups of choices, tiles, then cards over the whole width or half of it."""

    choices: Sequence[tuple[str, Sequence[Choice]]] = ()
    tiles: Sequence[Tile] = ()
    wide: Sequence[Card] = ()
    halves: Sequence[Card] = ()
    notice: str = ""
