"""Cases as analysts have them, few, lopsided or wrongly labelled: a fit never makes of them what is worse than the default."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.trust.test_card import made_up
from trust_svc.scoring.calibration.calibrate import Calibrated, Case, calibrated, spoken
from trust_svc.scoring.calibration.metrics import Floats, auc
from trust_svc.scoring.engine import SHIPPED, Params, Row, as_matrix, row, score

UNSEEN = made_up(3_000, seed=77)


def as_the_default_says(count: int, seed: int) -> list[Case]:
    """Cases of which nobody could know more than the default: it is they who go by its score, and by nothing else."""
    dice = np.random.default_rng(seed)
    rows = [_anything(dice) for _ in range(count)]
    points = score(as_matrix(rows), SHIPPED).score / 1024.0
    bad = dice.random(count) < 1.0 / (1.0 + np.exp(2.6 + 1.5 * (points - points.mean()) / points.std()))
    return [Case("campaign", f"{at:08d}", f"owner {at // 2}", rows[at], int(bad[at])) for at in range(count)]


def _anything(dice: np.random.Generator) -> Row:
    return row(
        done=float(dice.poisson(1)),
        failed=float(dice.poisson(0.5)),
        progress=float(dice.random()),
        elapsed=float(2 * dice.random()),
        silence=float(dice.exponential(1)),
        exposure=6.0,
        periods=float(dice.integers(0, 7)),
        voices=float(dice.exponential(12)),
        donors=float(dice.exponential(15)),
        answered=float(dice.poisson(3)),
        unanswered=float(dice.poisson(1)),
        untimely=float(dice.poisson(1)),
        posted=float(dice.poisson(6)),
        lived=float(8 + dice.poisson(6)),
        quiet=float(dice.random()),
        items=float(dice.integers(0, 256)),
        ok=float(dice.exponential(20)),
        bad=float(dice.exponential(0.5)),
        tenure=float(dice.exponential(400)),
    )


def found(cases: list[Case], params: Params) -> float:
    bad: Floats = np.array([case.bad for case in cases], dtype=np.float64)
    return auc(-score(as_matrix([case.row for case in cases]), params).score / 1024.0, bad)


def is_sane(fitted: Calibrated) -> bool:
    a, b = fitted.params.risk
    told = fitted.report["held_out"]["after"]
    assert Params.parse(fitted.params.canonical()) == fitted.params
    assert all(0 <= told[name] <= 1 for name in ("auc", "brier", "ece"))
    return math.isfinite(a) and b >= 0


def lopsided(cases: list[Case]) -> list[Case]:
    """Three in a hundred are bad."""
    bad = [case for case in cases if case.bad]
    good = [case for case in cases if not case.bad]
    return good + bad[: round(0.03 * len(good))]


def mislabelled(cases: list[Case]) -> list[Case]:
    return [replace(case, bad=1 - case.bad) if at % 10 == 0 else case for at, case in enumerate(cases)]


@pytest.mark.parametrize(
    "cases",
    [made_up(500), lopsided(made_up(700)), mislabelled(made_up(600))],
    ids=["five hundred", "three in a hundred bad", "one in ten mislabelled"],
)
def test_a_fit_to_such_cases_is_no_worse_than_the_default_on_people_it_has_not_seen(cases: list[Case]) -> None:
    fitted = calibrated(cases, SHIPPED)
    assert is_sane(fitted)
    assert found(UNSEEN, fitted.params) >= found(UNSEEN, SHIPPED) - 0.01


@pytest.mark.parametrize("seed", [1, 2])
def test_where_the_default_knows_all_there_is_to_know_a_fit_takes_nothing_away(seed: int) -> None:
    fitted, unseen = calibrated(as_the_default_says(500, seed), SHIPPED), as_the_default_says(3_000, 90)
    assert is_sane(fitted)
    assert found(unseen, fitted.params) >= found(unseen, SHIPPED) - 0.01


def test_a_card_that_parts_worse_than_the_formulas_is_not_taken_and_the_report_says_so() -> None:
    """Labels that go by the default's score exactly leave a card nothing to win."""
    cases = as_the_default_says(300, 5)
    points = score(as_matrix([case.row for case in cases]), SHIPPED).score
    exact = [replace(case, bad=int(at < np.quantile(points, 0.2))) for case, at in zip(cases, points, strict=True)]
    fitted = calibrated(exact, SHIPPED)
    assert replace(fitted.params, risk=SHIPPED.risk) == SHIPPED
    assert fitted.report["points"].startswith("those of the formulas")
    assert fitted.report["points"] in spoken(fitted.report)[-1]
    assert sum(fitted.report["points_per_factor"].values()) == pytest.approx(100)


def test_fifty_cases_are_enough_for_a_sane_set() -> None:
    cases = made_up(400)
    few = [case for case in cases if case.bad][:12] + [case for case in cases if not case.bad][:38]
    assert is_sane(calibrated(few, SHIPPED))


def test_cases_that_one_input_parts_without_exception_end_in_bounded_chances() -> None:
    parted = [replace(case, row=row(failed=4.0 * case.bad, done=3.0 - 3.0 * case.bad)) for case in made_up(120)]
    fitted = calibrated(parted, SHIPPED)
    assert is_sane(fitted)
    assert fitted.report["held_out"]["after"]["auc"] == 1
