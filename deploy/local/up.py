"""`make up`: from nothing, or from what an earlier run left, to a stack that answers."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from deploy.local import endpoint, environment, keys, migrated, postgres, programs, redis
from deploy.local.card import card
from deploy.local.processes import Pids, end, kill_group, pids_of
from deploy.local.show import Show
from deploy.local.stack import ROOT, SERVICES, Stack, is_built
from deploy.local.supervisor import NotReady, Supervisor


class AlreadyRuns(Exception):
    """Another supervisor has this stack."""


def ready_file(stack: Stack) -> Path:
    """Exists while the whole stack is up and seeded."""
    return stack.run / "ready"


@contextmanager
def held(stack: Stack) -> Iterator[None]:
    """Be the only supervisor of this stack. The lock ends with the process, however it ends."""
    stack.run.mkdir(parents=True, exist_ok=True)
    with (stack.run / "supervisor.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRuns from None
        yield


def is_held(stack: Stack) -> bool:
    """True while a supervisor runs."""
    try:
        with held(stack):
            return False
    except AlreadyRuns:
        return True


def up(stack: Stack) -> int:
    """Start the stack and stay until told to stop. Returns the exit code."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        with held(stack):
            return _run(stack, stop)
    except AlreadyRuns:
        print(f"The stack of {stack.state} already runs (make status, make down).")
        return 0


def _run(stack: Stack, stop: threading.Event) -> int:
    show, pids = Show(), pids_of(stack)
    ready_file(stack).unlink(missing_ok=True)
    end_leftovers(pids)
    if taken := stack.ports.taken():
        print(
            "These ports are taken: "
            + ", ".join(f"{port} ({name})" for name, port in taken)
            + ". Set BH_PORT_BASE to another base."
        )
        return 1
    pids.put("supervisor", os.getpid())
    supervisor = Supervisor(stack.logs, pids)
    watcher = threading.Thread(target=_watch, args=(supervisor, stop), daemon=True)
    watcher.start()
    code = 0
    try:
        bring_up(stack, supervisor, show, stop)
        if not stop.is_set():
            ready_file(stack).write_text(str(time.time()))
            show.say(card(stack, show.seconds))
            stop.wait()
    except (NotReady, TimeoutError, RuntimeError, OSError) as error:
        # `make down` in the middle of a start is no failure.
        if not stop.is_set():
            show.say(f"The stack did not start: {error}")
            code = 1
    finally:
        ready_file(stack).unlink(missing_ok=True)
        stop.set()
        watcher.join()
        supervisor.stop()
        pids.drop("supervisor")
    return code


def _watch(supervisor: Supervisor, stop: threading.Event) -> None:
    while not stop.wait(0.1):
        supervisor.watch()


def end_leftovers(pids: Pids) -> None:
    """Stop the programs of a supervisor that was killed; the database is asked kindly."""
    for leader in pids.orphans().values():
        kill_group(leader)
    left = {name: pid for name, pid in pids.all().items() if name != "supervisor"}
    ground = {name: pid for name, pid in left.items() if name in ("postgres", "redis")}
    end({name: pid for name, pid in left.items() if name not in ground}, {}, 10)
    end(ground, {"postgres": signal.SIGINT}, 10)


def bring_up(stack: Stack, supervisor: Supervisor, show: Show, stop: threading.Event) -> None:
    """Start everything in order; whatever can wait for nobody starts at once."""
    keys.make(stack.keys)
    fresh = not (stack.data / "seeded").exists()
    outside = programs.outside(stack)
    supervisor.start(outside)
    with show.step("PostgreSQL and Redis"):
        ground = programs.ground(stack)
        names = {program.name for program in ground}
        if "postgres" in names and not stack.postgres.data.exists():
            _lay_data(stack, show.say)
        supervisor.start(ground)
        if "postgres" in names:
            stack.postgres.wait()
        if "redis" in names:
            redis.wait(stack.ports.of("redis"))
    _migrate_if_older(stack, show)
    with show.step("Stand-ins for Stripe, Supabase Auth and the mail provider"):
        supervisor.wait_ready(outside, 60)
        endpoint.register(stack)
    services = programs.of_services(stack)
    with show.step(
        f"Services: {', '.join(service for service in SERVICES if is_built(service)) or 'none in this checkout'}"
    ):
        supervisor.start(services)
        supervisor.wait_ready(services, 120)
    if not stop.is_set():
        _seed(stack, show, story=fresh)


def _lay_data(stack: Stack, say: Callable[[str], None]) -> None:
    """Copy the migrated data directory into place, whole or not at all."""
    source = migrated.data_directory(say=say)
    part = stack.data / ".postgres.part"
    subprocess.run(["rm", "-rf", str(part)], check=True)
    postgres.copy(source, part)
    part.rename(stack.postgres.data)
    _schema_file(stack).write_text(migrated.fingerprint())


def _schema_file(stack: Stack) -> Path:
    return stack.data / "schema"


def _migrate_if_older(stack: Stack, show: Show) -> None:
    """Data of an earlier checkout, or a server of the user's own, is migrated in place."""
    now = migrated.fingerprint()
    outside = any(environment.has_own_database(stack, service) for service in SERVICES)
    with suppress(FileNotFoundError):
        if _schema_file(stack).read_text() == now and not outside:
            return

    def env_of(service: str) -> Mapping[str, str]:
        return environment.program(service, stack) | {
            "DATABASE_URL": environment.database_url(stack, service, role="bh_owner")
        }

    with show.step("Migrations"):
        migrated.migrate_all([service for service in SERVICES if is_built(service)], env_of, show.say)
    _schema_file(stack).write_text(now)


def _seed(stack: Stack, show: Show, *, story: bool) -> None:
    """Staff accounts at every start, for a state may be older than one of them; and once per state the demo story's data,
    through the public doors."""
    built = [service for service in SERVICES if is_built(service)]
    with ThreadPoolExecutor(len(built) or 1) as pool:
        # Nobody in the story signs in: the accounts are made while it waits for answers.
        staff = [pool.submit(_demo_staff, service, stack) for service in built]
        if story and os.environ.get("BH_DEMO") != "off" and _exists("deploy.local.demo.seed"):
            with show.step("Demo data through the public API"):
                _relay([sys.executable, "-m", "deploy.local.demo.seed"], child_env(stack), show.say)
        with show.step("Demo staff"):
            for account in staff:
                account.result()
    (stack.data / "seeded").touch()


def _demo_staff(service: str, stack: Stack) -> None:
    command = [sys.executable, "-m", f"{service}_svc.manage", "demo_staff"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment.program(service, stack), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{service}: demo_staff failed\n{done.stderr[-2000:]}")


def child_env(stack: Stack) -> dict[str, str]:
    """What a program of the stack's own tools is told: which stack it is about."""
    return dict(os.environ) | {"BH_STATE": str(stack.state), "BH_PORT_BASE": str(stack.ports.base)}


def _exists(module: str) -> bool:
    with suppress(ModuleNotFoundError):
        return find_spec(module) is not None
    return False


def _relay(command: list[str], env: dict[str, str], say: Callable[[str], None]) -> None:
    """Run a program and repeat its lines as they come; raises RuntimeError when it fails."""
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines: IO[str] = process.stdout  # type: ignore[assignment]  # a pipe, as asked for above
    for line in lines:
        say(f"  {line.rstrip()}")
    if process.wait():
        raise RuntimeError(f"{' '.join(command[1:])} failed")


def up_detached(stack: Stack) -> int:
    """Start a supervisor in the background and repeat what it says until everything is ready."""
    if is_held(stack):
        print(f"The stack of {stack.state} already runs (make status, make down).")
        return _wait_until_ready(stack)
    stack.logs.mkdir(parents=True, exist_ok=True)
    log = stack.logs / "supervisor.log"
    with log.open("ab") as sink:
        beginning = sink.tell()
        child = subprocess.Popen(
            [sys.executable, "-u", "-m", "deploy.local", "up"],
            cwd=ROOT,
            env=child_env(stack),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
    with log.open() as source:
        source.seek(beginning)
        while True:
            finished = child.poll() is not None or ready_file(stack).exists()
            print(source.read(), end="", flush=True)
            if finished:
                break
            time.sleep(0.1)
        # The card is printed right after the file appears.
        time.sleep(0.2)
        print(source.read(), end="", flush=True)
    return child.poll() or 0


def _wait_until_ready(stack: Stack) -> int:
    while not ready_file(stack).exists():
        if not is_held(stack):
            print("It stopped while starting; see the logs.")
            return 1
        time.sleep(0.2)
    return 0


def down(stack: Stack) -> int:
    """Stop the stack; data stays. Returns once nothing of it runs."""
    pids = pids_of(stack)
    leader = pids.all().get("supervisor")
    if leader is not None and is_held(stack):
        os.kill(leader, signal.SIGTERM)
        deadline = time.monotonic() + 60
        while is_held(stack):
            if time.monotonic() > deadline:
                print("The supervisor does not stop; ending it.")
                os.kill(leader, signal.SIGKILL)
            time.sleep(0.1)
        print("Stopped. `make up` goes on where it was.")
    else:
        print("No supervisor runs.")
    end_leftovers(pids)
    for name in pids.all():
        pids.drop(name)
    return 0
