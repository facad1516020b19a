"""`python -m bench`: bring up the servers, run the measures one after another, print what they found."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from bench import ending, figures, ground, kept
from bench.figures import Finding, LeftOut
from bench.measures import MEASURES
from deploy.local.stack import ROOT, Stack


def main(words: Sequence[str] | None = None) -> int:
    """Returns 1 when a measure broke, never because something was slow."""
    parser = argparse.ArgumentParser(prog="bench", description="Measure, and compare.")
    names = ", ".join(MEASURES)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"what to measure (default: all of {names})")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    parser.add_argument("--keep", action="store_true", help="write docs/benchmarks.md anew (wants all measures)")
    asked = parser.parse_args(words)
    if unknown := [name for name in asked.names if name not in MEASURES]:
        parser.error(f"there is no measure {', '.join(unknown)}; there are {names}")
    if asked.keep and asked.names:
        parser.error("--keep wants all measures")
    ending.gracefully()
    console, progress = Console(), Console(stderr=True)
    about = figures.machine()
    console.print(" · ".join(f"{name} {value}" for name, value in about.items()), highlight=False, soft_wrap=True)
    began = time.monotonic()
    found: list[tuple[str, Finding]] = []
    broken: list[str] = []
    with ground.servers() as stack:
        for name in asked.names or MEASURES:
            progress.print(f"[dim]{time.monotonic() - began:5.1f} s  {name}[/dim]", highlight=False)
            whole, findings = run(stack, name)
            if not whole:
                broken.append(name)
                findings.append(LeftOut("the rest; it broke, and what it said is above"))
            found += [(name, finding) for finding in findings]
    seconds = round(time.monotonic() - began, 1)
    figures.show(found, console)
    about["load after"] = round(os.getloadavg()[0], 2)
    console.print(f"\n{seconds} s in all, load after {about['load after']}", highlight=False)
    if asked.json:
        rows = [{"measure": name, **asdict(finding)} for name, finding in found]
        asked.json.write_text(json.dumps({"machine": about, "seconds": seconds, "figures": rows}, indent=2) + "\n")
    if asked.keep and not broken:
        kept.write(found, about)
    return 1 if broken else 0


def run(stack: Stack, name: str) -> tuple[bool, list[Finding]]:
    """Whether a measure came to its end, and what it found. When it broke, its own words go to stderr."""
    env = ground.told(stack, MEASURES[name].service)
    log = stack.logs / f"bench-{name}.log"
    command = [sys.executable, "-m", "bench.child", name]
    with log.open("wb") as sink:
        child = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=sink)
        try:
            said, _ = child.communicate(timeout=MEASURES[name].longest)
        except subprocess.TimeoutExpired:
            said = _give_up(child)
        finally:
            if child.poll() is None:
                _give_up(child)
    if child.returncode:
        sys.stderr.write(log.read_text(errors="replace")[-4000:])
    return child.returncode == 0, [figures.read(line) for line in said.decode().splitlines()]


def _give_up(child: subprocess.Popen[bytes]) -> bytes:
    """Interrupt a measure, so that it ends what it started; returns what it had found by then."""
    child.send_signal(signal.SIGINT)
    try:
        said, _ = child.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        child.kill()
        said, _ = child.communicate()
    return said


if __name__ == "__main__":
    sys.exit(main())
