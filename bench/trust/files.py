"""`python -m bench.trust.files "little evidence" --facts facts.jsonl --labels labels.csv`: a population for the two commands."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.trust.simulator import Simulation, simulate
from bench.trust.worlds import WORLDS


def main(words: Sequence[str] | None = None) -> int:
    """Writes both files. Deterministic from the seed."""
    worlds = {world.name: world for world in WORLDS}
    parser = argparse.ArgumentParser(prog="bench.trust.files", description="A made-up population as files.")
    parser.add_argument("world", choices=worlds)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--organisers", type=int, default=600, metavar="N")
    parser.add_argument("--facts", type=Path, required=True)
    parser.add_argument("--labels", type=Path, required=True)
    asked = parser.parse_args(words)
    write(simulate(worlds[asked.world], seed=asked.seed, organisers=asked.organisers), asked.facts, asked.labels)
    return 0


def write(told: Simulation, facts: Path, labels: Path) -> None:
    """What `score_events` and `calibrate` read: facts as JSON lines, and how it ended as `kind,id,label`."""
    with facts.open("w") as file:
        file.writelines(json.dumps(fact) + "\n" for fact in told.facts)
    ends = sorted(told.labels.items())
    labels.write_text("kind,id,label\n" + "".join(f"{kind},{name},{bad}\n" for (kind, name), bad in ends))


if __name__ == "__main__":
    sys.exit(main())
