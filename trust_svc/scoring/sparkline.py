"""The line of a score over time, as numbers for an SVG of 600 × 120. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

WIDTH, HEIGHT = 600.0, 120.0
SPAN = timedelta(days=180)
EDGES = (25.0, 50.0, 75.0, 90.0)


@dataclass(frozen=True, slots=True)
class Past:
    """One line of the history."""

    time: datetime
    score: float
    version: int


@dataclass(frozen=True, slots=True)
class Span:
    """A time during which the score was set by hand."""

    since: datetime
    until: datetime


def sparkline(points: Sequence[Past], *, now: datetime, by_hand: Sequence[Span] = ()) -> dict[str, Any]:
    """What the template draws: the step line of these points (oldest first), tier edges, marks of new parameters with their
    version, and the times of overrides."""
    if not points:
        return {"points": ""}
    began = min(points[0].time, now - timedelta(hours=1))
    whole = (now - began).total_seconds()

    def across(time: datetime) -> float:
        return round(WIDTH * min(1.0, max(0.0, (time - began).total_seconds() / whole)), 1)

    line: list[tuple[float, float]] = []
    for point in points:
        if line:
            line.append((across(point.time), line[-1][1]))
        line.append((across(point.time), _down(point.score)))
    line.append((WIDTH, line[-1][1]))
    scores = [point.score for point in points]
    changed = [after for before, after in pairwise(points) if after.version != before.version]
    return {
        "points": " ".join(f"{x},{y}" for x, y in line),
        "edges": [{"y": _down(edge)} for edge in EDGES],
        "marks": [across(point.time) for point in changed],
        "versions": ", ".join(f"version {point.version} since {point.time:%d %b}" for point in changed),
        "spans": [_span(across(each.since), across(min(now, each.until))) for each in by_hand if each.until > began],
        "since": began,
        "until": now,
        "lowest": f"{min(scores):.1f}",
        "highest": f"{max(scores):.1f}",
        "spoken": f"Score from {scores[0]:.1f} to {scores[-1]:.1f}",
    }


def _span(begin: float, end: float) -> dict[str, float]:
    return {"x": begin, "width": max(2.0, round(end - begin, 1))}


def _down(score: float) -> float:
    return round(HEIGHT * (1 - score / 100), 1)
