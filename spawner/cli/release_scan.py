"""What is in a release, read from its files: kernels, and the versions of their packages. Nothing is started. Standard library only."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MAX_BYTES = 1024 * 1024
"""More is no description of a kernel or a package."""

KERNELS = Path("share") / "jupyter" / "kernels"
OF_LANGUAGES: Mapping[str, tuple[str, str]] = {"r": ("r-base", "r"), "julia": ("julia", "julia")}
"""By language: conda's package of it, and what it is called among the versions."""


@dataclass(frozen=True)
class ScannedKernel:
    """A kernel as its files have it; ``packages`` are those that somebody has asked for, each with its version."""

    name: str
    label: str
    language: str
    packages: Mapping[str, str] = field(default_factory=dict)


def scan(prefix: Path, only: frozenset[str] = frozenset(), *, everything: bool = False) -> tuple[ScannedKernel, ...]:
    """Return the kernels of the environment in ``prefix``, by their names.

    Parameters
    ----------
    only
        The packages that are wanted; empty for those that were asked for when the environment was made.
    everything
        All packages.

    Raises
    ------
    FileNotFoundError
        There are no kernels in this place.
    """
    folder = prefix / KERNELS
    if not folder.is_dir():
        raise FileNotFoundError(f"there are no kernels in {folder}")
    kernels = []
    for path in sorted(folder.iterdir()):
        found = _read_json(path / "kernel.json")
        argv = found.get("argv")
        if not isinstance(argv, list) or not argv or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", path.name):
            continue
        language = str(found.get("language") or "").lower()
        home = prefix_of(str(argv[0]), prefix)
        installed, asked = packages_of(home)
        names = {_written(name) for name in only} if only else set(installed) if everything else asked
        versions = {}
        if language == "python" and (version := python_version(home)):
            versions["python"] = version
        if language in OF_LANGUAGES:
            package, called = OF_LANGUAGES[language]
            versions |= {called: installed[package]} if package in installed else {}
        versions |= {name: installed[name] for name in sorted(names & installed.keys()) if name != "python"}
        kernels.append(ScannedKernel(path.name, str(found.get("display_name") or path.name), language, versions))
    return tuple(kernels)


def prefix_of(program: str, otherwise: Path) -> Path:
    """Return the environment that a kernel's program belongs to; ``otherwise`` where it says no path, as ``python`` does."""
    path = Path(program)
    return path.parent.parent if path.is_absolute() and path.parent.name == "bin" else otherwise


def packages_of(prefix: Path) -> tuple[dict[str, str], set[str]]:
    """Return the versions of all packages in an environment, and the names of those that somebody has asked for.

    conda keeps that in ``conda-meta/history``, pip in a file ``REQUESTED`` (PEP 376). Where neither says anything, all were asked for.
    """
    installed: dict[str, str] = {}
    asked: set[str] = set()
    for site in sorted((prefix / "lib").glob("python3.*/site-packages")):
        for folder in sorted(site.glob("*.dist-info")):
            name, _dash, version = folder.name.removesuffix(".dist-info").rpartition("-")
            if name and version:
                installed[_written(name)] = version
                if (folder / "REQUESTED").is_file():
                    asked.add(_written(name))
    conda = prefix / "conda-meta"
    for path in sorted(conda.glob("*.json")):
        found = _read_json(path)
        if isinstance(found.get("name"), str) and isinstance(found.get("version"), str):
            installed[_written(found["name"])] = found["version"]
    if conda.is_dir():
        # pip notes as requested what conda has put there, too.
        asked = {name for name in _asked_of_conda(conda / "history") if name in installed} or asked
    return installed, asked or set(installed)


def _asked_of_conda(history: Path) -> Iterator[str]:
    """Names in lines such as ``# update specs: ['python=3.11', 'dask']``."""
    try:
        text = history.read_text(encoding="utf-8", errors="replace")[:MAX_BYTES]
    except OSError:
        return
    for found in re.findall(r"^# (?:update|install|create) specs: (\[.*\])$", text, flags=re.MULTILINE):
        try:
            specs = ast.literal_eval(found)
        except (ValueError, SyntaxError):
            continue
        for spec in specs if isinstance(specs, list) else ():
            # conda-forge::python[version='3.11.*'], dask >=2024, r-base=4.3.3
            if name := re.match(r"(?:[^\s:]+::)?([A-Za-z0-9_.-]+)", str(spec)):
                yield _written(name[1])


def python_version(prefix: Path) -> str:
    """Return the version of an environment's Python; empty where its files do not say it."""
    for path in sorted((prefix / "conda-meta").glob("python-[0-9]*.json")):
        if isinstance(version := _read_json(path).get("version"), str):
            return version
    try:
        text = (prefix / "pyvenv.cfg").read_text(encoding="utf-8")
    except OSError:
        text = ""
    settings = dict(re.findall(r"^(\w[\w-]*)\s*=\s*(.*?)\s*$", text, flags=re.MULTILINE))
    if version := settings.get("version") or settings.get("version_info", ""):
        return re.sub(r"\.(final|candidate|beta|alpha).*", "", version)
    folders = sorted((prefix / "lib").glob("python3.*"))
    return folders[-1].name.removeprefix("python") if folders else ""


def _written(name: str) -> str:
    """A package's name as everybody writes it (PEP 503): pip's files have ``_`` where it has ``-``."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(MAX_BYTES + 1))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
