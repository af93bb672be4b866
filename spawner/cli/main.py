"""The command ``resource-form``. Standard library only, as each command that runs where there is no JupyterHub."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from .._version import __version__
from ..i18n import N_, _, using
from .language import language_of, speak

ASKED_BY_A_SHELL = "_ARGCOMPLETE"
"""argcomplete's variable in the environment: a shell has called the command for its words, with the line in COMP_LINE."""

COMMANDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "capture": ("capture", N_("write down what Slurm answers here, without names, for a report of a bug")),
        "gpu-report": ("gpu_report", N_("report this node's GPUs to the Hub")),
        "gpu-token": ("gpu_token", N_("make the tokens with which nodes report")),
        "gpus": ("gpus", N_("show which GPUs are free on which node")),
        "releases": (
            "releases",
            N_("show the releases of software; write down what is in one, and check that they are what the catalogue says"),
        ),
        "login": ("login", N_("log in to a Hub with a token of yours; several Hubs, each by a name")),
        "logout": ("logout", N_("forget the token of a Hub, and revoke it")),
        "launch": ("launch", N_("start a session, or take up one that runs, and print its address")),
        "check": ("check", N_("say what would become of a request, by the options of launch")),
        "list": ("sessions.listing", N_("show your sessions")),
        "status": ("sessions.status", N_("say how a session stands, in words and by the exit status")),
        "why": ("sessions.why", N_("say why a session waits and what would start now, or why it ended")),
        "logs": ("sessions.logs", N_("show the log of a session")),
        "stop": ("sessions.stop", N_("stop sessions, and return once Slurm has let go of them")),
        "open": ("sessions.opening", N_("open a session in your browser")),
        "forward": ("sessions.forward", N_("say how a port of a session's node is reached from here, or run ssh to it")),
        "partitions": ("partitions", N_("show where sessions can be started, and what is free there")),
        "request": ("request", N_("save the request of a session as a file, and ask what would become of one")),
        "report": ("report", N_("show what was used in a month, by account, release and partition, for administrators")),
        "doctor": ("doctor.command", N_("look over a site: its configuration, Slurm, sudo, the Hub; say what is wrong and what to do")),
        "files": ("files", N_("say where the files are that a site copies: the example configuration, units, dashboards and so on")),
        "completion": ("completion", N_("have a shell complete the words of this command")),
        "kernel": ("kernel", N_("add an environment of yours to JupyterLab as a kernel, in every release; list and remove such kernels")),
    }
)
"""By name: the module, which has ``add_arguments(parser)`` and ``run(arguments) -> int``, and what it does, in a few words."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status of the process.

    0 is success, 1 a failure that was told on stderr, 2 a wrong call.
    """
    language = language_of(os.environ)
    speak(language)
    with using(language):
        return _main(list(sys.argv[1:] if argv is None else argv))


def _main(arguments: list[str]) -> int:
    if ASKED_BY_A_SHELL in os.environ:
        from . import completion

        completion.answer(parser_of(_asked(completion.words_so_far())))
    parsed = parser_of(_asked(arguments)).parse_args(arguments)
    return int(parsed.run_command(parsed))


def _asked(arguments: list[str]) -> list[str]:
    return [argument for argument in arguments if not argument.startswith("-")][:1]


def parser_of(asked: Collection[str]) -> argparse.ArgumentParser:
    """Return the parser of the command line, with the options of those commands that are asked for.

    Only what is called for is imported: the reporter is to be small. What it parses has the command's function as ``run_command``.
    """
    description = _("JupyterLab on the compute nodes of a Slurm cluster, from a terminal.")
    parser = argparse.ArgumentParser(prog="resource-form", description=description)
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (module, english) in COMMANDS.items():
        words = _(english)
        command = subparsers.add_parser(name, help=words, description=f"{words[0].upper()}{words[1:]}.")
        if name in asked:
            found = importlib.import_module(f".{module}", __package__)
            found.add_arguments(command)
            command.set_defaults(run_command=found.run)
    return parser
