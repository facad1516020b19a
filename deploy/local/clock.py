"""The movable clock of the local stack: a file with the seconds it is ahead of the real one."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from deploy.local.stack import Stack

UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


def parse(text: str) -> int:
    """Seconds meant by `+3d`, `-2h`, `1d12h`, `90m` or `0`; raises ValueError for anything else."""
    found = re.fullmatch(r"([+-]?)((?:\d+[dhms])+|0)", text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no span of time; write +3d, -2h, +1d12h or 0")
    seconds = sum(int(number) * UNITS[unit] for number, unit in re.findall(r"(\d+)([dhms])", found[2]))
    return -seconds if found[1] == "-" else seconds


def move(stack: Stack, text: str) -> None:
    """Set the clock that far from the real time (not from where it stood)."""
    stack.state.mkdir(parents=True, exist_ok=True)
    part = stack.clock.with_suffix(".part")
    part.write_text(f"{parse(text)}\n")
    part.replace(stack.clock)


def reading(stack: Stack) -> str:
    """The stack's time, and by how much it differs."""
    ahead = timedelta(seconds=int(stack.clock.read_text()) if stack.clock.exists() else 0)
    return f"{(datetime.now(UTC) + ahead).isoformat(timespec='seconds')} ({ahead.total_seconds():+.0f} s)"
