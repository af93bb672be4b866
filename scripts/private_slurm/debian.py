"""Packages of any release of Debian, fetched beside the machine's own, and what has to be known of the programs in them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from private_slurm.errors import PrivateSlurmError
from private_slurm.packages import run_installer

_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def download(work: Path, suite: str, wanted: Sequence[str], lock: int) -> list[Path]:
    """Download packages of a release of Debian with all they depend on, by an apt that knows nothing of what this machine has installed."""
    shutil.rmtree(work, ignore_errors=True)
    archives = work / "cache" / "archives"
    for path in (archives / "partial", work / "state" / "lists" / "partial"):
        path.mkdir(parents=True)
    status = work / "state" / "status"
    status.touch()
    sources = work / "sources.list"
    sources.write_text(f"deb [signed-by={_keyring()}] {_mirror()} {suite} main\n")
    configuration = work / "apt.conf"
    settings = {
        "Dir::State": work / "state",
        "Dir::State::status": status,
        "Dir::Cache": work / "cache",
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "",
        "Debug::NoLocking": "true",
    }
    configuration.write_text("".join(f'{name} "{value}";\n' for name, value in settings.items()))
    apt = ["env", f"APT_CONFIG={configuration}", "apt-get", "-q", "-y"]
    run_installer([*apt, "update"], f"The package list of Debian's {suite} could not be read", lock)
    run_installer([*apt, "--download-only", "install", *wanted], f"{wanted[0]} of Debian's {suite} could not be downloaded", lock)
    return sorted(archives.glob("*.deb"))


def _mirror() -> str:
    """The Debian mirror that this machine itself uses."""
    listing = ["apt-get", "indextargets", "--format", "$(LABEL) $(REPO_URI)", "Created-By: Packages"]
    done = subprocess.run(listing, capture_output=True, text=True, check=False)
    lines = [line.split(" ", 1) for line in done.stdout.splitlines()]
    mirrors = [uri for label, uri in lines if label == "Debian"] or [uri for _, uri in lines if uri.rstrip("/").endswith("/debian")]
    if not mirrors:
        raise PrivateSlurmError("This machine's apt knows no Debian mirror, from which other packages could come.")
    return mirrors[0]


def _keyring() -> Path:
    if not _KEYRING.exists():
        raise PrivateSlurmError("The Debian package debian-archive-keyring is missing.")
    return _KEYRING


def is_elf(path: Path) -> bool:
    """Whether it is a program or a library, and no script, link or folder."""
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"
