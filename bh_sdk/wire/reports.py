"""What providers of notify's channels are answered."""

from __future__ import annotations

from bh_sdk.wire.base import Answer


class ReportsTaken(Answer):
    """How many of the events were new."""

    new: int
