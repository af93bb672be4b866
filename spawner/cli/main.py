"""The command ``resource-form``. Standard library only, as each command that runs where there is no JupyterHub."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from .._version import __version__

COMMANDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "capture": ("capture", "write down what Slurm answers here, without names, for a report of a bug"),
        "gpu-report": ("gpu_report", "report this node's GPUs to the Hub"),
        "gpu-token": ("gpu_token", "make the tokens with which nodes report"),
        "gpus": ("gpus", "show which GPUs are free on which node"),
        "releases": (
            "releases",
            "show the releases of software; write down what is in one, and check that they are what the catalogue says",
        ),
        "launch": ("launch", "start a session, or take up one that runs, and print its address"),
        "check": ("check", "say what would become of a request, by the options of launch"),
        "list": ("sessions.listing", "show your sessions"),
        "status": ("sessions.status", "say how a session stands, in words and by the exit status"),
        "why": ("sessions.why", "say why a session waits and what would start now, or why it ended"),
        "logs": ("sessions.logs", "show the log of a session"),
        "stop": ("sessions.stop", "stop sessions, and return once Slurm has let go of them"),
        "open": ("sessions.opening", "open a session in your browser"),
        "forward": ("sessions.forward", "say how a port of a session's node is reached from here, or run ssh to it"),
        "partitions": ("partitions", "show where sessions can be started, and what is free there"),
        "request": ("request", "save the request of a session as a file, and ask what would become of one"),
        "kernel": ("kernel", "add an environment of yours to JupyterLab as a kernel, in every release; list and remove such kernels"),
    }
)
"""By name: the module, which has ``add_arguments(parser)`` and ``run(arguments) -> int``, and what it does, in a few words."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status of the process.

    0 is success, 1 a failure that was told on stderr, 2 a wrong call.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(
        prog="resource-form", description="JupyterLab on the compute nodes of a Slurm cluster, from a terminal."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    asked = next((argument for argument in arguments if not argument.startswith("-")), "")
    run: Callable[[argparse.Namespace], int] = _nothing
    for name, (module, words) in COMMANDS.items():
        command = subparsers.add_parser(name, help=words, description=f"{words[0].upper()}{words[1:]}.")
        if name == asked:
            # Only the one that is called for: the reporter is to be small.
            found = importlib.import_module(f".{module}", __package__)
            found.add_arguments(command)
            run = found.run
    parsed = parser.parse_args(arguments)
    return int(run(parsed))


def _nothing(arguments: argparse.Namespace) -> int:  # noqa: ARG001 - a command's signature
    return 2
