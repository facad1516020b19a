"""The list of checks, the slow ones first."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from deploy.local import environment, keys
from deploy.local.check import migrations, types, wheel
from deploy.local.check.words import BIN
from deploy.local.ports import Ports
from deploy.local.stack import ROOT, SERVICES, Stack, is_built


@dataclass(frozen=True)
class Step:
    """One check: `run()` says whether it passed and what the tool said."""

    group: str
    name: str
    run: Callable[[], tuple[bool, str]]


def every_step(room: Path) -> list[Step]:
    """All checks of this checkout; `room` is a folder for what they write meanwhile."""
    stack = Stack(state=room / "state", ports=Ports(0))
    keys.make(stack.keys)
    envs = {service: environment.program(service, stack) | {"BH_ENV": "test"} for service in (*SERVICES, "kit")}
    steps = [
        *(
            Step("types", f"mypy --strict: {run.name}", _command(run.command(room), run.env(envs)))
            for run in types.runs()
        ),
        Step("migrations", "models and migrations agree, squawk", lambda: migrations.check(room, envs)),
        Step("imports", "import rules", _command([BIN / "lint-imports", "--no-logo"])),
        Step("style", "ruff check", _command([BIN / "ruff", "check", "."])),
        Step("style", "ruff format", _command([BIN / "ruff", "format", "--check", "."])),
        Step("package", "the wheel holds bh_sdk alone and works without Django", lambda: wheel.check(room)),
        Step("docker", "hadolint", _command([BIN / "hadolint", "deploy/docker/Dockerfile"])),
        Step("docker", "compose.yaml against the compose specification", _command(compose())),
    ]
    if is_built("payments") and _exists("docs.generate"):
        steps.append(
            Step(
                "docs",
                "generated documents are current",
                _command([sys.executable, "-m", "docs.generate", "--check"], envs["payments"]),
            )
        )
    return steps


def compose() -> list[Path | str]:
    return [BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml"]


def _command(words: list[Path | str], env: Mapping[str, str] | None = None) -> Callable[[], tuple[bool, str]]:
    def run() -> tuple[bool, str]:
        done = subprocess.run(
            list(map(str, words)),
            cwd=ROOT,
            env=dict(os.environ if env is None else env),
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode == 0, done.stdout + done.stderr

    return run


def _exists(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
