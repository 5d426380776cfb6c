"""A PostgreSQL of the tests' own, as Debian packages it; never a cluster that this machine has of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import socket

REQUIRED = os.environ.get("AZSWEEP_TEST_POSTGRES") == "required"
ADMINISTRATOR = "postgres"


@dataclass(frozen=True)
class Postgres:
    """A running cluster. Its administrator needs no password on its socket, everybody else one on localhost.

    Args:
        directory: with the socket.
    """

    directory: Path
    port: int


def programs() -> Path | str:
    """Where the server's programs are, or why there is no cluster to be had."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if not found or shutil.which("psql") is None or shutil.which("curl") is None:
        return "no PostgreSQL: on Debian, `apt-get install --no-install-recommends curl postgresql` brings it"
    if os.getuid() == 0 and not any(user.pw_name == ADMINISTRATOR for user in pwd.getpwall()):
        return f"PostgreSQL does not run as root, and there is no user {ADMINISTRATOR}"
    return max(found, key=lambda path: int(path.parent.name))


@contextmanager
def running(where: Path) -> Iterator[Postgres]:
    """A new cluster, which is gone when this ends."""
    directory = Path(tempfile.mkdtemp(prefix="azsweep-pg-", dir="/tmp"))  # the path of a socket must be short
    data = directory / "data"
    as_owner = ["runuser", "-u", ADMINISTRATOR, "--"] if os.getuid() == 0 else []
    if as_owner:
        shutil.chown(directory, ADMINISTRATOR)
    port = free_port()
    settings = f"-c port={port} -c listen_addresses=localhost -c unix_socket_directories={directory} -c fsync=off"

    def call(program: str, *arguments: str) -> None:
        command = [*as_owner, str(where / program), "--pgdata", str(data), *arguments]
        done = subprocess.run(
            command, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    try:
        call("initdb", "--username", ADMINISTRATOR, "--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync")
        call("pg_ctl", "--wait", "--log", str(directory / "log"), "--options", settings, "start")
        try:
            yield Postgres(directory, port)
        finally:
            call("pg_ctl", "--wait", "--mode=immediate", "stop")
    finally:
        shutil.rmtree(directory)


def free_port() -> int:
    with closing(socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
