"""Apptainer from Debian's unstable, in a folder, and an image for it: Debian 12's own Python with a release's packages.

Apptainer finds its parts by where its program lies, so that it runs from any folder, without root (user namespaces). Its program is
told to use the C library of its own Debian. The image is a folder, as ``apptainer build --sandbox`` makes them: a file would be mounted
through /dev/fuse, which a machine need not give its users.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from private_slurm.debian import download, is_elf
from private_slurm.errors import PrivateSlurmError
from private_slurm.packages import ensure_debian_packages, locked, run_installer

SUITE = "sid"
IMAGES_SUITE = "bookworm"
PREFIX = "/opt/release"
"""Where a release is in its image."""

_RECIPE = "1"  # changed whenever what is made of the packages changes
_IN_IMAGE = ("python3", "bash", "coreutils", "libstdc++6")


def ensure_apptainer(folder: Path) -> Path:
    """Unpack Apptainer into `folder`, unless it is there already, and return its program. Every user has to reach the folder."""
    folder = Path(folder).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    root = folder / "root"
    with locked(folder / ".lock") as lock:
        if _is_new(folder, SUITE):
            ensure_debian_packages(["patchelf"])
            _unpack(folder, SUITE, ("apptainer",), root, lock)
            _make_runnable(root, lock)
            _stamp(folder, SUITE)
    return root / "usr" / "bin" / "apptainer"


def ensure_image(folder: Path, release: Path) -> Path:
    """Make an image with the virtual environment `release` of this machine's Python in it, and return its folder."""
    folder = Path(folder).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    image = folder / "image"
    with locked(folder / ".lock") as lock:
        if _is_new(folder, str(release)):
            _unpack(folder, IMAGES_SUITE, _IN_IMAGE, image, lock)
            _put_in(release, image)
            _stamp(folder, str(release))
    return image


def _digest(folder: Path, what: str) -> str:
    return hashlib.sha256(f"{_RECIPE} {folder} {what}".encode()).hexdigest()


def _is_new(folder: Path, what: str) -> bool:
    stamp = folder / "stamp"
    return not (stamp.is_file() and stamp.read_text() == _digest(folder, what))


def _stamp(folder: Path, what: str) -> None:
    (folder / "stamp").write_text(_digest(folder, what))


def _unpack(folder: Path, suite: str, wanted: tuple[str, ...], root: Path, lock: int) -> None:
    (folder / "stamp").unlink(missing_ok=True)
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(mode=0o755)
    for package in download(folder / "apt", suite, wanted, lock):
        run_installer(["dpkg-deb", "--extract", str(package), str(root)], f"{package.name} could not be unpacked", lock)
    shutil.rmtree(folder / "apt")


def _make_runnable(root: Path, lock: int) -> None:
    """Bind the programs to the libraries in `root`, and have each find its configuration where it looks, beside itself."""
    (libraries,) = {path.parent for path in root.glob("usr/lib/*/libseccomp.so.2")} or {None}
    starters = sorted(root.glob("usr/lib/*/apptainer/bin/starter"))
    loaders = sorted(root.glob("usr/lib/*/ld-linux-*.so.*"))
    if libraries is None or not starters or not loaders:
        raise PrivateSlurmError(f"There is no Apptainer as it is known in {root}.")
    programs = [root / "usr" / "bin" / "apptainer", *starters]
    search = ["--force-rpath", "--set-rpath", str(libraries)]
    words = "patchelf could not change Apptainer"
    run_installer(["patchelf", "--set-interpreter", str(loaders[0]), *search, *map(str, programs)], words, lock)
    own = ("libc.so", "ld-linux")
    shared = [str(path) for path in libraries.glob("*.so*") if is_elf(path) and not path.name.startswith(own)]
    run_installer(["patchelf", *search, *shared], words, lock)
    (root / "usr" / "var" / "lib" / "apptainer" / "mnt" / "session").mkdir(parents=True)
    for place in (root / "usr", root / "usr" / "lib", libraries):
        for name, target in (("etc", root / "etc"), ("var", root / "usr" / "var"), ("bin", root / "usr" / "bin")):
            if not (place / name).exists():
                (place / name).symlink_to(target)


def _put_in(release: Path, image: Path) -> None:
    """Copy a virtual environment: its scripts begin with the path of its Python."""
    inside = image / PREFIX.lstrip("/")
    shutil.copytree(release, inside, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for script in (inside / "bin").iterdir():
        if script.is_file() and not script.is_symlink() and not is_elf(script):
            script.write_bytes(script.read_bytes().replace(str(release).encode(), PREFIX.encode()))
    # Apptainer adds the user's own line.
    (image / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/bash\n")
    (image / "etc" / "group").write_text("root:x:0:\n")
    (image / "usr" / "local" / "bin").mkdir(parents=True, exist_ok=True)
    (image / "usr" / "local" / "bin" / "jupyterhub-singleuser").symlink_to(f"{PREFIX}/bin/jupyterhub-singleuser")
