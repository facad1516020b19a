"""Starts programs, starts again what dies, and stops them all in order."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import httpx

from deploy.local.processes import Pids, end, kill_group
from deploy.local.programs import Program
from deploy.local.stack import ROOT

# Seconds before a program that keeps dying is started again: the last one counts from then on.
BACKOFF = (0.1, 0.5, 1.0, 2.0, 5.0)
# A program that lived this long is healthy again.
STEADY = 30.0
PATIENCE = 15.0
# A log that is larger than this many bytes when its program starts makes room for a new one.
LOG_LIMIT = 20_000_000


class NotReady(Exception):
    """A program did not come up in time; says where its log is."""


class Supervisor:
    """Keeps a list of programs running. Each is a process group with a log of its own."""

    def __init__(self, logs: Path, pids: Pids) -> None:
        self._logs = logs
        self._pids = pids
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()

    def start(self, programs: Sequence[Program]) -> None:
        """Start programs and keep them running from now on."""
        self._logs.mkdir(parents=True, exist_ok=True)
        for program in programs:
            kept = _Kept(program, self._logs / f"{program.name}.log")
            with self._lock:
                kept.start(self._pids)
                self._kept[program.name] = kept

    def wait_ready(self, programs: Sequence[Program], seconds: float) -> None:
        """Return once every program's address answers 200; raises NotReady with the last words of one that does not."""
        deadline = time.monotonic() + seconds
        for program in programs:
            while not _answers(program):
                kept = self._kept[program.name]
                if time.monotonic() > deadline or kept.deaths >= 4:
                    raise NotReady(f"{program.name} does not get ready. Its log: {kept.log}\n{kept.last_words()}")
                time.sleep(0.1)

    def watch(self) -> None:
        """Start again what has died. To be called often; returns at once."""
        with self._lock:
            for kept in self._kept.values():
                kept.watch(self._pids)

    def stop(self) -> None:
        """Stop everything, the last started stage first, so that nobody loses the ground he stands on."""
        with self._lock:
            kept, self._kept = list(self._kept.values()), {}
            ground = [one for one in kept if one.program.name in ("postgres", "redis")]
            for stage in ([one for one in kept if one not in ground], ground):
                running = {one.program.name: one.process.pid for one in stage if one.process is not None}
                end(running, {one.program.name: one.program.stop_signal for one in stage}, PATIENCE)
                for one in stage:
                    if one.process is not None:
                        one.process.wait()
                    self._pids.drop(one.program.name)


class _Kept:
    """One program and its fate."""

    def __init__(self, program: Program, log: Path) -> None:
        self.program = program
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None
        self.deaths = 0
        self._born = 0.0
        self._due = 0.0

    def start(self, pids: Pids) -> None:
        self.program.before()
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as sink:
            # A session of its own: it can be ended whole, and a Ctrl-C in the terminal reaches only the supervisor.
            self.process = subprocess.Popen(
                self.program.command,
                cwd=ROOT,
                env=dict(self.program.env),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )
        self._born = time.monotonic()
        pids.put(self.program.name, self.process.pid)

    def watch(self, pids: Pids) -> None:
        now = time.monotonic()
        if self.process is not None and self.process.poll() is not None:
            # Its children may live on and hold its port.
            kill_group(self.process.pid)
            self.deaths = 1 if now - self._born > STEADY else self.deaths + 1
            self._due = now + BACKOFF[min(self.deaths, len(BACKOFF)) - 1]
            self.process = None
            pids.drop(self.program.name)
        if self.process is None and now >= self._due:
            self.start(pids)

    def last_words(self) -> str:
        with self.log.open("rb") as source:
            source.seek(max(0, self.log.stat().st_size - 3000))
            return source.read().decode(errors="replace")


def _answers(program: Program) -> bool:
    if not program.ready:
        return True
    try:
        return httpx.get(program.ready, timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
