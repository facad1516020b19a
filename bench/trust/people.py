"""A made-up population as the offline commands would read it, without the file between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from bench.trust.simulator import END, Simulation
from trust_svc.scoring.calibration.calibrate import Case, looking
from trust_svc.scoring.calibration.metrics import Floats
from trust_svc.scoring.calibration.population import Entity, Population
from trust_svc.scoring.engine import Fact, Params, Row, as_matrix, score


@dataclass(frozen=True)
class Known:
    """Feature rows of everybody whose end is known, and the ends."""

    population: Population
    entities: list[Entity]
    rows: list[Row]
    bad: Floats

    def points(self, params: Params) -> Floats:
        found: Floats = score(as_matrix(self.rows), params).score / 1024.0
        return found

    def cases(self) -> list[Case]:
        owners = self.population.owners
        return [
            Case(kind, entity_id, owners.get(entity_id, entity_id), row, int(bad))
            for (kind, entity_id), row, bad in zip(self.entities, self.rows, self.bad, strict=True)
        ]


def known(simulation: Simulation, params: Params) -> Known:
    """Everybody of the simulation with a label, sorted."""
    population = peopled(simulation)
    entities = sorted(simulation.labels)
    bad = np.array([simulation.labels[each] for each in entities], dtype=np.float64)
    return Known(population, entities, rows(population, entities, params), bad)


def peopled(simulation: Simulation) -> Population:
    population = Population()
    for fact in simulation.facts:
        time = datetime.fromisoformat(fact["time"]).timestamp()
        told = Fact(fact["id"], fact["type"], time, fact["data"])
        population.add(fact["subject"]["kind"], fact["subject"]["id"], told)
    population.close(END.timestamp())
    return population


def rows(population: Population, entities: Sequence[Entity], params: Params) -> list[Row]:
    return list(population.rows(entities, looking(params), population.people(params)))
