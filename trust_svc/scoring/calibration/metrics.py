"""How well scores part the bad from the good, and how true stated probabilities are. Pure NumPy.

Everywhere `bad` is 1 for what turned out bad and 0 for what did not, `risk` is higher where more is feared.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Newton's steps of the Platt fit; it converges within ten.
_STEPS = 50


def auc(risk: Floats, bad: Floats) -> float:
    """The chance that a bad one is feared more than a good one; a tie is half a win. NaN when one class is missing."""
    positives, negatives = float(bad.sum()), float((1 - bad).sum())
    if not positives or not negatives:
        return float("nan")
    _, group, size = np.unique(risk, return_inverse=True, return_counts=True)
    # The mean rank of everybody with the same risk.
    rank = (np.cumsum(size) - (size - 1) / 2.0)[group]
    return float((rank[bad > 0].sum() - positives * (positives + 1) / 2.0) / (positives * negatives))


def brier(chance: Floats, bad: Floats) -> float:
    """The mean squared error of stated probabilities."""
    return float(np.mean((chance - bad) ** 2))


def log_loss(chance: Floats, bad: Floats) -> float:
    """The mean surprise at how it ended, in nats; nobody is taken to be surer than one in a billion."""
    sure = np.clip(chance, 1e-9, 1.0 - 1e-9)
    return float(-np.mean(bad * np.log(sure) + (1.0 - bad) * np.log(1.0 - sure)))


def ece(chance: Floats, bad: Floats, bins: int = 10) -> float:
    """Expected calibration error: how far stated and true shares lie apart, over bins of equally many cases."""
    order = np.argsort(chance, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return float(sum(abs(chance[part].mean() - bad[part].mean()) * len(part) for part in parts) / len(order))


def psi(before: Floats, after: Floats, bins: int = 10) -> float:
    """Population stability index of `after` against the deciles of `before`: above .25 the population is another."""
    edges = np.quantile(before, np.linspace(0, 1, bins + 1)[1:-1])
    shares = []
    for values in (before, after):
        counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=bins)
        # Half a case in every bin, so that an empty one is no infinity.
        shares.append((counts + 0.5) / (len(values) + 0.5 * bins))
    return float(np.sum((shares[1] - shares[0]) * np.log(shares[1] / shares[0])))


def chance(score: Floats, a: float, b: float) -> Floats:
    """P(bad) = 1 / (1 + exp(a + b · score)), the score in points."""
    found: Floats = 1.0 / (1.0 + np.exp(np.clip(a + b * score, -500, 500)))
    return found


def platt(score: Floats, bad: Floats) -> tuple[float, float]:
    """(a, b) of `chance` by maximum likelihood, b ≥ 0: a higher score is never a higher risk.

    Targets are Platt's (one case of each class is added), so that a perfect parting gives no infinity.
    """
    positives, negatives = float(bad.sum()), float((1 - bad).sum())
    target = np.where(bad > 0, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    centre, spread = float(score.mean()), float(score.std()) or 1.0
    x = np.stack([np.ones_like(score), (score - centre) / spread])
    theta = np.array([np.log((negatives + 1) / (positives + 1)), 0.0])
    for _ in range(_STEPS):
        p = chance(theta @ x, 0.0, 1.0)
        gradient = x @ (p - target) - 1e-6 * theta * [0, 1]
        curve = (x * (p * (1 - p))) @ x.T + np.diag([1e-9, 1e-6])
        step = np.linalg.solve(curve, gradient)
        theta = theta + np.clip(step, -4.0, 4.0)
        if float(np.abs(step).max()) < 1e-10:
            break
    slope = max(0.0, float(theta[1])) / spread
    return (float(theta[0]) - slope * centre, slope) if slope else (float(np.log(negatives / positives)), 0.0)
