"""`make status`: which programs run, since when, how big, and whether they answer."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil
from rich.table import Table

from deploy.local import programs
from deploy.local.processes import pids_of
from deploy.local.show import console
from deploy.local.stack import Stack
from deploy.local.up import is_held, ready_file


def status(stack: Stack) -> int:
    """Print the table; returns 0 when the whole stack is up, 3 when it is not."""
    running = pids_of(stack).all()
    supervised = is_held(stack)
    if not running and not supervised:
        print(f"The stack of {stack.state} is down.")
        return 3
    every = [*programs.ground(stack), *programs.outside(stack), *programs.of_services(stack)]
    with ThreadPoolExecutor() as pool:
        answers = dict(
            zip(
                (program.name for program in every),
                pool.map(_answer, [program.ready for program in every]),
                strict=True,
            )
        )
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("program", "pid", "up", "MiB", "answers"):
        table.add_column(column, justify="left" if column in ("program", "answers") else "right")
    for name in ("supervisor", *answers):
        # The supervisor's children are the programs, which count for themselves.
        table.add_row(name, *_facts(running.get(name), whole=name != "supervisor"), answers.get(name, ""))
    console.print(table)
    whole = (
        supervised
        and ready_file(stack).exists()
        and all(name in running for name in answers)
        and "no" not in answers.values()
    )
    if not supervised:
        print("No supervisor watches over them; `make up` starts afresh.")
    return 0 if whole else 3


def _facts(pid: int | None, *, whole: bool) -> tuple[str, str, str]:
    if pid is None:
        return "-", "down", "-"
    try:
        leader = psutil.Process(pid)
        family = [leader, *(leader.children(recursive=True) if whole else [])]
        size = sum(process.memory_full_info().pss for process in family) / 2**20
        return str(pid), f"{time.time() - leader.create_time():.0f} s", f"{size:.0f}"
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return str(pid), "?", "?"


def _answer(url: str) -> str:
    if not url:
        return ""
    try:
        return "yes" if httpx.get(url, timeout=3, trust_env=False).status_code == 200 else "no"
    except httpx.HTTPError:
        return "no"
