"""A copy of the checkout as git sees it, without what builds and tests have left there, and the wheel that is made of one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def copy_of_checkout(checkout: Path, target: Path, only: Sequence[str] = ()) -> Path:
    """Copy the files that git has, or would take, into the folder `target`, with their modes, and return it; `only` are paths of these."""
    listed = ["git", "ls-files", "-z", "-co", "--exclude-standard", *only]
    names = subprocess.run(listed, cwd=checkout, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        if (checkout / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(checkout / name, target / name)
    return target


def wheel_of(source: Path, folder: Path) -> Path:
    """Build the wheel of the sources in `source` into the folder, and return it."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--wheel-dir", str(folder), str(source)], check=True)
    (built,) = folder.glob("*.whl")
    return built
