"""The figures of one run as `docs/benchmarks.md`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby

from bench.figures import Figure, Finding, plain
from bench.measures import MEASURES
from deploy.local.stack import ROOT

PAGE = ROOT / "docs" / "benchmarks.md"
_HEAD = """<!-- Written by `make bench KEEP=1`; what the measures are and how to read them: bench/README.md -->
# Benchmarks

Figures of one run, ours and the peer's in turns on the same machine. Ratios survive another machine, rates do not. A goal is
what the design asks for; nothing passes or fails by it.

"""


def write(found: Iterable[tuple[str, Finding]], machine: Mapping[str, str | float]) -> None:
    """Replace the page by these findings."""
    parts = [_HEAD, " · ".join(f"{name} {value}" for name, value in machine.items()), "\n"]
    for name, group in groupby(found, key=lambda pair: pair[0]):
        parts.append(f"\n## {MEASURES[name].title}\n\n| what | measured | goal | |\n|---|---:|---|---|\n")
        parts += [_row(finding) for _, finding in group]
    PAGE.write_text("".join(parts))


def _row(finding: Finding) -> str:
    if not isinstance(finding, Figure):
        return f"| left out | | | {finding.left_out} |\n"
    return f"| {finding.what} | {plain(finding.value)} {finding.unit} | {finding.goal} | {finding.note} |\n"
