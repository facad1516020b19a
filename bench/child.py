"""One measure in a process of its own: `python -m bench.child NAME` prints a line for each finding."""

from __future__ import annotations

import importlib
import sys

from bench import ending
from bench.measures import MEASURES
from deploy.local.stack import Stack


def main(name: str) -> None:
    """Run the measure; Django is set up first when it belongs to a service."""
    ending.gracefully()
    if MEASURES[name].service:
        import django

        django.setup()
    measure = importlib.import_module(f"bench.measures.{name}")
    for finding in measure.measure(Stack.here()):
        print(finding.line(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
