"""One pytest process per suite, two suites side by side.

One process holds one Django settings module, and we have three real projects. So a run over several suites fans
out: this plugin takes the command line apart, starts one PostgreSQL and one Redis for the run, gives every suite
databases of its own, runs one child per suite and adds their results up. Every usual invocation works: `pytest`,
`pytest tests/payments tests/trust`, `pytest tests/trust/test_scores.py::test_x tests/sdk`, `-k`, `-x`. A child is
an ordinary pytest run with `BH_SUITE` set.
"""

from __future__ import annotations

import configparser
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from deploy.local import environment, keys, migrated, postgres, redis
from deploy.local.ports import Ports, free_base, free_port
from deploy.local.postgres import FORGETFUL, Cluster
from deploy.local.stack import ROOT, Stack
from tests import databases

TESTS = ROOT / "tests"
ROOMS = "bh-tests-"
SIDE_BY_SIDE = 2
# The longest first, so that none of them is left alone at the end.
ORDER = ("faults", "e2e", "payments", "trust", "notify", "contracts", "kit", "house", "standin", "sdk")
# A long suite is run in parts, so that both cores are busy to the end.
PARTS = {"payments": 3, "trust": 3, "notify": 3}
COUNTED = ("passed", "failed", "error", "skipped", "xfailed", "xpassed")


@dataclass
class Suite:
    """A folder under `tests/` with its own `pytest.ini`, or a part of its files."""

    name: str
    paths: list[str] = field(default_factory=list)
    part: str = ""

    @property
    def label(self) -> str:
        """What its databases, reports and output are called."""
        return f"{self.name}{self.part}"

    @property
    def ini(self) -> Path:
        return TESTS / self.name / "pytest.ini"

    @property
    def project(self) -> str | None:
        """The Django project this suite runs in: a service, `kit`, or none."""
        parser = configparser.ConfigParser()
        parser.read(self.ini)
        settings = parser.get("pytest", "DJANGO_SETTINGS_MODULE", fallback="")
        return next(
            (
                name
                for name in migrated.PROJECTS
                if settings in (f"{name}_svc.settings", f"tests.{name}.project.settings")
            ),
            None,
        )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    """Take the run over, before any Django settings are read in this process."""
    known = early_config.known_args_namespace
    if "BH_SUITE" not in os.environ and not (known.help or known.version):
        capture = early_config.pluginmanager.getplugin("capturemanager")
        if capture is not None:
            capture.suspend_global_capture(in_=True)
        given = [str(arg) for arg in early_config.invocation_params.args]
        sys.exit(run(given, list(known.file_or_dir), early_config.invocation_params.dir))
    return (yield)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """In a child: leave the numbers for the parent."""
    if report := os.environ.get("BH_SUITE_REPORT"):
        counts = {name: len(terminalreporter.stats.get(name, [])) for name in COUNTED}
        Path(report).write_text(json.dumps(counts))


def run(given: Sequence[str], paths: Sequence[str], where: Path) -> int:
    """Run the suites that the paths name; returns pytest's exit code for all of them together."""
    began = time.monotonic()
    suites = select(paths, where)
    options = [arg for arg in given if arg not in paths]
    stop_early = any(arg in ("-x", "--exitfirst") or arg.startswith("--maxfail") for arg in options)
    # A pipeline that gives up says SIGTERM; the servers go down as with Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sweep()
    with tempfile.TemporaryDirectory(prefix=ROOMS) as folder:
        room = Path(folder)
        (room / "pid").write_text(str(os.getpid()))
        # PostgreSQL may have to run as somebody else.
        room.chmod(0o755)
        try:
            with _servers(room, suites) as servers:
                results = _Children(options, room, servers, alone=len(suites) == 1, stop_early=stop_early).run(suites)
        except RuntimeError as error:
            # A migration that fails is the user's news, not a failure of this plugin.
            print(error, file=sys.stderr)
            return 1
    code = verdict([result.code for result in results])
    total = Counter[str]()
    for result in results:
        total.update(result.counts)
    if len(results) > 1:
        for result in sorted(results, key=lambda result: result.suite.label):
            print(f"{result.suite.label:<11} {_sentence(result.counts)} in {result.seconds:.1f}s{_trouble(result)}")
    _closing_line(total, time.monotonic() - began, code)
    return code


def sweep() -> None:
    """End the servers of runs that were killed, and remove what they left on disk."""
    for room in Path(tempfile.gettempdir()).glob(f"{ROOMS}*"):
        with suppress(OSError, ValueError):
            if not psutil.pid_exists(int((room / "pid").read_text())):
                for process in psutil.process_iter():
                    # Both servers work inside their data directories.
                    with suppress(psutil.Error):
                        if Path(process.cwd()).is_relative_to(room):
                            process.kill()
                shutil.rmtree(room)


def select(paths: Sequence[str], where: Path) -> list[Suite]:
    """The suites that the paths mean: all of them for none, for the root and for `tests`.

    Raises UsageError for a path outside every suite.
    """
    every = {ini.parent.name: Suite(ini.parent.name) for ini in TESTS.glob("*/pytest.ini")}
    chosen: dict[str, Suite] = {}
    for path in paths or [str(TESTS)]:
        file, colons, rest = path.partition("::")
        full = (where / file).resolve()
        if full == TESTS or full in TESTS.parents:
            chosen |= every
        elif TESTS in full.parents and (name := full.relative_to(TESTS).parts[0]) in every:
            suite = chosen.setdefault(name, every[name])
            suite.paths.append(f"{full}{colons}{rest}")
        else:
            raise pytest.UsageError(f"{path} is in no suite under tests/ (a suite has a pytest.ini)")
    suites = [part for suite in chosen.values() for part in (_parts(suite) if len(chosen) > 1 else [suite])]
    return sorted(suites, key=lambda suite: ORDER.index(suite.name) if suite.name in ORDER else len(ORDER))


def _parts(suite: Suite) -> list[Suite]:
    """The suite, or its files dealt out by size where it runs in parts."""
    wanted = PARTS.get(suite.name, 1)
    if suite.paths or wanted == 1:
        return [suite]
    parts = [Suite(suite.name, part=f"_{number + 1}") for number in range(wanted)]
    weights = [0] * wanted
    files = sorted((TESTS / suite.name).rglob("test_*.py"), key=lambda file: file.stat().st_size, reverse=True)
    for file in files:
        lightest = weights.index(min(weights))
        weights[lightest] += file.stat().st_size
        parts[lightest].paths.append(str(file))
    return parts


def verdict(codes: Sequence[int]) -> int:
    """One exit code out of many: 1 when tests failed anywhere, 5 when there were none at all."""
    codes = [int(code) for code in codes]
    if any(code == 1 for code in codes):
        return 1
    if bad := [code for code in codes if code not in (0, 5)]:
        return max(bad) if max(bad) > 0 else 1
    return 0 if 0 in codes else 5


@dataclass(frozen=True)
class _Servers:
    cluster: Cluster
    redis: str


@contextmanager
def _servers(room: Path, suites: Sequence[Suite]) -> Iterator[_Servers]:
    """One PostgreSQL and one Redis for the whole run, both forgetful."""
    projects = sorted({suite.project for suite in suites if suite.project})
    source = migrated.data_directory(projects)
    cluster = Cluster(data=room / "postgres", port=free_port())
    postgres.copy(source, cluster.data)
    with (
        cluster.running(room / "postgres.log", *FORGETFUL),
        redis.running(free_port(), room / "redis", room / "redis.log", databases=64) as url,
    ):
        yield _Servers(cluster, url)


@dataclass
class _Result:
    suite: Suite
    code: int
    counts: Counter[str]
    seconds: float


@dataclass
class _Running:
    suite: Suite
    process: subprocess.Popen[bytes]
    output: Path
    report: Path
    began: float


class _Children:
    """Starts the suites, at most two at a time, and prints each one's output in one piece."""

    def __init__(self, options: list[str], room: Path, servers: _Servers, *, alone: bool, stop_early: bool) -> None:
        self.options = options
        self.room = room
        self.servers = servers
        self.alone = alone
        self.stop_early = stop_early

    def run(self, suites: Sequence[Suite]) -> list[_Result]:
        waiting = list(enumerate(suites))
        running: list[_Running] = []
        results: list[_Result] = []
        try:
            while waiting or running:
                while waiting and len(running) < SIDE_BY_SIDE:
                    running.append(self._start(*waiting.pop(0)))
                done = [child for child in running if child.process.poll() is not None]
                for child in done:
                    running.remove(child)
                    results.append(self._finish(child))
                    if self.stop_early and results[-1].code not in (0, 5):
                        waiting.clear()
                        self._end(running)
                if not done:
                    _wait_for_any(running)
        except KeyboardInterrupt:
            self._end(running)
            results.extend(self._finish(child) for child in running)
        return results

    def _start(self, number: int, suite: Suite) -> _Running:
        output, report = self.room / f"{suite.label}.out", self.room / f"{suite.label}.json"
        color = (
            []
            if any(option.startswith("--color") for option in self.options) or not sys.stdout.isatty()
            else ["--color=yes"]
        )
        command = [
            *(sys.executable, "-m", "pytest", "-c", str(suite.ini), f"--rootdir={ROOT}", f"--confcutdir={TESTS}"),
            *("-o", f"cache_dir={ROOT / '.pytest_cache' / suite.label}", *color),
            *(_per_suite(option, suite.label, self.alone) for option in self.options),
            *(suite.paths or [str(TESTS / suite.name)]),
        ]
        env = self._environment(number, suite) | {"BH_SUITE": suite.label, "BH_SUITE_REPORT": str(report)}
        if self.alone:
            process = subprocess.Popen(command, cwd=ROOT, env=env)
        else:
            with output.open("wb") as sink:
                # A group of its own: what a suite started goes down with it.
                process = subprocess.Popen(
                    command,
                    cwd=ROOT,
                    env=env,
                    stdin=subprocess.DEVNULL,
                    stdout=sink,
                    stderr=sink,
                    start_new_session=True,
                )
        return _Running(suite, process, output, report, time.monotonic())

    def _environment(self, number: int, suite: Suite) -> dict[str, str]:
        """What a service program would be told, pointing at this run's servers."""
        # Concurrent runs of this machine start looking at different places.
        start = 18000 + (os.getpid() + number * 37) % 100 * 100
        stack = Stack(state=self.room / suite.label, ports=Ports(free_base(start)))
        keys.make(stack.keys)
        env = environment.program(suite.project or "kit", stack)
        env |= {
            "BH_ENV": "test",
            "BH_TEST_PG": self.servers.cluster.url(""),
            "BH_TEST_STATE": str(stack.state),
            "REDIS_URL": f"{self.servers.redis}/{2 * number}",
            "BROKER_URL": f"{self.servers.redis}/{2 * number + 1}",
        }
        env.pop("DATABASE_URL")
        env.pop("DJANGO_SETTINGS_MODULE", None)
        if suite.project:
            env["DATABASE_URL"] = databases.clone(self.servers.cluster, f"bh_{suite.project}", f"test_{suite.label}")
        return env

    def _finish(self, child: _Running) -> _Result:
        code = child.process.wait()
        if not self.alone:
            title = f" {child.suite.label} "
            print(f"{title:─^100}", flush=True)
            sys.stdout.flush()
            with child.output.open("rb") as source:
                shutil.copyfileobj(source, sys.stdout.buffer)
            sys.stdout.flush()
        counts = Counter[str](json.loads(child.report.read_text()) if child.report.exists() else {})
        return _Result(child.suite, code, counts, time.monotonic() - child.began)

    def _end(self, running: Sequence[_Running]) -> None:
        for child in running:
            if child.process.poll() is None:
                child.process.send_signal(signal.SIGINT)


def _wait_for_any(running: Sequence[_Running]) -> None:
    with suppress(subprocess.TimeoutExpired):
        running[0].process.wait(timeout=0.1)


def _per_suite(option: str, name: str, alone: bool) -> str:
    """Report files are written per suite: `--junitxml=out.xml` becomes `--junitxml=out.payments.xml`."""
    flag, equals, value = option.partition("=")
    if alone or not equals or flag not in ("--junitxml", "--junit-xml", "--report-log"):
        return option
    path = Path(value)
    return f"{flag}={path.with_name(f'{path.stem}.{name}{path.suffix}')}"


def _sentence(counts: Mapping[str, int]) -> str:
    failed = counts.get("failed", 0) + counts.get("error", 0)
    words = [f"{counts.get('passed', 0)} passed", f"{failed} failed", f"{counts.get('skipped', 0)} skipped"]
    words += [f"{counts[name]} {name}" for name in ("xfailed", "xpassed") if counts.get(name)]
    return ", ".join(words)


def _trouble(result: _Result) -> str:
    return "" if result.code in (0, 1, 5) else f" (pytest ended with {result.code})"


def _closing_line(total: Mapping[str, int], seconds: float, code: int) -> None:
    line = f" {_sentence(total)} in {seconds:.2f}s "
    width = shutil.get_terminal_size((100, 24)).columns
    text = f"{line:=^{width}}"
    if sys.stdout.isatty():
        text = f"\033[{32 if code == 0 else 31}m{text}\033[0m"
    print(text, flush=True)
