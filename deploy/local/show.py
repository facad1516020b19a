"""What the person at the terminal sees while the stack starts: a spinner there, plain lines everywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.status import Status

console = Console(highlight=False, soft_wrap=True)


class Show:
    """Steps with their times, and remarks in between."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._status: Status | None = None

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Show that something is being done; when it is, say how long it took."""
        began = time.monotonic()
        if console.is_terminal:
            self._status = console.status(f"{text} …")
            self._status.start()
        try:
            yield
        finally:
            if self._status is not None:
                self._status.stop()
                self._status = None
            if sys.exc_info()[0] is None:
                console.print(f"[green]✓[/] {text} [dim]{time.monotonic() - began:.1f} s[/]")

    def say(self, text: str) -> None:
        """A remark; the detached stack's remarks reach the terminal through its log."""
        console.print(text, markup=False)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began
