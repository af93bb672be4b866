"""``resource-form files``: where the files are that a site copies, as they came with this installation. Standard library only."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from .._data import folder
from ..i18n import N_, _
from .answering import NotPossible, answered, print_json
from .exit_codes import READY
from .table import Piece, listed, look_of

FILES: Mapping[str, str] = MappingProxyType(
    {
        "jupyterhub_config.example.py": N_("a configuration of the Hub to start from"),
        "releases.example.yaml": N_("a catalogue of releases"),
        "releases.schema.json": N_("the schema of catalogues, for editors and checks"),
        "notices.example.yaml": N_("notices for users"),
        "form.example.yaml": N_("fields and presets that change without a restart"),
        "sudoers": N_("the rule for sudo, where the Hub is not root"),
        "submit.py": N_("the program that submits, for the rule for sudo"),
        "session_log.py": N_("the program that reads logs, for the rule for sudo"),
        "systemd/jupyterhub.service": N_("the unit of the Hub for systemd"),
        "systemd/jupyterhub-proxy.service": N_("the unit of its proxy, which outlives the Hub"),
        "systemd/root.conf": N_("a drop-in for the unit of a Hub that is root"),
        "hardened/nginx.conf": N_("a configuration of nginx in front of the Hub"),
        "gpu-reporter/resource-form-gpu-report.service": N_("the unit that reports a node's GPUs"),
        "gpu-reporter/prolog_epilog.sh": N_("reports of GPUs before and after each job"),
        "gpu-reporter/health_check.sh": N_("reports of GPUs from Slurm's check of nodes"),
        "prometheus/alerts.yaml": N_("alerts for Prometheus"),
        "grafana/dashboard.json": N_("a dashboard for Grafana"),
        "launch-scipy-ml.sh": N_("a launch script of a site's own"),
        "launcher.py": N_("what starts the server in a job, to read"),
        "resource-form.1": N_("the manual page of this command"),
    }
)
"""By name: what the file is. A name is the path below ``share/resource_form``, but for the manual page's."""

_ELSEWHERE: Mapping[str, str] = MappingProxyType({"resource-form.1": "man/man1/resource-form.1"})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("file", nargs="?", metavar="NAME", choices=list(FILES), help=_("print the path of this file alone"))
    parser.add_argument("--json", action="store_true", help=_("print one JSON object"))


def run(arguments: argparse.Namespace) -> int:
    """Print where the files are; return the exit status of the process."""
    return answered("files", lambda: _print(arguments))


def path_of(name: str) -> Path:
    """Return the path of a file of :data:`FILES`.

    Raises
    ------
    NotPossible
        The installation is without it.
    """
    try:
        path = folder("share") / _ELSEWHERE.get(name, f"resource_form/{name}")
    except FileNotFoundError:
        path = None
    if path is None or not path.is_file():
        raise NotPossible(_("This installation is without {file}. Install the package anew.").format(file=name))
    return path


def _print(arguments: argparse.Namespace) -> int:
    names = [arguments.file] if arguments.file else list(FILES)
    paths = {name: path_of(name) for name in names}
    if arguments.json:
        entries = [{"name": name, "path": str(path), "words": _(FILES[name])} for name, path in paths.items()]
        print_json({"files": entries})
    elif arguments.file:
        sys.stdout.write(f"{paths[arguments.file]}\n")
    else:
        rows = [[Piece(name), Piece(_(FILES[name])), Piece(str(path), "dim")] for name, path in paths.items()]
        heads = [_("Name"), _("What it is"), _("Path")]
        sys.stdout.write("".join(f"{line}\n" for line in listed(heads, rows, look_of(sys.stdout))))
    return READY
