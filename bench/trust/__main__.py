"""`python -m bench.trust`: how well default and calibrated parameters find planted fraud, and what cheating buys."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bench.trust.baselines import BASELINES, raw
from bench.trust.gaming import gaming
from bench.trust.people import Known, known
from bench.trust.simulator import simulate
from bench.trust.worlds import WORLDS, World
from trust_svc.scoring.calibration.calibrate import calibrated
from trust_svc.scoring.calibration.metrics import auc, chance, ece
from trust_svc.scoring.engine import SHIPPED

# Populations that no number was chosen on.
FRESH = 31
COLUMNS = (*BASELINES, "default", "calibrated", "gain", "ECE")


def main(words: Sequence[str] | None = None) -> int:
    """Prints a Markdown table. Deterministic."""
    parser = argparse.ArgumentParser(prog="bench.trust", description="Planted fraud, and how well it is found.")
    parser.add_argument("--seeds", type=int, default=2, metavar="N", help="held-out populations of each world")
    parser.add_argument("--organisers", type=int, default=600, metavar="N", help="in each held-out population")
    parser.add_argument("--cases", type=int, default=12_000, metavar="N", help="decided cases to calibrate on")
    parser.add_argument("--leads", action="store_true", help="only the default against the best of the baselines")
    asked = parser.parse_args(words)
    if asked.leads:
        _leads(asked.seeds, asked.organisers)
        return 0
    print(f"| world | {' | '.join(COLUMNS)} |\n|---|{'---|' * len(COLUMNS)}")
    for world in WORLDS:
        found = measured(world, asked.seeds, asked.organisers, asked.cases)
        print(f"| {world.name} | {' | '.join(f'{value:.3f}' for value in found)} |", flush=True)
    print("\n| cheating | share of the population |\n|---|---|")
    for name, share in gaming(SHIPPED, seed=71, organisers=asked.organisers).items():
        print(f"| {name} | {share:+.3f} |")
    return 0


def measured(world: World, seeds: int, organisers: int, cases: int) -> list[float]:
    """AUC of the baselines, of default and calibrated parameters, the gain, and the ECE of the calibrated chances."""
    # An organiser and one and a half campaigns.
    learnt = known(simulate(world, seed=1, organisers=round(cases / 2.5)), SHIPPED)
    params = calibrated(learnt.cases(), SHIPPED).params
    found = []
    for seed in range(FRESH, FRESH + seeds):
        unseen = known(simulate(world, seed=seed, organisers=organisers), SHIPPED)
        default, fitted = auc(-unseen.points(SHIPPED), unseen.bad), auc(-unseen.points(params), unseen.bad)
        error = ece(chance(unseen.points(params), *params.risk), unseen.bad)
        found.append([*baselines(unseen), default, fitted, fitted - default, error])
    return [float(value) for value in np.mean(found, axis=0)]


def _leads(seeds: int, organisers: int) -> None:
    print("| world | best baseline | mean lead | campaigns | organisers | smallest | populations lost |")
    print(f"|---|{'---|' * 6}", flush=True)
    for world in WORLDS:
        found, best = [], []
        for seed in range(FRESH, FRESH + seeds):
            unseen = known(simulate(world, seed=seed, organisers=organisers), SHIPPED)
            users = np.array([kind == "user" for kind, _ in unseen.entities])
            found.append([lead(unseen, some) for some in (users | True, ~users, users)])
            best.append(list(BASELINES)[int(np.argmax(baselines(unseen)))])
        mean, least = np.mean(found, axis=0), np.array(found)[:, 0]
        lost = f"{int((least < 0).sum())} of {seeds}"
        often = max(BASELINES, key=best.count)
        leads = " | ".join(f"{each:+.3f}" for each in [*mean, least.min()])
        print(f"| {world.name} | {often} | {leads} | {lost} |", flush=True)


def lead(unseen: Known, some: NDArray[np.bool_]) -> float:
    """By how much the default's AUC among some of them is above that of the best baseline."""
    best = max(baselines(unseen, some))
    return auc(-unseen.points(SHIPPED)[some], unseen.bad[some]) - best


def baselines(unseen: Known, some: NDArray[np.bool_] | slice = slice(None)) -> list[float]:
    seen = [raw(unseen.population, entity) for entity in unseen.entities]
    return [auc(-np.array([plain(each) for each in seen])[some], unseen.bad[some]) for plain in BASELINES.values()]


if __name__ == "__main__":
    sys.exit(main())
