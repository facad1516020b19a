"""The house keeps its order: labels, commands, and what the newcomer reads first."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local import environment, keys
from deploy.local.ports import Ports
from deploy.local.stack import ROOT, SERVICES, Stack

LABELS = """
import json, django
from django.apps import apps
django.setup()
print(json.dumps([[app.label, app.name] for app in apps.get_app_configs()]))
"""


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[str, str]]]:
    """The (label, package) pairs of our own apps under each service's settings."""
    stack = Stack(state=tmp_path_factory.mktemp("layout"), ports=Ports(0))
    keys.make(stack.keys)
    found = {}
    for service in SERVICES:
        env = environment.program(service, stack) | {
            "DJANGO_SETTINGS_MODULE": f"{service}_svc.settings",
            "BH_ENV": "test",
        }
        done = subprocess.run(
            [sys.executable, "-c", LABELS], cwd=ROOT, env=env, capture_output=True, text=True, check=True
        )
        every = [(label, package) for label, package in json.loads(done.stdout)]
        found[service] = [pair for pair in every if pair[1].startswith((f"{service}_svc.", "bh_sdk."))]
    return found


def test_every_slice_is_labelled_by_its_service_and_its_folder(labels: dict[str, list[tuple[str, str]]]) -> None:
    for service, pairs in labels.items():
        slices = {(label, package) for label, package in pairs if package.startswith(f"{service}_svc.")}
        assert slices, f"{service} has no slice"
        assert all(label == f"{service}_{package.split('.')[-1]}" for label, package in slices), slices


def test_labels_of_the_kit_begin_with_bh_and_no_label_occurs_twice(labels: dict[str, list[tuple[str, str]]]) -> None:
    kit = {label for pairs in labels.values() for label, package in pairs if package.startswith("bh_sdk.")}
    assert kit
    assert all(label.startswith("bh_") for label in kit), kit
    own = [
        label for service, pairs in labels.items() for label, package in pairs if package.startswith(f"{service}_svc.")
    ]
    assert len(own) == len(set(own))


def targets() -> dict[str, str]:
    """The Makefile's targets with what it says about each."""
    rules = re.findall(r"^([a-z]+):.*?(?:## (.*))?$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    return dict(rules)


def test_make_help_names_every_command_and_says_what_it_does() -> None:
    printed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target, said in targets().items():
        assert said, f"make {target} says nothing about itself"
        assert f"make {target} " in printed
        assert said in printed


def documents() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_make_command_a_document_names_exists(document: Path) -> None:
    named = set(re.findall(r"(?:^|`)\$?\s*make (?:-s )?(?:[A-Z_]+=\S+ )*([a-z]+)", document.read_text(), re.MULTILINE))
    assert named <= set(targets()), f"{document.name} names {named - set(targets())}"


@pytest.mark.parametrize("words", [["payments_svc/manage.py"], ["-m", "payments_svc.manage"]])
def test_a_services_manage_is_one_program_from_wherever_it_is_called(words: list[str], tmp_path: Path) -> None:
    stack = Stack(state=tmp_path, ports=Ports(0))
    keys.make(stack.keys)
    env = environment.program("payments", stack) | {"BH_ENV": "test"}
    done = subprocess.run(
        [sys.executable, *words, "version"], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()[:2]) == (0, "5."), done.stderr


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return loaded


def test_compose_gives_every_program_limits_a_health_check_and_no_secret_value(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["deploy"]["resources"]["limits"].keys() >= {"cpus", "memory", "pids"}, name
        if not name.endswith("-migrate"):
            assert service["healthcheck"]["test"], name
        for variable, value in service.get("environment", {}).items():
            if variable.endswith(("KEY", "KEYS", "SECRET", "PASSWORD")) or variable == "DATABASE_URL":
                pytest.fail(f"{name}: {variable} is written down as {value!r}")


def test_compose_runs_the_programs_of_the_local_stack(compose: dict[str, Any]) -> None:
    assert {f"{service}-{program}" for service in SERVICES for program in ("api", "worker", "road")} <= compose[
        "services"
    ].keys()
    assert "notify-stream" in compose["services"]
    for service in SERVICES:
        waits = compose["services"][f"{service}-api"]["depends_on"]
        assert waits[f"{service}-migrate"] == {"condition": "service_completed_successfully"}
        assert waits["postgres"] == {"condition": "service_healthy"}


def test_every_secret_that_compose_reads_is_one_that_a_program_is_told_of(compose: dict[str, Any]) -> None:
    used = {secret for service in compose["services"].values() for secret in service.get("secrets", [])}
    assert used == compose["secrets"].keys()
    for name, service in compose["services"].items():
        paths = {
            value.removeprefix("/run/secrets/")
            for value in service.get("environment", {}).values()
            if "/run/secrets/" in str(value)
        }
        assert paths <= set(service.get("secrets", [])), name
