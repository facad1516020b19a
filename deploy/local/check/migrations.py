"""Our migrations: complete, and safe to run on a database that is in use."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from deploy.local import migrated, postgres
from deploy.local.check.words import BIN
from deploy.local.ports import free_port
from deploy.local.postgres import FORGETFUL, Cluster
from deploy.local.stack import ROOT, SERVICES, is_built

# Rules that do not fit: Django writes integers as it does, wraps each migration into a transaction of its own, and its
# constraints on a table that the same migration creates block nobody.
EXCLUDED = (
    "prefer-bigint-over-int",
    "prefer-bigint-over-smallint",
    "prefer-identity",
    "prefer-robust-stmts",
    "prefer-text-field",
    "require-timeout-settings",
    "require-concurrent-index-creation",
    "adding-foreign-key-constraint",
    "constraint-missing-not-valid",
    "disallowed-unique-constraint",
    # Older code goes on writing what it always wrote.
    "ban-drop-not-null",
)
PRINT_SQL = """
import pathlib, sys
import django
django.setup()
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
room, prefixes = pathlib.Path(sys.argv[1]), tuple(sys.argv[2:])
call_command("makemigrations", check_changes=True, dry_run=True)
for label, name in sorted(MigrationLoader(connection).disk_migrations):
    if label.startswith(prefixes):
        with (room / f"{label}.{name}.sql").open("w") as sink:
            call_command("sqlmigrate", label, name, stdout=sink, no_color=True)
"""


def check(room: Path, envs: Mapping[str, Mapping[str, str]]) -> tuple[bool, str]:
    """Compare models with migrations in every service, and let squawk read our own SQL."""
    services = [service for service in SERVICES if is_built(service)]
    if not services:
        return True, ""
    try:
        source = migrated.data_directory(services, say=lambda text: print(f"  {text}", flush=True))
    except RuntimeError as error:
        return False, str(error)
    cluster = Cluster(data=room / "postgres", port=free_port())
    postgres.copy(source, cluster.data)
    with cluster.running(room / "postgres.log", *FORGETFUL):
        results = [_check_one(service, room, cluster, envs[service]) for service in services]
    return all(passed for passed, _ in results), "\n".join(output for _, output in results)


def _check_one(service: str, room: Path, cluster: Cluster, env: Mapping[str, str]) -> tuple[bool, str]:
    folder = room / f"sql-{service}"
    folder.mkdir()
    own = {
        **env,
        "DATABASE_URL": cluster.url(f"bh_{service}", "bh_owner"),
        "DJANGO_SETTINGS_MODULE": f"{service}_svc.settings",
    }
    # The kit's migrations are the same everywhere; payments shows them.
    prefixes = [f"{service}_", *(["bh_"] if service == "payments" else [])]
    printed = subprocess.run(
        [sys.executable, "-c", PRINT_SQL, str(folder), *prefixes],
        cwd=ROOT,
        env=own,
        capture_output=True,
        text=True,
        check=False,
    )
    if printed.returncode:
        return False, f"{service}: {printed.stdout}{printed.stderr}"
    files = sorted(map(str, folder.glob("*.sql")))
    read = subprocess.run(
        [str(BIN / "squawk"), "--pg-version=18.0", f"--exclude={','.join(EXCLUDED)}", *files],
        capture_output=True,
        text=True,
        check=False,
    )
    return read.returncode == 0, read.stdout + read.stderr
