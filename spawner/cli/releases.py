"""``resource-form releases``: the releases in a terminal: which there are, and what an admin does with the catalogue of them.

Standard library only; what ``check`` needs besides is imported when it is called for.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from ..i18n import _
from .release_list import list_releases
from .release_scan import ScannedKernel, scan
from .which_hub import add_hub_arguments

NO_LOCK: Mapping[str, str] = MappingProxyType({})
LONGEST = 1e6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser(
        "list", help=_("show the releases that you may choose"), description=_("Prints the releases that you may choose, newest first.")
    )
    listing.add_argument("--json", action="store_true", help=_("print the Hub's answer as one JSON object"))
    add_hub_arguments(listing)
    scanning = actions.add_parser(
        "scan",
        help="write down the kernels of an environment with their versions, for the catalogue",
        description="Reads the files of a conda or virtual environment, and prints what the catalogue says of its kernels.",
    )
    scanning.add_argument("prefix", metavar="PREFIX", type=Path, help="the folder of the environment, which has share/jupyter/kernels")
    scanning.add_argument("--packages", metavar="NAMES", default="", help="packages to name, with commas between; else those asked for")
    scanning.add_argument("--all", action="store_true", help="name all packages")
    scanning.add_argument(
        "--lock", metavar="FILE", type=Path, help="the lock file that the environment was made from: print its digest too"
    )
    scanning.add_argument("--json", action="store_true", help="print JSON")
    checking = actions.add_parser(
        "check",
        help="start each release in a job, and look whether it is what the catalogue says",
        description="Starts each release of the file in a job of its own, runs a cell in each of its kernels, compares the versions, and "
        "tells the Hub. Run it where the Hub runs, with the token of an administrator.",
        epilog="Exit status: 0 all is well, 1 something is wrong or could not be tried, 2 a wrong call, 5 the Hub cannot be reached.",
    )
    _add_check_arguments(checking)


def _add_check_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="the catalogue, as the Hub reads it (c.ResourceFormSpawner.catalogue_file)")
    parser.add_argument("--release", metavar="TAG", action="append", default=[], help="only this one; may be given several times")
    parser.add_argument("--user", metavar="NAME", default="", help="whose sessions the checks are to be; by default the token's owner")
    parser.add_argument(
        "--partition",
        metavar="NAME",
        action="append",
        default=[],
        help="where they are started; ARCHITECTURE=NAME says it for one architecture; may be given several times",
    )
    for name, words in (("account", "the account that pays"), ("reservation", "the reservation"), ("cores", "cores of each session")):
        parser.add_argument(f"--{name}", metavar=name.upper(), default="", help=words)
    parser.add_argument("--memory", metavar="MEMORY", default="", help="memory of each session (default: 2G, or what the release needs)")
    parser.add_argument("--walltime", metavar="TIME", default="", help="time limit of each session (default: 20m)")
    parser.add_argument("--wait", metavar="MINUTES", type=_positive, default=30.0, help="so long a job may wait in the queue (default: 30)")
    parser.add_argument(
        "--cell-seconds",
        metavar="SECONDS",
        type=_positive,
        default=120.0,
        help="so long a kernel may take to start and answer (default: 120)",
    )
    parser.add_argument("--url", metavar="URL", default="", help="where users reach the Hub, if that is not where its API is")
    parser.add_argument("--no-report", dest="report", action="store_false", help="do not tell the Hub what was found")
    parser.add_argument("--json", action="store_true", help="print JSON, at the end")
    add_hub_arguments(parser)


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= LONGEST:
        raise argparse.ArgumentTypeError("a number above 0 is needed")
    return number


def run(arguments: argparse.Namespace) -> int:
    """Run it; the exit status."""
    return {"list": list_releases, "check": _check, "scan": _scan}[arguments.action](arguments)


def _check(arguments: argparse.Namespace) -> int:
    try:
        from .release_check.command import run as run_check
    except ModuleNotFoundError as error:
        name = str(error.name).partition(".")[0]
        sys.stderr.write(f"resource-form releases check: {name} is not installed here. Run it where the Hub runs.\n")
        return 1
    return run_check(arguments)


def _scan(arguments: argparse.Namespace) -> int:
    only = frozenset(name.strip() for name in arguments.packages.split(",") if name.strip())
    try:
        kernels = scan(arguments.prefix.absolute(), only, everything=arguments.all)
        lock = lock_of(arguments.lock) if arguments.lock is not None else {}
    except OSError as error:
        sys.stderr.write(f"resource-form: {error}\n")
        return 1
    sys.stdout.write((as_json(kernels, lock) if arguments.json else as_yaml(kernels, lock)) + "\n")
    return 0


def lock_of(path: Path) -> dict[str, str]:
    """Return what the catalogue says of a lock file: its path, and its SHA-256.

    Raises
    ------
    OSError
        It cannot be read.
    """
    return {"lock": str(path.absolute()), "lock_sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def as_json(kernels: Iterable[ScannedKernel], lock: Mapping[str, str] = NO_LOCK) -> str:
    """Return the kernels as JSON, with the catalogue's keys, and the release's lock where there is one."""
    return json.dumps({**lock, "kernels": [_entry(kernel) for kernel in kernels]}, indent=2, ensure_ascii=False)


def as_yaml(kernels: Iterable[ScannedKernel], lock: Mapping[str, str] = NO_LOCK) -> str:
    """Return the kernels as lines of a release in the catalogue: each value is quoted, so that a version stays what it is."""
    lines = ["kernels:"]
    for kernel in kernels:
        entry = _entry(kernel)
        packages = entry.pop("packages", {})
        lines += [f"{'  - ' if number == 0 else '    '}{key}: {_quoted(str(value))}" for number, (key, value) in enumerate(entry.items())]
        if isinstance(packages, dict) and packages:
            lines.append("    packages:")
            lines += [f"      {_quoted(name)}: {_quoted(version)}" for name, version in packages.items()]
    locked = [f"{key}: {_quoted(value)}" for key, value in lock.items()]
    return "\n".join([*locked, *(lines if len(lines) > 1 else ["kernels: []"])])


def _entry(kernel: ScannedKernel) -> dict[str, object]:
    entry: dict[str, object] = {"name": kernel.name, "label": kernel.label, "language": kernel.language, "packages": dict(kernel.packages)}
    return {key: value for key, value in entry.items() if value}


def _quoted(text: str) -> str:
    """A string of JSON is one of YAML (YAML 1.2, chapter 1)."""
    return json.dumps(text, ensure_ascii=False)
