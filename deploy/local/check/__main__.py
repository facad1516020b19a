"""`make check`: everything about the code that can be judged without running the product. `ARGS=types` runs one group."""

from __future__ import annotations

import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploy.local.check.steps import Step, every_step

# As many at a time as a small machine has cores.
SIDE_BY_SIDE = 2


def main() -> int:
    began = time.monotonic()
    groups = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="bh-check-") as room:
        steps = [step for step in every_step(Path(room)) if not groups or step.group in groups]
        if not steps:
            print(f"no such group: {' '.join(groups)}", file=sys.stderr)
            return 2
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            failed = sum(not passed for passed in pool.map(_show, steps))
    print(f"\n{len(steps) - failed} of {len(steps)} checks passed in {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


def _show(step: Step) -> bool:
    began = time.monotonic()
    passed, output = step.run()
    mark = "✓" if passed else "✗"
    lines = [f"{mark} {step.group:<9} {step.name} ({time.monotonic() - began:.1f} s)"]
    if not passed:
        lines += [f"    {line}" for line in output.strip().splitlines()]
    print("\n".join(lines), flush=True)
    return passed


if __name__ == "__main__":
    sys.exit(main())
