"""Why a notification is refused."""

from __future__ import annotations

from bh_sdk.errors import Invalid


class ScheduleInvalid(Invalid):
    code, title = "schedule_invalid", "A message can be scheduled up to a year ahead"
