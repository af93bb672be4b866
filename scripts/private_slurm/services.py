"""The services below Slurm: munged and MariaDB, each confined to the cluster's folder."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path

from private_slurm.configuration import Layout
from private_slurm.errors import PrivateSlurmError
from private_slurm.processes import ProcessFolder, wait_until

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SOCKET_PATH_LIMIT = 107


def start_munge(processes: ProcessFolder, layout: Layout, env: Mapping[str, str]) -> None:
    """Start a munged with a key and a socket of the cluster's own; started again, it has the key it had."""
    folder = layout.munge_socket.parent
    folder.mkdir(mode=0o755, exist_ok=True)
    key = folder / "key"
    if not key.exists():
        key.touch(mode=0o600)
        key.write_bytes(os.urandom(128))
    files = {"key-file": key, "socket": layout.munge_socket, "pid-file": folder / "pid", "seed-file": folder / "seed"}
    options = [f"--{name}={path}" for name, path in files.items()]
    processes.start("munged", [_tool("munged"), "--foreground", "--force", f"--log-file={folder / 'munged.log'}", *options], env)
    probe = [_tool("munge"), "--no-input", f"--socket={layout.munge_socket}"]
    wait_until(
        lambda: _still(processes, "munged") and subprocess.run(probe, capture_output=True, check=False).returncode == 0,
        "munged to answer",
        10,
        lambda: processes.log_tail("munged"),
    )


def start_mariadb(processes: ProcessFolder, layout: Layout, env: Mapping[str, str]) -> None:
    """Start a MariaDB without network, which lets in nobody but the daemons' user."""
    folder = layout.mysql_socket.parent
    folder.mkdir(mode=0o700)
    data = folder / "data"
    install = [_tool("mariadb-install-db"), "--no-defaults", f"--datadir={data}", f"--user={layout.user}", "--skip-test-db"]
    install += ["--auth-root-authentication-method=socket", f"--auth-root-socket-user={layout.user}", "--skip-name-resolve"]
    # A MariaDB that starts removes all temporary tables from its folder for them: it must not be one that another start shares.
    processes.run("mariadb-install-db", install, {**env, "TMPDIR": str(folder)}, 60)
    settings = {
        "datadir": data,
        "socket": layout.mysql_socket,
        "pid-file": folder / "pid",
        "user": layout.user,
        "innodb-buffer-pool-size": "64M",
        "innodb-log-file-size": "32M",
        "innodb-flush-log-at-trx-commit": "0",
        "innodb-flush-method": "nosync",
        "innodb-doublewrite": "0",
        "sync-frm": "0",
        "innodb-lock-wait-timeout": "900",
        "max-allowed-packet": "16M",
        "tmpdir": folder,
    }
    options = [f"--{name}={value}" for name, value in settings.items()]
    processes.start("mariadbd", [_tool("mariadbd"), "--no-defaults", "--skip-networking", *options], env)
    probe = [_tool("mariadb-admin"), "--no-defaults", f"--socket={layout.mysql_socket}", f"--user={layout.user}", "ping"]
    wait_until(
        lambda: _still(processes, "mariadbd") and subprocess.run(probe, capture_output=True, check=False).returncode == 0,
        "MariaDB to answer",
        30,
        lambda: processes.log_tail("mariadbd"),
    )


def check_socket_paths(layout: Layout) -> None:
    """The kernel limits the length of a socket's path: say so before a daemon fails over it."""
    step = layout.folder / "spool" / "NODENAME" / "NODENAME_12345678.4294967291"
    longest = max(map(str, (layout.munge_socket, layout.mysql_socket, step)), key=len)
    if len(longest) > SOCKET_PATH_LIMIT:
        raise PrivateSlurmError(f"The path {layout.folder} is too long: sockets below it would exceed {SOCKET_PATH_LIMIT} characters.")


def check_reachable(folder: Path) -> None:
    """As root, jobs run as other users, who have to get into the folder: say so before they fail over it."""
    closed = [path for path in (folder, *folder.parents) if not path.stat().st_mode & stat.S_IXOTH]
    if os.geteuid() == 0 and closed:
        raise PrivateSlurmError(f"Other users cannot get into {closed[-1]}, and jobs run as they: choose a folder elsewhere.")


def _still(processes: ProcessFolder, name: str) -> bool:
    if processes.identity(name) is None:
        raise PrivateSlurmError(f"{name} ended while starting:\n{processes.log_tail(name)}")
    return True


def _tool(name: str) -> str:
    found = shutil.which(name, path=SYSTEM_PATH)
    if not found:
        raise PrivateSlurmError(f"The command {name} is missing: run private_slurm.packages first.")
    return str(Path(found))
