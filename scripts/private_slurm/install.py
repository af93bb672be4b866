"""The command line of what installs things: `python3 -m private_slurm.install debian|venv|into|node|newer-slurm --help`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from private_slurm.errors import PrivateSlurmError
from private_slurm.newer_slurm import SUITES, ensure_newer_slurm
from private_slurm.packages import (
    PROXY_PACKAGE,
    PYTHON_PACKAGES,
    SLURM_PACKAGES,
    SYSTEM_PYTHON,
    ensure_debian_packages,
    ensure_node_package,
    ensure_venv,
    install_into,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status."""
    parser = argparse.ArgumentParser(prog="private_slurm.install", description="Install what is missing.")
    commands = parser.add_subparsers(dest="command", required=True)
    debian = commands.add_parser("debian", help="Debian packages; without names those of a private Slurm cluster")
    debian.add_argument("names", nargs="*", default=[*SLURM_PACKAGES, *PYTHON_PACKAGES])
    venv = commands.add_parser("venv", help="a virtual environment")
    venv.add_argument("path", type=Path)
    venv.add_argument("requirements", nargs="+")
    venv.add_argument("--python", default=SYSTEM_PYTHON)
    into = commands.add_parser("into", help="packages, into an environment that is there")
    into.add_argument("path", type=Path)
    into.add_argument("requirements", nargs="+")
    into.add_argument("--editable", action="store_true", help="of a checkout")
    node = commands.add_parser("node", help=f"{PROXY_PACKAGE}")
    node.add_argument("path", type=Path)
    newer = commands.add_parser("newer-slurm", help="the Slurm of a later Debian, beside the machine's own")
    newer.add_argument("path", type=Path)
    newer.add_argument("--version", choices=[*SUITES], default="24.11")
    options = parser.parse_args(argv)
    try:
        if options.command == "debian":
            print("installed:", *(ensure_debian_packages(options.names) or ["nothing, all was there"]))
        elif options.command == "venv":
            print(ensure_venv(options.path, options.requirements, options.python))
        elif options.command == "into":
            install_into(options.path, ["--editable", *options.requirements] if options.editable else options.requirements)
        elif options.command == "newer-slurm":
            print(ensure_newer_slurm(options.path, SUITES[options.version]).commands)
        else:
            print(ensure_node_package(PROXY_PACKAGE, options.path))
    except PrivateSlurmError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
