"""The same score once more, one entity at a time in plain Python: written apart from the kernel, to contradict it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from trust_svc.scoring.engine import Params


@dataclass
class Expected:
    contributions: list[float]
    cap: float
    score: float
    cap_adjustment: float
    confidence: float
    lower: float
    rated: bool
    tier: str


def expected(x: dict[str, float], p: Params) -> Expected:
    weights = list(p.weights)
    if x["donor"] > 0:
        weights = [w / (1 - p.weights[1]) for w in p.weights]
        weights[1] = 0.0

    rate = p.completion_prior
    if x["prior"] > 0:
        rate = max(p.completion_prior_floor, min(p.completion_prior_ceiling, x["prior"]))
    n_c = x["done"] + x["failed"] + x["elapsed"]
    f_c = (x["done"] + min(1, x["progress"]) * x["elapsed"] + p.completion_prior_mass * rate) / (
        n_c + p.completion_prior_mass
    )

    regular = min(1.0, (x["periods"] + p.update_prior_mass * p.update_prior) / (x["exposure"] + p.update_prior_mass))
    fresh = 2 ** -x["silence"]
    f_u = regular * fresh

    reach = 1 - 2 ** (-x["voices"] / p.reach_half)
    n_e = x["answered"] + x["unanswered"]
    response = (x["answered"] + p.response_prior_mass * p.response_prior) / (n_e + p.response_prior_mass)
    ordinary = x["voices"] * (1 + p.concentration_free)
    independent = min(1.0, (ordinary + p.independence_mass) / (x["donors"] + p.independence_mass))
    f_e = independent * (p.reach_share * reach + (1 - p.reach_share) * response)

    mask = int(x["items"])
    f_v = sum(weight for bit, weight in enumerate(p.items) if mask & (1 << bit))
    held = bin(mask).count("1")

    n_h = x["ok"] + x["bad"]
    q = (x["bad"] + p.clean_prior_mass * p.clean_prior) / (n_h + p.clean_prior_mass)
    clean = 1 / (1 + (q / p.clean_pivot) ** 1.5)
    tenure = 1 - p.tenure_gap * 2 ** (-x["tenure"] / p.tenure_half_life)
    # At most `report_points` of the points that history is worth.
    share = p.report_points / (100 * weights[4])
    unreported = 1 - share * (1 - 2 ** (-x["reports_open"] / p.report_half))
    unblamed = 2 ** -x["reports_upheld"]
    f_h = clean * tenure * unreported * unblamed

    factors = [f_c, f_u, f_e, f_v, f_h]
    contributions = [100 * w * f for w, f in zip(weights, factors, strict=True)]
    cap = min(100.0 if mask & 4 else p.identity_cap, 100 - p.upheld_cap_depth * (1 - unblamed))
    if x["held"] > 0:
        cap = min(cap, p.hold_cap)
    total = sum(contributions)
    score = min(cap, total)

    def spread(f: float, n: float, mass: float) -> float:
        return f * (1 - f) / (n + mass + 1)

    variance = (
        weights[0] ** 2 * spread(f_c, n_c, p.completion_prior_mass)
        + weights[1] ** 2 * fresh**2 * spread(regular, x["exposure"], p.update_prior_mass)
        + weights[2] ** 2
        * independent**2
        * (
            p.reach_share**2 * spread(reach, x["voices"], p.reach_half)
            + (1 - p.reach_share) ** 2 * spread(response, n_e, p.response_prior_mass)
        )
        + weights[3] ** 2 * spread(f_v, held, p.item_prior_mass)
        + weights[4] ** 2 * spread(f_h, n_h, p.clean_prior_mass)
    )
    known = [
        (n_c, p.completion_prior_mass),
        (x["exposure"], p.update_prior_mass),
        (x["voices"] + n_e, p.response_prior_mass),
        (held, p.item_prior_mass),
        (n_h + x["tenure"] / p.tenure_days_per_observation, p.clean_prior_mass),
    ]
    confidence = sum(w * n / (n + mass) for w, (n, mass) in zip(weights, known, strict=True))
    names = ["NEW", "RISING", "STEADY", "TRUSTED", "STAR"]
    return Expected(
        contributions=contributions,
        cap=cap,
        score=score,
        cap_adjustment=score - total,
        confidence=confidence,
        lower=min(score, max(0.0, score - p.lower_z * 100 * math.sqrt(variance))),
        rated=confidence >= p.confidence_floor,
        tier=[name for name, edge in zip(names, p.tiers, strict=True) if score >= edge][-1],
    )
