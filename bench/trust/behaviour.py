"""How organisers behave, honest or not. Drawn from what people do, with no regard to what any score looks at."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

ITEMS = ("email", "phone", "identity", "bank", "registry", "beneficiary", "endorsement", "address")


@dataclass(frozen=True)
class Behaviour:
    """What one organiser tends to do. Rates are chances, times are days."""

    age: float = 700.0  # mean age of the account when the campaign starts
    verified: tuple[float, ...] = (0.95, 0.8, 0.75, 0.65, 0.35, 0.45, 0.3, 0.4)  # chance of each item
    lapse: float = 0.05  # a verification was revoked or ran out
    cadence: float = 17.0  # between updates
    burst: int = 1  # updates posted at once
    silent_after: float = 9_999.0  # days into a campaign after which nothing more is heard
    answers: float = 0.8  # questions answered
    answer_hours: float = 30.0
    crowd: float = 24.0  # mean number of gifts
    faithful: float = 0.15  # gifts by somebody who gave before
    ring: float = 0.03  # gifts that come from accounts of the organiser's own
    ring_hands: int = 2  # fingerprints behind those accounts
    pace: float = 0.8  # what is shown of the promise, against the time gone by
    keeps: float = 0.82  # milestones kept
    delivers: float = 0.86  # campaigns that end as promised
    refunds: float = 0.012  # gifts returned for cause
    disputes: float = 0.006  # gifts disputed
    loses: float = 0.4  # disputes lost
    reports: float = 0.12  # mean number of reports by people who mean it
    truth: float = 0.15  # share of those that are found true
    brigade: float = 0.01  # chance that a mob files reports


HONEST = Behaviour()
# Good people with nothing to show: a village church, no register, no phone number, few givers.
POOR = replace(
    HONEST,
    age=260.0,
    verified=(0.8, 0.45, 0.45, 0.4, 0.1, 0.3, 0.35, 0.2),
    cadence=26.0,
    answers=0.62,
    answer_hours=48.0,
    crowd=9.0,
    pace=0.7,
    keeps=0.74,
    delivers=0.78,
)
NEWCOMER = replace(HONEST, age=15.0, verified=(0.95, 0.7, 0.6, 0.45, 0.2, 0.3, 0.15, 0.25), crowd=7.0)

# Who takes the money has this in common: less is delivered, fewer questions are answered, the account is younger, a check
# more is missing, more givers want their money back, and some who complain are right.
CROOK = replace(
    HONEST,
    age=380.0,
    verified=(0.92, 0.7, 0.6, 0.5, 0.22, 0.3, 0.18, 0.28),
    lapse=0.08,
    cadence=21.0,
    answers=0.68,
    faithful=0.1,
    pace=0.66,
    keeps=0.68,
    delivers=0.66,
    refunds=0.028,
    disputes=0.016,
    reports=0.28,
    truth=0.5,
)
# What gives each kind away besides.
IMPOSTOR = replace(CROOK, age=120.0, verified=(0.85, 0.5, 0.3, 0.3, 0.1, 0.18, 0.1, 0.15), lapse=0.2)
TAKER = replace(CROOK, silent_after=45.0, answers=0.4, pace=0.4, keeps=0.48, delivers=0.38)
CHARGED_BACK = replace(CROOK, refunds=0.09, disputes=0.07, loses=0.7, reports=0.4)
RINGLEADER = replace(CROOK, ring=0.65, ring_hands=4, burst=3, cadence=14.0, crowd=30.0, faithful=0.3)
IDLER = replace(CROOK, cadence=60.0, silent_after=40.0, answers=0.42, crowd=16.0, pace=0.55)
POLISHED = replace(
    CROOK, age=700.0, verified=HONEST.verified, burst=2, cadence=12.0, keeps=0.58, delivers=0.5, refunds=0.04
)


def drawn(typical: Behaviour, dice: np.random.Generator, noise: float) -> Behaviour:
    """One person of a kind: everybody differs, by so much."""

    def near(chance: float) -> float:
        odds = np.log(chance / (1.0 - chance)) + noise * dice.normal()
        return float(1.0 / (1.0 + np.exp(-odds)))

    def about(size: float) -> float:
        return float(size * np.exp(0.6 * noise * dice.normal()))

    return replace(
        typical,
        age=about(typical.age),
        verified=tuple(near(each) for each in typical.verified),
        lapse=near(typical.lapse),
        cadence=about(typical.cadence),
        silent_after=about(typical.silent_after),
        answers=near(typical.answers),
        answer_hours=about(typical.answer_hours),
        crowd=about(typical.crowd),
        ring=near(typical.ring),
        pace=min(1.0, about(typical.pace)),
        keeps=near(typical.keeps),
        delivers=near(typical.delivers),
        refunds=near(typical.refunds),
        disputes=near(typical.disputes),
        reports=about(typical.reports),
    )
