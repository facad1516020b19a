"""Tiers by lower edge, and the little memory that keeps a shown tier from flickering."""

from __future__ import annotations

from trust_svc.scoring.engine.params import TIERS, Params


def tier_of(score: float, params: Params) -> str:
    """The tier whose lower edge the score (in points) has reached."""
    return TIERS[max(index for index, edge in enumerate(params.tiers) if score >= edge)]


def shown_tier(score: float, before: str | None, params: Params) -> str:
    """The tier to show after `before`: it rises at once and drops only `tier_slack` points below its edge."""
    plain = TIERS.index(tier_of(score, params))
    if before is None:
        return TIERS[plain]
    shown = TIERS.index(before)
    while shown > plain and score < params.tiers[shown] - params.tier_slack:
        shown -= 1
    return TIERS[max(shown, plain)]
