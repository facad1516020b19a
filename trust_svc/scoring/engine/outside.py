"""What others than staff see of reports that nobody has judged yet. Pure.

A number that moved the moment somebody reported, by as much as that person's word weighs, would tell who it was. So outside
the house a report counts from the next day (UTC) on, only together with others, and in whole points.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy

from trust_svc.scoring.engine.features import open_reports, reporting_hands
from trust_svc.scoring.engine.hands import People
from trust_svc.scoring.engine.params import Params
from trust_svc.scoring.engine.record import Record
from trust_svc.scoring.engine.tally import DAY

# Reports of fewer people than this move nothing that anybody but staff can see.
LEAST_HANDS = 3


def reports_seen_outside(records: Sequence[Record], *, as_of: float, params: Params, people: People) -> float:
    """The mass of open reports (see `Column.REPORTS_OPEN`) to reckon with for what others see: that of the reports of earlier
    days as of this day's beginning, lowered to the next whole point, and 0 when fewer than three hands are behind it."""
    today = math.floor(as_of / DAY) * DAY
    earlier = [_until(record, today) for record in records]
    if len(reporting_hands(earlier)) < LEAST_HANDS:
        return 0.0
    lost = params.report_points * (1.0 - 2.0 ** (-open_reports(earlier, today, params, people) / params.report_half))
    whole = min(math.floor(lost), math.ceil(params.report_points) - 1)
    return -params.report_half * math.log2(1.0 - whole / params.report_points) if whole > 0 else 0.0


def _until(record: Record, today: float) -> Record:
    other = copy(record)
    other.reports = {key: report for key, report in record.reports.items() if report.time < today}
    return other
