"""A machine that is a folder: Debian, bootstrapped into it, with processes and devices of its own to see."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

SUITE = "bookworm"
MIRROR = "http://deb.debian.org/debian"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
OF_THIS_NETWORK = ("PIP_CERT", "PIP_INDEX_URL", "PIP_DEFAULT_TIMEOUT", "NODE_EXTRA_CA_CERTS", "http_proxy", "https_proxy", "no_proxy")
"""Variables without which package registries may not be reached from where this runs."""
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


class MachineError(Exception):
    """A command on a machine has failed; the message has what it said."""


def bootstrap(folder: Path, mirror: str = MIRROR) -> None:
    """Put the smallest Debian into a folder: what every machine of it begins with."""
    program = shutil.which("debootstrap", path=PATH)
    if program is None:
        raise MachineError("debootstrap is missing: apt-get install debootstrap.")
    done = subprocess.run([program, "--variant=minbase", SUITE, str(folder), mirror], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        shutil.rmtree(folder, ignore_errors=True)
        raise MachineError(f"debootstrap has failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


class Machine:
    """A copy of a bootstrapped Debian in `folder`. To be used in name spaces of its own: what is mounted is never unmounted."""

    def __init__(self, folder: Path, base: Path, shared: Mapping[str, Path], say: Callable[[str], None]) -> None:
        self.folder = folder
        self._say = say
        subprocess.run(["cp", "--archive", "--reflink=auto", str(base), str(folder)], check=True)
        for name in ("/etc/resolv.conf", "/etc/hosts", "/etc/hostname"):
            shutil.copyfile(name, self.path(name))
        for settings in Path("/etc/apt/apt.conf.d").iterdir():
            if settings.read_text(errors="replace").startswith("Acquire"):
                shutil.copyfile(settings, self.path(f"/etc/apt/apt.conf.d/{settings.name}"))
        self.path("/usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")  # no package starts a service by itself
        self.path("/usr/sbin/policy-rc.d").chmod(0o755)
        self._mount("-t", "proc", "proc", "/proc")
        self._mount("--rbind", "/dev", "/dev")
        self._mount("-t", "tmpfs", "tmpfs", "/run")
        for name, source in shared.items():
            source.mkdir(parents=True, exist_ok=True)
            self._mount("--bind", str(source), name)

    def _mount(self, *words: str) -> None:
        target = self.path(words[-1])
        target.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", *words[:-1], str(target)], check=True)

    def path(self, name: str) -> Path:
        """Where a file of the machine is."""
        return self.folder / name.lstrip("/")

    def run(self, commands: str, *, show: bool = False) -> str:
        """Have bash run commands as root, and return what they print; each that fails ends it."""
        if CERTIFICATES.is_file() and self.path(str(CERTIFICATES.parent)).is_dir():
            shutil.copyfile(CERTIFICATES, self.path(str(CERTIFICATES)))
        environment = {
            "PATH": PATH,
            "HOME": "/root",
            "LANG": "C.UTF-8",
            "DEBIAN_FRONTEND": "noninteractive",
            "PIP_FIND_LINKS": "/root/wheel",
        }
        environment |= {name: os.environ[name] for name in OF_THIS_NETWORK if name in os.environ}
        process = subprocess.Popen(
            ["chroot", str(self.folder), "bash", "-euo", "pipefail", "-c", commands],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        printed = []
        assert process.stdout is not None
        for line in process.stdout:
            printed.append(line)
            if show:
                self._say(f"    {line.rstrip()}")
        if process.wait() != 0:
            raise MachineError(f"exit status {process.returncode}:\n{''.join(printed[-60:])}")
        return "".join(printed)
