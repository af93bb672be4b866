"""``resource-form kernel``: environments of a user's own as kernels, in every release. Standard library only.

JupyterLab of each release finds what is in the user's own folder of kernels. A kernel.json alone cannot load modules or make a conda
environment active, so a small script does that and becomes the kernel.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..i18n import _
from ..site.patterns import KERNEL, MODULE
from .answering import note
from .hub_client import WrongCall, plain
from .kernel_environment import KernelEnvironment, other_kernel, python_kernel
from .kernel_files import (
    WRAPPER,
    KernelTrouble,
    OwnKernel,
    kernels_folder,
    may_be_replaced,
    own_kernels,
    place_of,
    put_in_place,
    take_away,
    written,
)

OF_RELEASES = "python3"
PYTHON = "python"
MAX_LABEL = 100
INTERRUPTED = 130
"""As of a program that is ended by SIGINT."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes: add, list or remove."""
    commands = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = commands.add_parser(
        "add", help=_("make an environment a kernel"), description=_("Make an environment a kernel, in every release.")
    )
    add.add_argument("name", metavar="NAME", help=_("what its folder is called: letters, digits, dots, dashes and underscores"))
    add.add_argument(
        "--prefix", metavar="PATH", required=True, help=_("the environment's folder, which has bin in it: conda's or python -m venv's")
    )
    add.add_argument(
        "--module", metavar="M", action="append", default=[], help=_("load this environment module first; may be given several times")
    )
    add.add_argument("--label", metavar="TEXT", default="", help=_("what JupyterLab calls it (default: NAME)"))
    add.add_argument(
        "--language", metavar="L", default=PYTHON, help=_("another language whose kernel is installed in the environment (default: python)")
    )
    add.add_argument("--force", action="store_true", help=_("replace the kernel of this name"))
    listing = commands.add_parser("list", help=_("list your kernels"), description=_("List your kernels, with those that cannot start."))
    listing.add_argument("--json", action="store_true", help=_("as JSON, for programs"))
    remove = commands.add_parser("remove", help=_("remove a kernel"), description=_("Remove a kernel; its environment stays."))
    remove.add_argument("name", metavar="NAME", help=_("as list prints it"))
    remove.add_argument("--yes", action="store_true", help=_("do not ask"))


def run(arguments: argparse.Namespace) -> int:
    """Do it, and return the exit status of the process."""
    action = {"add": _add, "list": _list, "remove": _remove}[arguments.action]
    try:
        return action(arguments, kernels_folder(os.environ))
    except (WrongCall, KernelTrouble) as error:
        lines = [plain(line) for line in str(error).splitlines()]
        sys.stderr.write(f"resource-form kernel {arguments.action}: {chr(10).join(lines)}\n")
        return 2 if isinstance(error, WrongCall) else 1
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        return INTERRUPTED


def _add(arguments: argparse.Namespace, kernels: Path) -> int:
    name = _name(arguments.name)
    if name == OF_RELEASES:
        raise WrongCall(
            _("Each release has a kernel {name} of its own, which yours would hide: choose another name.").format(name=OF_RELEASES)
        )
    for module in arguments.module:
        if not re.fullmatch(MODULE, module):
            raise WrongCall(_("{name} is no name of a module.").format(name=repr(module)))
    label = arguments.label.strip() or name
    if len(label) > MAX_LABEL or not label.isprintable():
        raise WrongCall(_("A label has {number} printable characters at most.").format(number=MAX_LABEL))
    prefix = os.path.abspath(arguments.prefix)  # noqa: PTH100 - a link may be how the user moves an environment
    if not prefix.isprintable():
        raise WrongCall(_("The folder's name has characters that cannot be printed."))
    if not os.path.isdir(prefix):  # noqa: PTH112
        raise KernelTrouble(_("There is no folder {folder}.").format(folder=prefix))
    old = place_of(kernels, name)
    if old is not None:
        if not arguments.force:
            raise KernelTrouble(_("There is {folder} already. With --force it is replaced.").format(folder=old))
        may_be_replaced(old)
    place = KernelEnvironment(Path(prefix), tuple(arguments.module))
    conda = place.conda(os.environ) if place.is_conda else None
    with written(kernels, name, place.wrapper(conda)) as new:
        if arguments.language.lower() == PYTHON:
            kernel = python_kernel(place, new / WRAPPER, os.environ)
        else:
            kernel = other_kernel(place, arguments.language)
        kernel |= {"argv": [str(kernels / name / WRAPPER), *kernel["argv"]], "display_name": label}
        put_in_place(new, kernels, kernel, old)
    sys.stdout.write(f"{kernels / name}\n")
    if place.is_conda and conda is None:
        note("resource-form kernel add: " + _("conda itself was not found, so `!conda` does not work in the kernel's cells."))
    return 0


def _list(arguments: argparse.Namespace, kernels: Path) -> int:
    found = own_kernels(kernels)
    if arguments.json:
        sys.stdout.write(json.dumps([_as_json(kernel) for kernel in found], indent=1) + "\n")
        return 0
    if not found:
        sys.stdout.write(_("No kernels of yours in {folder}.").format(folder=kernels) + "\n")
        return 0
    rows = [(_("NAME"), _("LABEL"), _("LANGUAGE"), _("STATE"))]
    rows += [
        (kernel.name, kernel.label, kernel.language, _("cannot start: {why}").format(why=kernel.trouble) if kernel.trouble else _("ok"))
        for kernel in found
    ]
    sys.stdout.write(_table(rows))
    return 0


def _as_json(kernel: OwnKernel) -> dict[str, Any]:
    return {
        "name": kernel.name,
        "label": kernel.label,
        "language": kernel.language,
        "folder": str(kernel.folder),
        "can_start": not kernel.trouble,
        "reason": kernel.trouble,
    }


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    cells = [[plain(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]) - 1)]
    padded = [[*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]] for row in cells]
    return "".join("  ".join(row) + "\n" for row in padded)


def _remove(arguments: argparse.Namespace, kernels: Path) -> int:
    place = place_of(kernels, _name(arguments.name))
    if place is None:
        raise KernelTrouble(
            _("You have no kernel {name}. `resource-form kernel list` prints those that there are.").format(name=repr(arguments.name))
        )
    may_be_replaced(place)
    if not arguments.yes:
        if not sys.stdin.isatty():
            raise WrongCall(_("Nobody can be asked here: add --yes to remove it."))
        sys.stderr.write(_("Remove {folder}? Its environment stays. [y/N]").format(folder=place) + " ")
        sys.stderr.flush()
        # Translators: the answers of a person who agrees, with a blank between: "s sì"
        if sys.stdin.readline().strip().lower() not in ("y", "yes", *_("y yes").split()):
            raise KernelTrouble(_("Nothing is removed."))
    take_away(place)
    sys.stdout.write(_("Removed {folder}.").format(folder=place) + "\n")
    return 0


def _name(name: str) -> str:
    """As Jupyter has it, which knows no capitals (jupyter_client, install_kernel_spec)."""
    if not re.fullmatch(KERNEL, name):
        raise WrongCall(
            _("{name} is no name of a kernel: letters, digits, dots, dashes and underscores, a letter or digit first, 100 at most.").format(
                name=repr(name)
            )
        )
    return name.lower()
