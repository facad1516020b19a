"""`make secrets` writes what compose.yaml reads, and nothing without the operator's own part."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest
import yaml

from deploy.docker import secrets
from deploy.local.stack import ROOT, SERVICES

STRIPE = {"STRIPE_SECRET_KEY": "sk_test_of_the_operator", "STRIPE_WEBHOOK_SECRET": "whsec_of_the_operator"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "secrets"
    secrets.make(made, STRIPE)
    return made


def test_every_file_that_compose_reads_is_written(folder: Path) -> None:
    named = yaml.safe_load((ROOT / "compose.yaml").read_text())["secrets"].values()
    files = {Path(secret["file"]).name for secret in named}
    # Besides them only the key of the platform, who is no program of ours.
    assert {path.name for path in folder.iterdir()} == files | {"monolith.pem"}
    assert all(path.read_text().strip() for path in folder.iterdir())
    assert (folder / "stripe").read_text().strip() == "sk_test_of_the_operator"


def test_a_container_may_read_them_and_nobody_else_on_this_machine(folder: Path) -> None:
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o644}


def test_each_service_has_two_roles_and_passwords_of_its_own(folder: Path) -> None:
    addresses = [(folder / f"{service}.{file}").read_text() for service in SERVICES for file in ("database", "owner")]
    # As deploy/docker/open-house.sh takes them apart.
    parts = [re.fullmatch(r"postgresql://([^:]+):([^@]+)@[^/]+/(.+)\n", address) for address in addresses]
    assert len({part[1] for part in parts if part}) == len({part[2] for part in parts if part}) == len(addresses)
    assert [part[3] for part in parts if part] == [f"bh_{service}" for service in SERVICES for _ in "ab"]


def test_running_it_again_changes_nothing(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    secrets.make(folder, {})
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_without_stripes_secrets_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(secrets.NotGiven, match="set STRIPE_WEBHOOK_SECRET to"):
        secrets.make(tmp_path / "secrets", {"STRIPE_SECRET_KEY": "sk_test_of_the_operator"})
    assert not (tmp_path / "secrets").exists()
