"""Newer versions of Slurm beside the machine's own, from a later release of Debian, without touching the system.

A later release's packages are unpacked into a folder, and Slurm's programs are told (by patchelf) to use the C library and
the other libraries of that folder. So they run as ordinary programs of this machine, for every user: no chroot, no mounts, no
root, and a job sees the machine's own files and users, the virtual environments among them.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from private_slurm.debian import download, is_elf
from private_slurm.errors import PrivateSlurmError
from private_slurm.packages import ensure_debian_packages, locked, run_installer
from private_slurm.spec import SlurmInstallation

OWN = "22.05"
SUITES = {"24.11": "trixie", "26.05": "forky"}
"""The versions beside the machine's own, and the release of Debian each is from: 13, and what becomes 14."""

SLURMS = (OWN, *SUITES)
_PACKAGES = ("slurmctld", "slurmd", "slurmdbd", "slurm-client", "slurm-wlm-basic-plugins", "slurm-wlm-mysql-plugin")
_RECIPE = "1"  # changed whenever what is made of the packages changes


def slurm_of(version: str, folder: Path) -> SlurmInstallation:
    """The Slurm of one of `SLURMS`; a newer one lies in a folder of its own below `folder`. Slurm 22.05 is Debian 12's own."""
    if version == OWN:
        return SlurmInstallation()
    if version not in SUITES:
        raise PrivateSlurmError(f"{version} is none of the versions {', '.join(SLURMS)}.")
    return ensure_newer_slurm(Path(folder) / f"slurm-{version}", SUITES[version])


def ensure_newer_slurm(folder: Path, suite: str = SUITES["24.11"]) -> SlurmInstallation:
    """Unpack the Slurm of a later Debian into `folder`, unless it is there already, and return where it lies.

    The folder has to be reachable for every user who shall run its commands.
    """
    folder = Path(folder).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(" ".join([_RECIPE, suite, str(folder), *_PACKAGES]).encode()).hexdigest()
    root = folder / "root"
    with locked(folder / ".lock") as lock:
        stamp = folder / "stamp"
        if not (stamp.is_file() and stamp.read_text() == digest):
            ensure_debian_packages(["patchelf"])
            stamp.unlink(missing_ok=True)
            shutil.rmtree(root, ignore_errors=True)
            root.mkdir(mode=0o755)
            for package in download(folder / "apt", suite, _PACKAGES, lock):
                run_installer(["dpkg-deb", "--extract", str(package), str(root)], f"{package.name} could not be unpacked", lock)
            shutil.rmtree(folder / "apt")
            _make_runnable(root, lock)
            stamp.write_text(digest)
    return _installation(root)


def _installation(root: Path) -> SlurmInstallation:
    return SlurmInstallation(root / "usr/bin", root / "usr/sbin", _plugin_folder(root))


def _plugin_folder(root: Path) -> Path:
    found = sorted(root.glob("usr/lib/*/slurm-wlm"))
    if not found:
        raise PrivateSlurmError(f"No Slurm plugins were found in {root}.")
    return found[0]


def _make_runnable(root: Path, lock: int) -> None:
    """Bind the programs and plugins to the libraries in `root`, and give the daemons their usual names."""
    plugins = _plugin_folder(root)
    libraries = plugins.parent
    search = f"{plugins}:{libraries}"
    daemons = root / "usr" / "sbin"
    programs = [path for path in (*daemons.glob("slurm*"), *(root / "usr/bin").glob("s*")) if is_elf(path)]
    loader = libraries / Path(_output(["patchelf", "--print-interpreter", str(programs[0])])).name
    if not loader.exists():
        raise PrivateSlurmError(f"The dynamic loader {loader} is missing.")
    run_installer(
        ["patchelf", "--set-interpreter", str(loader), "--force-rpath", "--set-rpath", search, *map(str, programs)],
        "patchelf could not change Slurm's programs",
        lock,
    )
    shared = [str(path) for path in plugins.glob("*.so*") if is_elf(path)]
    run_installer(["patchelf", "--force-rpath", "--set-rpath", search, *shared], "patchelf could not change Slurm's plugins", lock)
    for program in daemons.glob("*-wlm"):
        plain = program.with_name(program.name.removesuffix("-wlm"))
        if not plain.exists():
            plain.symlink_to(program.name)


def _output(argv: Sequence[str]) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True, env={**os.environ, "LC_ALL": "C"}).stdout.strip()
