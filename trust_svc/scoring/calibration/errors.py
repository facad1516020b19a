"""What an analyst is told when a file is not as the contract says."""

from __future__ import annotations

from pathlib import Path


class Unusable(Exception):
    """The work cannot be done with what was given. The message says why, in one line."""


class BadLine(Unusable):
    """One line of a file is wrong."""

    def __init__(self, file: Path, line: int, what: str) -> None:
        super().__init__(f"{file}, line {line}: {what}")
        self.file, self.line, self.what = file, line, what
