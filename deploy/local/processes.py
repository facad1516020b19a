"""Process groups and the file that remembers them, so that a supervisor can clean up after one that was killed."""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress
from pathlib import Path

import psutil

from deploy.local.stack import Stack


class Pids:
    """`name → process` of one stack on disk; safe against numbers that the system has given to somebody else since."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def all(self) -> dict[str, int]:
        """The programs that still run."""
        return {name: pid for name, (pid, born) in self._read().items() if _is(pid, born)}

    def orphans(self) -> dict[str, int]:
        """Groups whose leader has died; the group's number stays taken as long as a member lives."""
        return {name: pid for name, (pid, _) in self._read().items() if not psutil.pid_exists(pid) and _has_group(pid)}

    def put(self, name: str, pid: int) -> None:
        with suppress(psutil.NoSuchProcess):
            self._write(self._read() | {name: (pid, psutil.Process(pid).create_time())})

    def drop(self, name: str) -> None:
        self._write({known: value for known, value in self._read().items() if known != name})

    def _read(self) -> dict[str, tuple[int, float]]:
        try:
            return {name: (int(pid), float(born)) for name, (pid, born) in json.loads(self._path.read_text()).items()}
        except FileNotFoundError:
            return {}

    def _write(self, pids: dict[str, tuple[int, float]]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        part = self._path.with_suffix(".part")
        part.write_text(json.dumps(pids, indent=1))
        part.replace(self._path)


def pids_of(stack: Stack) -> Pids:
    return Pids(stack.run / "pids.json")


def _is(pid: int, born: float) -> bool:
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        return process.create_time() == born and process.status() != psutil.STATUS_ZOMBIE
    return False


def _has_group(leader: int) -> bool:
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return False
    return True


def kill_group(leader: int) -> None:
    """End a whole process group at once; a leader that is gone already may have left members behind."""
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def end(pids: dict[str, int], signals: dict[str, signal.Signals], seconds: float) -> None:
    """Ask the leaders to stop, give them `seconds`, then end their whole groups."""
    leaders = []
    for name, pid in pids.items():
        with suppress(psutil.NoSuchProcess):
            leader = psutil.Process(pid)
            leader.send_signal(signals.get(name, signal.SIGTERM))
            leaders.append(leader)
    psutil.wait_procs(leaders, timeout=seconds)
    for pid in pids.values():
        kill_group(pid)
    psutil.wait_procs(leaders, timeout=5)
