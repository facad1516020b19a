"""What a measure found, and how it is shown."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import psutil
from rich.console import Console

from bench.measures import MEASURES


@dataclass(frozen=True)
class Figure:
    """One number. `goal` is what the design asks for, in words; nothing here passes or fails."""

    what: str
    value: float
    unit: str
    goal: str = ""
    note: str = ""

    def line(self) -> str:
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class LeftOut:
    """A measure, or a part of one, that did not run, and why."""

    left_out: str

    def line(self) -> str:
        return json.dumps(asdict(self))


Finding = Figure | LeftOut


def read(line: str) -> Finding:
    """A finding from the line that a measure printed."""
    fields = json.loads(line)
    return LeftOut(**fields) if "left_out" in fields else Figure(**fields)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0-1) of them lie: one of the values, never between two."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def machine() -> dict[str, str | float]:
    """What this ran on, and how busy that was with other things."""
    return {
        "cores": os.cpu_count() or 0,
        "load before": round(os.getloadavg()[0], 2),
        "memory GiB": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def show(found: Iterable[tuple[str, Finding]], console: Console) -> None:
    """One table, a heading for each measure. Lines are never broken: they are read by `grep` too."""
    heading = ""
    for name, finding in found:
        if name != heading:
            _print(console, f"\n{MEASURES[name].title}", "bold")
            heading = name
        if isinstance(finding, LeftOut):
            _print(console, f"  left out: {finding.left_out}", "yellow")
        else:
            goal = f"goal {finding.goal}" if finding.goal else ""
            line = f"  {finding.what:<46}{plain(finding.value):>10} {finding.unit:<10} {goal:<13} {finding.note}"
            _print(console, line.rstrip(), "")


def _print(console: Console, line: str, style: str) -> None:
    console.print(line, style=style or None, highlight=False, markup=False, soft_wrap=True)


def plain(value: float) -> str:
    """Three digits that count, and no more than are known."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
