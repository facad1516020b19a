"""What the engine's inputs are called, what they count, and which half-life they fade with."""

from __future__ import annotations

from trust_svc.scoring.engine import Column

# column: (name, what it counts, the parameter that holds its half-life in days)
INPUTS: dict[Column, tuple[str, str, str]] = {
    Column.DONE: ("Delivered", "campaigns and milestones delivered", "completion_half_life"),
    Column.FAILED: ("Not delivered", "campaigns and milestones missed", "completion_half_life"),
    Column.PROGRESS: ("Progress", "0–1, what open campaigns have shown of their promise", ""),
    Column.ELAPSED: ("Time elapsed", "how much of the time of open campaigns has passed", "completion_half_life"),
    Column.PRIOR: ("Rate of its category", "0 = not known, the population's counts", ""),
    Column.PERIODS: ("Periods with an update", "among the last ones", ""),
    Column.EXPOSURE: ("Periods lived", "in which an update was owed", ""),
    Column.SILENCE: ("Silence", "overdue periods since the last update", ""),
    Column.VOICES: ("Independent donors", "weighted by what their word is worth", "engagement_half_life"),
    Column.DONORS: ("Donor accounts", "weighted alike; more than donors: few hands", "engagement_half_life"),
    Column.ANSWERED: ("Answered in time", "questions, and donors who came back", "engagement_half_life"),
    Column.UNANSWERED: ("Left open", "questions without an answer in time", "engagement_half_life"),
    Column.ITEMS: ("Verified", "items that are valid", ""),
    Column.OK: ("Gifts that stayed", "at most a few of one hand", "history_half_life"),
    Column.BAD: ("Trouble", "refunds for cause, warnings and disputes, weighted", "history_half_life"),
    Column.TENURE: ("Days known", "since the first trace", ""),
    Column.REPORTS_OPEN: ("Unreviewed reports", "their credible mass", "report_half_life"),
    Column.REPORTS_UPHELD: ("Upheld", "reports and cases found true, by severity", "upheld_half_life"),
    Column.DONOR: ("Without campaigns", "1 = owes no updates", ""),
    Column.HELD: ("On hold", "1 = it or its organiser", ""),
    Column.TIMELY: ("Answered in time, ever", "questions to all campaigns", "completion_half_life"),
    Column.UNTIMELY: ("Answered late or never", "questions to all campaigns", "completion_half_life"),
    Column.POSTED: ("Weeks with an update", "of all campaigns, until each ended or was to end", "completion_half_life"),
    Column.LIVED: ("Weeks lived", "by all campaigns, until each ended or was to end", "completion_half_life"),
    Column.QUIET: ("Quiet", "0–1, the share of a campaign's time since its last update", ""),
    Column.PREPARED: ("Days prepared", "known before the first campaign", ""),
    Column.LAPSED: ("Lapsed", "verifications that were revoked or ran out", ""),
}
