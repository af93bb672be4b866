"""``resource-form releases``: what an admin does with the catalogue of releases from a terminal. Standard library only."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path

from .release_scan import ScannedKernel, scan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    scanning = actions.add_parser(
        "scan",
        help="write down the kernels of an environment with their versions, for the catalogue",
        description="Reads the files of a conda or virtual environment, and prints what the catalogue says of its kernels.",
    )
    scanning.add_argument("prefix", metavar="PREFIX", type=Path, help="the folder of the environment, which has share/jupyter/kernels")
    scanning.add_argument("--packages", metavar="NAMES", default="", help="packages to name, with commas between; else those asked for")
    scanning.add_argument("--all", action="store_true", help="name all packages")
    scanning.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Run it; the exit status."""
    only = frozenset(name.strip() for name in arguments.packages.split(",") if name.strip())
    try:
        kernels = scan(arguments.prefix.absolute(), only, everything=arguments.all)
    except OSError as error:
        sys.stderr.write(f"resource-form: {error}\n")
        return 1
    sys.stdout.write((as_json(kernels) if arguments.json else as_yaml(kernels)) + "\n")
    return 0


def as_json(kernels: Iterable[ScannedKernel]) -> str:
    """Return the kernels as JSON, with the catalogue's keys."""
    return json.dumps({"kernels": [_entry(kernel) for kernel in kernels]}, indent=2, ensure_ascii=False)


def as_yaml(kernels: Iterable[ScannedKernel]) -> str:
    """Return the kernels as lines of a release in the catalogue: each value is quoted, so that a version stays what it is."""
    lines = ["kernels:"]
    for kernel in kernels:
        entry = _entry(kernel)
        packages = entry.pop("packages", {})
        lines += [f"{'  - ' if number == 0 else '    '}{key}: {_quoted(str(value))}" for number, (key, value) in enumerate(entry.items())]
        if isinstance(packages, dict) and packages:
            lines.append("    packages:")
            lines += [f"      {_quoted(name)}: {_quoted(version)}" for name, version in packages.items()]
    return "\n".join(lines) if len(lines) > 1 else "kernels: []"


def _entry(kernel: ScannedKernel) -> dict[str, object]:
    entry: dict[str, object] = {"name": kernel.name, "label": kernel.label, "language": kernel.language, "packages": dict(kernel.packages)}
    return {key: value for key, value in entry.items() if value}


def _quoted(text: str) -> str:
    """A string of JSON is one of YAML (YAML 1.2, chapter 1)."""
    return json.dumps(text, ensure_ascii=False)
