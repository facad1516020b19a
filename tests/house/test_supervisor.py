"""The supervisor keeps programs running and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from deploy.local.processes import Pids
from deploy.local.programs import Program
from deploy.local.supervisor import NotReady, Supervisor

# A program with a child of its own, as servers have; the child's number is in a file.
PARENT = """
import pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path(sys.argv[1]).write_text(str(child.pid))
time.sleep(600)
"""


@pytest.fixture
def pids(tmp_path: Path) -> Pids:
    return Pids(tmp_path / "run" / "pids.json")


@pytest.fixture
def supervisor(tmp_path: Path, pids: Pids) -> Iterator[Supervisor]:
    made = Supervisor(tmp_path / "logs", pids)
    yield made
    made.stop()


def until(look: Callable[[], bool], supervisor: Supervisor | None = None) -> None:
    """Wait for another process, watching over the programs meanwhile."""
    deadline = time.monotonic() + 20
    while not look():
        assert time.monotonic() < deadline, "it did not happen within 20 s"
        if supervisor is not None:
            supervisor.watch()
        time.sleep(0.01)


def family(tmp_path: Path) -> Program:
    return Program("family", [sys.executable, "-c", PARENT, str(tmp_path / "child")])


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_a_program_that_is_killed_is_started_again_and_its_children_are_not_left(
    tmp_path: Path, supervisor: Supervisor, pids: Pids
) -> None:
    supervisor.start([family(tmp_path)])
    until(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text() != "")
    leader, child = pids.all()["family"], int((tmp_path / "child").read_text())
    os.kill(leader, signal.SIGKILL)
    until(lambda: pids.all().get("family", leader) != leader, supervisor)
    until(lambda: not alive(child))
    assert alive(pids.all()["family"])


def test_stop_ends_whole_groups_and_forgets_their_numbers(tmp_path: Path, supervisor: Supervisor, pids: Pids) -> None:
    supervisor.start([family(tmp_path)])
    until(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text() != "")
    leader, child = pids.all()["family"], int((tmp_path / "child").read_text())
    supervisor.stop()
    until(lambda: not alive(leader) and not alive(child))
    assert pids.all() == {}


def test_a_program_that_cannot_start_is_named_with_its_last_words(supervisor: Supervisor) -> None:
    broken = Program(
        "broken", [sys.executable, "-c", "raise SystemExit('no such door')"], ready="http://127.0.0.1:9/readyz"
    )
    supervisor.start([broken])
    until(lambda: "no such door" in (supervisor._logs / "broken.log").read_text(), supervisor)
    with pytest.raises(NotReady, match="no such door"):
        supervisor.wait_ready([broken], seconds=0)


def test_a_number_that_the_system_gave_to_somebody_else_is_not_ours(pids: Pids) -> None:
    pids.put("old", os.getpid())
    written = pids._path.read_text()
    born = psutil.Process().create_time()
    pids._path.write_text(written.replace(str(born), str(born - 100)))
    assert pids.all() == {}
