"""A Python of its own, as a module or conda brings it: no virtual environment, so what users have in ~/.local comes before its packages."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from private_slurm.packages import SYSTEM_PYTHON, locked, run_installer

NOT_OURS = ("EXTERNALLY-MANAGED", "dist-packages", "site-packages", "__pycache__")
"""What the system's standard library has beside itself: its own packages, and that pip is to leave them alone (PEP 668)."""


def ensure_own_python(prefix: Path, requirements: Sequence[str], pip: Path) -> Path:
    """Make a prefix with a copy of the system's Python and these packages unless it is there, and return the folder of their programs.

    Parameters
    ----------
    pip
        The pip of some environment, which installs for the new Python.
    """
    digest = hashlib.sha256("\n".join([str(prefix), *requirements]).encode()).hexdigest()
    prefix.parent.mkdir(parents=True, exist_ok=True)
    version = _asked(Path(SYSTEM_PYTHON), "import sys; print('python%d.%d' % sys.version_info[:2])")
    python = prefix / "bin" / version
    with locked(prefix.with_name(prefix.name + ".lock")) as lock:
        stamp = prefix / "requirements.sha256"
        if not stamp.is_file() or stamp.read_text() != digest:
            shutil.rmtree(prefix, ignore_errors=True)
            _copy(prefix, version)
            words = [str(pip), "--python", str(python), "--disable-pip-version-check", "install", "--no-input", "--quiet", "--no-user"]
            run_installer([*words, *requirements], f"pip could not install {' '.join(requirements)}", lock, prefix / "tmp")
            stamp.write_text(digest)
    return Path(_asked(python, "import sysconfig; print(sysconfig.get_path('scripts'))"))


def _copy(prefix: Path, version: str) -> None:
    """A copy of the program with the standard library beside it is a Python of its own (the landmark os.py: getpath.py of CPython)."""
    library = Path(_asked(Path(SYSTEM_PYTHON), "import sysconfig; print(sysconfig.get_path('stdlib'))"))
    own = prefix / "lib" / version
    for folder in (prefix / "bin", own):
        folder.mkdir(parents=True, mode=0o755)
    shutil.copy2(Path(SYSTEM_PYTHON).resolve(), prefix / "bin" / version)
    for entry in library.iterdir():
        if entry.name not in NOT_OURS:
            (own / entry.name).symlink_to(entry)


def _asked(python: Path, program: str) -> str:
    return subprocess.run([str(python), "-I", "-c", program], capture_output=True, text=True, check=True).stdout.strip()
