"""What it buys to cheat: the same population once more, with mobs, rings and bursts added to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bench.trust.behaviour import NEWCOMER, RINGLEADER
from bench.trust.people import known
from bench.trust.simulator import Donor, Simulation, Teller, simulate
from bench.trust.worlds import GOOD, World
from trust_svc.scoring.calibration.metrics import Floats
from trust_svc.scoring.engine import Params

# So many campaigns are attacked, or cheat.
TARGETS = 40
QUIET = World("quiet", GOOD, fraud=0.0)


def gaming(params: Params, *, seed: int, organisers: int) -> dict[str, float]:
    """Shares of the population (0-1): how far ranks move, and how often a ring stands below an honest newcomer."""
    return {
        "mob": moved(params, seed, organisers, _mob),
        "burst of updates": moved(params, seed, organisers, _updates),
        "burst of gifts": moved(params, seed, organisers, _gifts),
        "ring below newcomer": below(params, seed, organisers),
    }


def moved(params: Params, seed: int, organisers: int, cheat: Callable[[Teller, str], None]) -> float:
    """The mean change of rank of a campaign that is cheated with, as a share of the population, away from the truth."""
    quiet = simulate(QUIET, seed=seed, organisers=organisers)
    campaigns = [entity for entity in sorted(quiet.labels) if entity[0] == "campaign"][:TARGETS]
    before = known(quiet, params)
    told = Teller(seed + 1_000)
    for _, campaign in campaigns:
        cheat(told, campaign)
    after = known(Simulation(quiet.facts + told.facts, quiet.labels), params)
    places = [before.entities.index(each) for each in campaigns]
    ranks = [_ranks(each.points(params))[places] for each in (before, after)]
    return float(np.mean(ranks[1] - ranks[0]))


def below(params: Params, seed: int, organisers: int) -> float:
    """How often an honest newcomer with little to show stands above a ring of accounts of one hand."""
    ring = replace(RINGLEADER, age=15.0, verified=NEWCOMER.verified)
    world = World("rings", ((ring, 1.0),), good=((NEWCOMER, 1.0),), fraud=0.3, hidden=0.0, days=150.0)
    found = known(simulate(world, seed=seed, organisers=organisers), params)
    points = found.points(params)
    good, bad = points[found.bad == 0], points[found.bad == 1]
    return float((good[:, None] > bad[None, :]).mean() + 0.5 * (good[:, None] == bad[None, :]).mean())


def _ranks(points: Floats) -> Floats:
    """0 for the worst, 1 for the best."""
    found: Floats = np.searchsorted(np.sort(points), points, side="left") / len(points)
    return found


def _mob(told: Teller, campaign: str) -> None:
    """Thirty accounts of five hands say it is a fraud."""
    hands = [told.id() for _ in range(5)]
    for number in range(30):
        told.tell(
            "report.filed",
            "campaign",
            campaign,
            2.0,
            report_id=told.id(),
            kind="fraud",
            severity=5,
            reporter_id=told.id(),
            cluster=hands[number % 5],
        )


def _updates(told: Teller, campaign: str) -> None:
    for _ in range(20):
        told.tell("campaign.update_posted", "campaign", campaign, 45.0, update_id=told.id())


def _gifts(told: Teller, campaign: str) -> None:
    """Forty gifts in a day, from accounts of three hands, two months ago."""
    hands = [Donor(told.id(), told.id(), 0.0) for _ in range(3)]
    for number in range(40):
        told.tell(
            "payment.succeeded",
            "campaign",
            campaign,
            60.0,
            payment_id=told.id(),
            donor_id=told.id(),
            amount="5.00",
            currency="GBP",
            cluster=hands[number % 3].cluster,
        )
