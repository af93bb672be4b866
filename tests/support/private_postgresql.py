"""A PostgreSQL of a test's own, in one folder: started, stopped, started again; no port, and nothing of the machine's own touched."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import psycopg
from private_slurm.packages import ensure_debian_packages
from private_slurm.processes import ProcessFolder, wait_until
from private_slurm.services import SYSTEM_PATH

PACKAGES = ("postgresql",)
ACCOUNT = "postgres"
"""Debian's user for it: PostgreSQL does not run as root."""


class PrivatePostgresql:
    """One database server, whose data and socket are in ``folder``."""

    def __init__(self, folder: Path) -> None:
        ensure_debian_packages(PACKAGES)
        self._commands = max(Path("/usr/lib/postgresql").glob("*/bin"))
        self._processes = ProcessFolder(folder)
        self._sockets = folder / "s"
        self._become = ("setpriv", f"--reuid={ACCOUNT}", f"--regid={ACCOUNT}", "--clear-groups") if os.geteuid() == 0 else ()
        self._environment = {"PATH": SYSTEM_PATH, "LC_ALL": "C.UTF-8"}
        shutil.rmtree(folder, ignore_errors=True)
        self._sockets.mkdir(parents=True)
        if self._become:
            shutil.chown(folder, ACCOUNT)
            shutil.chown(self._sockets, ACCOUNT)
        self._data = folder / "data"
        command = [str(self._commands / "initdb"), f"--pgdata={self._data}", "--auth=trust", f"--username={ACCOUNT}", "--no-sync"]
        self._processes.run("initdb", [*self._become, *command], self._environment, 60)

    @property
    def url(self) -> str:
        """For ``c.JupyterHub.db_url``."""
        return f"postgresql+psycopg://{ACCOUNT}@/{ACCOUNT}?host={self._sockets}"

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        """Another program's connection."""
        return psycopg.connect(f"host={self._sockets} user={ACCOUNT} dbname={ACCOUNT}")

    def start(self) -> None:
        """Start it, and return once it answers."""
        command = [str(self._commands / "postgres"), "-D", str(self._data), "-k", str(self._sockets), "-c", "listen_addresses="]
        self._processes.start("postgres", [*self._become, *command], self._environment)
        wait_until(self._answers, "PostgreSQL to answer", 30, lambda: self._processes.log_tail("postgres"))

    def stop(self) -> None:
        """Take it away: connections are cut off."""
        self._processes.stop(["postgres"], 10, signal.SIGINT)

    def _answers(self) -> bool:
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True
