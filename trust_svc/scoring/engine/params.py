"""The numbers of a score: immutable, versioned and hashed, so that every stored score names exactly what made it."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

FACTORS = ("completion", "updates", "engagement", "verification", "history")
ITEMS = ("email", "phone", "identity", "bank", "registry", "beneficiary", "endorsement", "address")
TIERS = ("NEW", "RISING", "STEADY", "TRUSTED", "STAR")
IDENTITY = ITEMS.index("identity")
UNITS_PER_POINT = 1024
# Steps of a card; see card.TERMS.
CARD_STEPS = 95
FULL = 100 * UNITS_PER_POINT
# Parameters that version 1 did not have; their defaults are what it did without them.
ADDED = (
    "accounts_per_hand",
    "burst_answers",
    "burst_days",
    "burst_voices",
    "card",
    "concentration_fades",
    "concentration_free",
    "ended_owes",
    "hold_cap",
    "imported_half_life",
    "imported_share",
    "long_need_is_long",
    "reach_share",
    "repeat_mass",
    "risk",
    "stranger_share",
    "strangers_together",
)


@dataclass(frozen=True)
class Params:
    """One parameter set. Times are days, masses are counts of independent observations, weights sum to 1.

    A prior is always a population rate with the mass of so many observations behind it, never a neutral half.
    """

    version: int = 1
    # completion, updates, engagement, verification, history: the order of FACTORS.
    weights: tuple[float, ...] = (0.25, 0.15, 0.15, 0.20, 0.25)

    completion_half_life: float = 365.0
    completion_prior: float = 0.70
    completion_prior_mass: float = 4.0
    completion_prior_floor: float = 0.30
    completion_prior_ceiling: float = 0.90
    milestone_mass: float = 0.5
    elapsed_unknown: float = 0.5
    # What an organiser's other campaigns say about this one.
    inherited: float = 0.5
    # How far a score of the old system moves the completion prior of a person and their campaigns, when it is new.
    imported_share: float = 0.0
    imported_half_life: float = 365.0

    update_windows: int = 6
    update_days_emergency: float = 7.0
    update_days: float = 14.0
    update_days_long: float = 30.0
    update_days_ended: float = 90.0
    # 1 = a campaign that has ended still owes updates; 0 = its silence is that of its last day.
    ended_owes: float = 1.0
    # A campaign planned for longer than this many days reports in long periods.
    long_campaign_days: float = 365.0
    # 1 = so does one for a community's long-term need.
    long_need_is_long: float = 0.0
    update_prior: float = 0.60
    update_prior_mass: float = 2.0

    engagement_half_life: float = 120.0
    reach_half: float = 15.0
    # How much of engagement is reach; the rest is answers.
    reach_share: float = 0.5
    response_hours: float = 72.0
    response_prior: float = 0.60
    response_prior_mass: float = 6.0
    independence_mass: float = 5.0
    repeat_days: float = 7.0
    # A donor who came back is worth so many answers.
    repeat_mass: float = 1.0
    # All accounts of one hand together prove its concentration as much as so many like the strongest, at most.
    accounts_per_hand: float = 1_000_000.0
    # 0 = old gifts weigh as much as new ones where accounts are held against hands; only what that costs fades.
    concentration_fades: float = 1.0
    # So many more accounts than hands, as a share, are ordinary: households, or somebody who means ill.
    concentration_free: float = 0.0
    unknown_standing: float = 0.60
    standing_floor: float = 0.25
    anonymous_credibility: float = 0.20
    # New hands that come within so many days are together worth at most so many voices.
    burst_voices: float = 1_000_000.0
    burst_days: float = 7.0
    # Questions asked within so many days are together worth at most so many.
    burst_answers: float = 1_000_000.0

    # email, phone, identity, bank, registry, beneficiary, endorsement, address: the order of ITEMS.
    items: tuple[float, ...] = (0.08, 0.08, 0.28, 0.20, 0.14, 0.10, 0.06, 0.06)
    item_prior_mass: float = 2.0

    history_half_life: float = 180.0
    clean_prior: float = 0.01
    clean_prior_mass: float = 30.0
    clean_pivot: float = 0.03
    refund_mass: float = 1.0
    warning_mass: float = 3.0
    lost_mass: float = 5.0
    # More gifts of one hand than this prove nothing further.
    gifts_per_hand: float = 3.0
    tenure_gap: float = 0.40
    tenure_half_life: float = 120.0
    tenure_days_per_observation: float = 30.0

    report_half_life: float = 90.0
    report_half: float = 3.0
    # All unreviewed reports together cost at most so many points, however many they are.
    report_points: float = 3.0
    reporter_prior: float = 0.40
    reporter_prior_mass: float = 2.0
    # What is left of the word of a reporter who gave nothing.
    stranger_share: float = 1.0
    # All reporters who gave nothing are together worth at most so much mass.
    strangers_together: float = 1_000_000.0
    # fraud, misleading, inappropriate, spam, other: when a report does not say how severe it is.
    severities: tuple[float, ...] = (4.0, 3.0, 2.0, 1.0, 2.0)
    upheld_half_life: float = 365.0
    upheld_scale: float = 3.0
    case_severity: float = 5.0
    upheld_cap_depth: float = 70.0

    identity_cap: float = 69.0
    # The most that anything under an active hold can have.
    hold_cap: float = 100.0
    confidence_floor: float = 0.25
    # Standard deviations below the score: the lower end of the 80 % interval.
    lower_z: float = 1.28
    tiers: tuple[float, ...] = (0.0, 25.0, 50.0, 75.0, 90.0)
    tier_slack: float = 2.0

    # Points of the fitted card, one for every step (see card.STEPS), summing to 100; none: the factors' own formulas.
    card: tuple[float, ...] = ()
    # (a, b): the chance that something of this score turns out bad is 1 / (1 + exp(a + b · score)). None: not known.
    risk: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        shapes = {"weights": len(FACTORS), "items": len(ITEMS), "tiers": len(TIERS), "severities": 5}
        for name, length in shapes.items():
            if len(getattr(self, name)) != length:
                raise ValueError(f"{name} needs {length} numbers")
        if len(self.risk) not in (0, 2) or not all(map(math.isfinite, self.risk)) or (self.risk and self.risk[1] < 0):
            raise ValueError("risk needs two numbers, the second not negative")
        given = {name: value for name, value in asdict(self).items() if name != "risk"}
        groups = [value if isinstance(value, tuple) else (value,) for value in given.values()]
        numbers = [number for group in groups for number in group]
        if any(not math.isfinite(number) or number < 0 for number in numbers):
            raise ValueError("parameters are finite and never negative")
        for name in ("weights", "items"):
            if abs(sum(getattr(self, name)) - 1) > 1e-9:
                raise ValueError(f"{name} must sum to 1")
        if self.card and (len(self.card) != CARD_STEPS or abs(sum(self.card) - 100) > 1e-6):
            raise ValueError(f"card needs {CARD_STEPS} numbers that sum to 100")
        if max(self.imported_share, self.stranger_share, self.reach_share) > 1:
            raise ValueError("imported_share, reach_share and stranger_share are shares")
        if not (self.burst_days and self.burst_voices and self.burst_answers and self.accounts_per_hand >= 1):
            raise ValueError("what bounds a burst is above 0, and a hand has an account")
        if self.report_points > 100 * self.weights[4]:
            raise ValueError("report_points cannot exceed what history is worth")

    def canonical(self) -> str:
        """The one text of this set: JSON with sorted keys and no spaces. Its SHA-256 is the digest.

        What was added after version 1 is named only where it changes something, so that older sets keep their digests.
        """
        added = {name for name in ADDED if getattr(self, name) == self.__dataclass_fields__[name].default}
        named = {name: value for name, value in asdict(self).items() if name not in added}
        return json.dumps(named, sort_keys=True, separators=(",", ":"))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical text, in hex."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()

    @classmethod
    def parse(cls, text: str) -> Params:
        """Read a canonical or hand-written JSON text. Raises ValueError on unknown names, wrong shapes or numbers."""
        data: dict[str, Any] = json.loads(text)
        unknown = set(data) - set(cls.__dataclass_fields__)
        if unknown:
            raise ValueError(f"unknown parameters: {', '.join(sorted(unknown))}")
        whole = {"version", "update_windows"}
        values: dict[str, Any] = {}
        for name, value in data.items():
            if isinstance(value, list):
                values[name] = tuple(float(each) for each in value)
            else:
                values[name] = int(value) if name in whole else float(value)
        return cls(**values)


V1 = Params()
# Version 2 was live before version 3.
V2 = Params(
    version=2,
    weights=(0.25, 0.11, 0.14, 0.20, 0.30),
    completion_prior_mass=1.0,
    milestone_mass=1.0,
    imported_share=0.5,
    long_need_is_long=1.0,
    update_days_emergency=10.0,
    ended_owes=0.0,
    reach_half=30.0,
    response_prior_mass=3.0,
    independence_mass=2.0,
    unknown_standing=0.1,
    burst_voices=6.0,
    burst_answers=2.0,
    clean_pivot=0.05,
    tenure_gap=0.3,
    stranger_share=0.35,
    strangers_together=0.75,
    hold_cap=20.0,
)
# Version 3 hears answers more than crowds, and holds no single hand against a campaign of many.
V3 = replace(
    V2,
    version=3,
    weights=(0.19, 0.09, 0.29, 0.18, 0.25),
    update_days_long=21.0,
    update_prior=0.5,
    update_prior_mass=3.0,
    reach_half=60.0,
    reach_share=0.1,
    repeat_mass=0.25,
    independence_mass=0.7,
    accounts_per_hand=3.0,
    concentration_fades=0.0,
    concentration_free=0.1,
    items=(0.06, 0.06, 0.27, 0.21, 0.12, 0.11, 0.06, 0.11),
    clean_pivot=0.04,
    tenure_half_life=240.0,
)
# What a new service begins with, and what is meant where no set is named.
SHIPPED = V3
# What every written set has to name.
NEEDED = frozenset(Params.__dataclass_fields__) - frozenset(ADDED)
