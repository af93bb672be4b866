"""uv, which installs Python packages in a tenth of pip's time: from where pip would take them, and only where it can be had."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

_SETTINGS = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "no-index": "UV_NO_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
    "constraint": "UV_CONSTRAINT",
    "cert": "SSL_CERT_FILE",
    "proxy": "ALL_PROXY",
}
"""What pip's configuration says of where packages come from, and how uv is told; uv does not read it."""

_SECTIONS = ("global", "install", ":env:")
"""Of pip's configuration: what comes later wins."""

_JOINED_BY = {"UV_FIND_LINKS": ","}
SECONDS = 120


def uv_in(folder: Path, python: str) -> Path | None:
    """Return uv's command: the machine's own, or one that is installed into ``folder`` by pip; None where it cannot be had.

    The caller holds a lock of the folder.
    """
    found = shutil.which("uv")
    if found:
        return Path(found)
    command = folder / "bin" / "uv"
    stamp = folder / "made"
    if stamp.is_file():
        return command if command.is_file() else None
    shutil.rmtree(folder, ignore_errors=True)
    steps = (
        [python, "-m", "venv", str(folder)],
        [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--no-input", "--quiet", "uv"],
        [str(command), "--version"],
    )
    try:
        made = all(subprocess.run(step, capture_output=True, check=False, timeout=SECONDS).returncode == 0 for step in steps)
    except (OSError, subprocess.TimeoutExpired):
        made = False
    if not made:
        shutil.rmtree(folder, ignore_errors=True)
    # Where there is none, it is not looked for again.
    folder.mkdir(exist_ok=True)
    stamp.touch()
    return command if made else None


def environment(python: Path | str, cache: Path) -> dict[str, str]:
    """Return the environment in which uv finds the packages that pip of ``python`` would."""
    listed = subprocess.run([str(python), "-m", "pip", "config", "list"], capture_output=True, text=True, check=False, timeout=SECONDS)
    return {
        **os.environ,
        **translated(listed.stdout),
        # As pip does: the newest of all indexes, not the first index that knows the name.
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_CACHE_DIR": str(cache),
        "UV_NO_CONFIG": "1",
        "UV_NO_PROGRESS": "1",
    }


def translated(listed: str) -> Mapping[str, str]:
    """Return uv's variables for what ``pip config list`` prints; the environment wins over what is said for ``install``, as for pip."""
    known: dict[str, str] = {}
    for line in sorted(listed.splitlines(), key=_rank):
        name, equals, value = line.partition("=")
        section, _dot, setting = name.partition(".")
        variable = _SETTINGS.get(setting) if section in _SECTIONS else None
        if variable is None or not equals:
            continue
        try:
            text = str(ast.literal_eval(value))
        except (SyntaxError, ValueError):
            continue
        known[variable] = _JOINED_BY.get(variable, " ").join(text.split())
    return known


def _rank(line: str) -> int:
    section = line.partition(".")[0]
    return _SECTIONS.index(section) if section in _SECTIONS else -1
