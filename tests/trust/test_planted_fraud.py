"""The made-up populations: they speak the contract, the same seed tells the same, and scores find what was planted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.trust.__main__ import baselines
from bench.trust.gaming import below
from bench.trust.people import known
from bench.trust.simulator import simulate
from bench.trust.worlds import WORLDS, World
from trust_svc.scoring.calibration import lines
from trust_svc.scoring.calibration.metrics import auc
from trust_svc.scoring.engine import SHIPPED


def test_a_simulation_speaks_the_contract_and_repeats_itself(tmp_path: Path) -> None:
    told = simulate(WORLDS[6], seed=5, organisers=30)
    assert told.facts == simulate(WORLDS[6], seed=5, organisers=30).facts
    file = tmp_path / "facts.jsonl"
    file.write_text("".join(json.dumps(fact) + "\n" for fact in told.facts))
    population = lines.read(file)
    assert {entity_id for kind, entity_id in told.labels if kind == "campaign"} >= population.owners.keys()


@pytest.mark.parametrize("world", [WORLDS[6], WORLDS[7]], ids=lambda world: world.name)
def test_default_parameters_find_more_than_any_baseline(world: World) -> None:
    unseen = known(simulate(world, seed=3, organisers=220), SHIPPED)
    assert auc(-unseen.points(SHIPPED), unseen.bad) > max(baselines(unseen))


def test_rings_of_one_hand_stand_below_honest_newcomers() -> None:
    assert below(SHIPPED, seed=9, organisers=80) > 0.5
