"""A login node: an sshd of its own on this machine, with keys in one folder, and ssh with the settings for it. Needs root."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from private_slurm.packages import ensure_debian_packages

from tests.support.site_under_test import wait_for


def free_port() -> int:
    """A port at which nobody listens now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def listens(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def login_node(folder: Path, user: str) -> Iterator[Path]:
    """The folder with ``ssh`` in it that reaches this login node at 127.0.0.1 as the user, within. Every user can read ``folder``."""
    ensure_debian_packages(["openssh-server", "openssh-client"])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o755)
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    port = free_port()
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    (folder / "authorized").write_text((folder / "user.pub").read_text())
    settings = f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized\nPidFile none\n"
    settings += f"StrictModes no\nUsePAM yes\nPasswordAuthentication no\nAllowUsers {user}\n"
    (folder / "sshd_config").write_text(settings)
    own = f"Port {port}\nIdentityFile {folder}/user\nIdentitiesOnly yes\nStrictHostKeyChecking no\nUserKnownHostsFile {folder}/known\n"
    (folder / "ssh_config").write_text(f"{own}BatchMode yes\nExitOnForwardFailure yes\n")
    binaries = folder / "bin"
    binaries.mkdir()
    (binaries / "ssh").write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F {folder}/ssh_config "$@"\n')
    (binaries / "ssh").chmod(0o755)
    with (folder / "sshd.log").open("wb") as log:
        sshd = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", folder / "sshd_config"], stderr=log, env={"PATH": os.environ["PATH"]})
    try:
        wait_for(lambda: listens(port), f"sshd to listen\n{(folder / 'sshd.log').read_text()}", 20)
        yield binaries
    finally:
        sshd.terminate()
        sshd.wait(10)
