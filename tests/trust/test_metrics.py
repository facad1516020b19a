"""The measures of a score, against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from trust_svc.scoring.calibration.metrics import auc, brier, chance, ece, platt, psi


def of(*values: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array(values, dtype=np.float64)


def test_auc_counts_pairs_and_halves_ties() -> None:
    assert auc(of(1, 2, 3, 4), of(0, 0, 1, 1)) == 1.0
    assert auc(of(4, 3, 2, 1), of(0, 0, 1, 1)) == 0.0
    assert auc(of(5, 5, 5), of(1, 0, 0)) == 0.5
    # Pairs: 2>1, 2=2, 3>1, 3>2 of four.
    assert auc(of(1, 2, 2, 3), of(0, 0, 1, 1)) == 3.5 / 4


def test_auc_needs_both_classes() -> None:
    assert np.isnan(auc(of(1, 2), of(1, 1)))


def test_brier_is_the_mean_squared_error() -> None:
    assert brier(of(0.5, 1.0), of(1, 0)) == 0.625


def test_ece_compares_stated_and_true_shares_by_bins() -> None:
    stated = of(*[0.1] * 10, *[0.6] * 10)
    assert ece(stated, of(1, *[0] * 9, *[1] * 6, *[0] * 4), bins=2) == pytest.approx(0.0)
    assert ece(stated, of(*[0] * 10, *[1] * 10), bins=2) == pytest.approx((0.1 + 0.4) / 2)


def test_psi_is_zero_for_the_same_and_large_for_another_population() -> None:
    spread = np.arange(1000.0)
    assert psi(spread, spread) == 0.0
    assert psi(spread, spread + 500) > 0.25


def test_platt_finds_the_curve_that_made_the_labels() -> None:
    dice = np.random.default_rng(7)
    score = dice.uniform(0, 100, 40_000)
    bad = (dice.random(40_000) < chance(score, -1.0, 0.05)).astype(np.float64)
    a, b = platt(score, bad)
    assert a == pytest.approx(-1.0, abs=0.1)
    assert b == pytest.approx(0.05, abs=0.003)
    assert ece(chance(score, a, b), bad) < 0.01


def test_platt_never_says_that_trust_is_a_risk() -> None:
    a, b = platt(of(1, 2, 3, 4), of(0, 0, 1, 1))
    assert (a, b) == (0.0, 0.0)
    assert chance(of(50), a, b)[0] == 0.5
