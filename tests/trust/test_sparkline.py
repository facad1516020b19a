from __future__ import annotations

from datetime import UTC, datetime, timedelta

from trust_svc.scoring.sparkline import Past, sparkline

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def test_a_line_steps_from_score_to_score_up_to_now() -> None:
    drawn = sparkline([Past(NOW - timedelta(days=10), 50, 1), Past(NOW - timedelta(days=5), 75, 2)], now=NOW)
    assert drawn["points"] == "0.0,60.0 300.0,60.0 300.0,30.0 600.0,30.0"
    assert drawn["marks"] == [300.0]
    assert (drawn["lowest"], drawn["highest"]) == ("50.0", "75.0")


def test_no_history_draws_nothing_and_one_point_draws_a_line() -> None:
    assert sparkline([], now=NOW) == {"points": ""}
    assert sparkline([Past(NOW, 100, 1)], now=NOW)["points"] == "600.0,0.0 600.0,0.0"
