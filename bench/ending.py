"""Ending early: Ctrl-C and SIGTERM unwind what was started, and a second signal does not interrupt that."""

from __future__ import annotations

import signal
from types import FrameType
from typing import NoReturn


def gracefully() -> None:
    """From now on the first signal raises KeyboardInterrupt and later ones do nothing."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _once)


def _once(number: int, frame: FrameType | None) -> NoReturn:
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt
