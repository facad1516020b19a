"""How well scores parted bad from good on decided cases, and whether one set did it better than another on the same cases."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trust_svc.scoring.calibration import metrics

Floats = NDArray[np.float64]
# The normal distribution's 97.5th percentile.
_Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Quality:
    """`brier` and `ece` are of the probability that a Platt curve reads off the score, each case by a curve that was fitted
    without it (two halves); None where a half lacks bad or good ones."""

    auc: float
    brier: float | None
    ece: float | None


@dataclass(frozen=True, slots=True)
class Paired:
    """The difference of two AUCs on the same cases (second minus first), its 95 % interval and its two-sided p."""

    difference: float
    low: float
    high: float
    p: float


def quality(scores: Sequence[float], bad: Sequence[bool]) -> Quality | None:
    """None when nothing bad or nothing good was decided. The order of cases decides the halves."""
    points, labels = np.array(scores, dtype=np.float64), np.array(bad, dtype=np.float64)
    if not _both(labels):
        return None
    halves = [np.arange(len(labels)) % 2 == half for half in (0, 1)]
    if not all(_both(labels[half]) for half in halves):
        return Quality(metrics.auc(-points, labels), None, None)
    chances = np.empty_like(points)
    for mine, other in (halves, halves[::-1]):
        chances[mine] = metrics.chance(points[mine], *metrics.platt(points[other], labels[other]))
    return Quality(metrics.auc(-points, labels), metrics.brier(chances, labels), metrics.ece(chances, labels))


def paired(first: Sequence[float], second: Sequence[float], bad: Sequence[bool]) -> Paired | None:
    """DeLong's test for two correlated AUCs. None with fewer than two bad or two good cases."""
    labels = np.array(bad, dtype=bool)
    if min(int(labels.sum()), int((~labels).sum())) < 2:
        return None
    placed = [_placements(-np.array(scores, dtype=np.float64), labels) for scores in (first, second)]
    difference = float(placed[1][0].mean() - placed[0][0].mean())
    spread = np.var(placed[1][0] - placed[0][0], ddof=1) / int(labels.sum())
    spread += np.var(placed[1][1] - placed[0][1], ddof=1) / int((~labels).sum())
    error = math.sqrt(float(spread))
    if error == 0.0:
        return Paired(difference, difference, difference, 1.0 if difference == 0.0 else 0.0)
    p = math.erfc(abs(difference) / error / math.sqrt(2))
    return Paired(difference, difference - _Z * error, difference + _Z * error, p)


def _placements(risk: Floats, bad: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """For every bad one the share of good ones below it, for every good one the share of bad ones above it."""
    worse, fine = np.sort(risk[bad]), np.sort(risk[~bad])
    below = (np.searchsorted(fine, risk[bad], "left") + np.searchsorted(fine, risk[bad], "right")) / 2 / len(fine)
    beneath = (
        (np.searchsorted(worse, risk[~bad], "left") + np.searchsorted(worse, risk[~bad], "right")) / 2 / len(worse)
    )
    return below, 1.0 - beneath


def _both(labels: Floats) -> bool:
    return bool(0 < labels.sum() < len(labels))
