"""The embedded servers: they come up, they survive being killed, and they take nobody's port."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import psycopg
import pytest
import redis as redis_client

from deploy.local import redis
from deploy.local.ports import OFFSETS, Ports, free_base, free_port, is_free
from deploy.local.postgres import Cluster


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    made = Cluster(data=tmp_path_factory.mktemp("ground") / "postgres", port=free_port())
    made.create()
    return made


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def serve(cluster: Cluster, log: Path) -> subprocess.Popen[bytes]:
    cluster.clear()
    with log.open("ab") as sink:
        server = subprocess.Popen(cluster.command(), stdout=sink, stderr=sink, start_new_session=True)
    cluster.wait()
    return server


def test_what_postgresql_acknowledged_survives_kill_9_and_the_next_start(cluster: Cluster, log: Path) -> None:
    server = serve(cluster, log)
    with psycopg.connect(cluster.url("postgres")) as connection:
        connection.execute("CREATE TABLE kept (number int)")
        connection.execute("INSERT INTO kept VALUES (7)")
    os.killpg(server.pid, signal.SIGKILL)
    server.wait()
    again = serve(cluster, log)
    try:
        with psycopg.connect(cluster.url("postgres")) as connection:
            assert connection.execute("SELECT number FROM kept").fetchall() == [(7,)]
    finally:
        again.send_signal(signal.SIGINT)
        again.wait()


def test_postgresql_answers_on_loopback_only_and_has_room_for_every_program(cluster: Cluster, log: Path) -> None:
    with cluster.running(log), psycopg.connect(cluster.url("postgres")) as connection:
        said = [connection.execute(f"SHOW {name}").fetchone() for name in ("listen_addresses", "max_connections")]
        assert said == [("127.0.0.1",), ("200",)]
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)
        assert int(str(connection.execute("SHOW server_version_num").fetchone()[0])) >= 180000  # type: ignore[index]


def test_a_stale_lock_file_does_not_keep_postgresql_down(cluster: Cluster, log: Path) -> None:
    # As after a restart of the machine: the number in it belongs to somebody else by now.
    (cluster.data / "postmaster.pid").write_text(f"{os.getpid()}\n{cluster.data}\n")
    with cluster.running(log), psycopg.connect(cluster.url("postgres")) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.fixture
def durable(tmp_path: Path) -> tuple[list[str], int]:
    port = free_port()
    return redis.command(port, tmp_path / "redis"), port


def test_what_redis_has_written_down_survives_kill_9(durable: tuple[list[str], int], log: Path) -> None:
    command, port = durable
    with log.open("ab") as sink:
        server = subprocess.Popen(command, stdout=sink, stderr=sink)
        redis.wait(port)
        with redis_client.Redis(port=port) as client:
            client.set("kept", "7")
            # Everything up to here is in the file, as it would be a second later by itself.
            client.execute_command("CONFIG", "SET", "appendfsync", "always")
            client.set("then", "8")
        server.kill()
        server.wait()
        again = subprocess.Popen(command, stdout=sink, stderr=sink)
    try:
        redis.wait(port)
        with redis_client.Redis(port=port) as client:
            assert (client.get("kept"), client.get("then")) == (b"7", b"8")
    finally:
        again.terminate()
        again.wait()


def test_two_stacks_of_other_bases_share_no_port() -> None:
    one, other = Ports(8000), Ports(8100)
    assert not {one.of(name) for name in OFFSETS} & {other.of(name) for name in OFFSETS}
    assert (one.of("payments"), one.of("stream"), one.of("stripe"), one.of("issuer")) == (8000, 8003, 8010, 8011)
    assert (one.of("postgres"), one.of("redis"), one.of("smtp"), one.of("mail")) == (8020, 8021, 8024, 8025)


def test_a_free_base_is_free_all_over() -> None:
    base = free_base(25000)
    assert all(is_free(Ports(base).of(name)) for name in OFFSETS)
