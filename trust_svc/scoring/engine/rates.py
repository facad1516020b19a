"""How often campaigns of a category deliver: the population's rate, moved as far as the category's record carries."""

from __future__ import annotations

from collections.abc import Mapping

from trust_svc.scoring.engine.params import Params


def category_rates(outcomes: Mapping[str, tuple[float, float]], params: Params) -> dict[str, float]:
    """Empirical Bayes by the method of moments. `outcomes` is (delivered, failed) by category; rates are clipped.

    The variance between categories beyond chance decides how many observations the population's rate is worth.
    """
    counts = {name: (done, done + failed) for name, (done, failed) in outcomes.items() if done + failed > 0}
    total = sum(size for _, size in counts.values())
    mass = params.completion_prior_mass
    population = (sum(done for done, _ in counts.values()) + mass * params.completion_prior) / (total + mass)
    strength = _strength(counts, population, total) if len(counts) > 1 else 4.0 * mass
    low, high = params.completion_prior_floor, params.completion_prior_ceiling
    shrunk = {name: (done + strength * population) / (size + strength) for name, (done, size) in sorted(counts.items())}
    return {name: min(high, max(low, rate)) for name, rate in shrunk.items()}


def _strength(counts: Mapping[str, tuple[float, float]], population: float, total: float) -> float:
    """The prior's mass: large when categories differ no more than chance would have it."""
    chance = population * (1.0 - population)
    spread = sum(size * (done / size - population) ** 2 for done, size in counts.values())
    effective = total - sum(size**2 for _, size in counts.values()) / total
    between = (spread - (len(counts) - 1) * chance) / effective if effective > 0 else 0.0
    return 1000.0 if between <= chance / 1000.0 else max(1.0, chance / between - 1.0)
