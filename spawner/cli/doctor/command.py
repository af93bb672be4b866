"""The command ``resource-form doctor``. What it needs besides the standard library is imported once it is called for."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from ...i18n import _
from .findings import exit_status
from .printing import as_json, as_text

FAILED = 4
MAX_MINUTES = 24 * 60.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.epilog = _(
        "Exit status: 0 nothing is wrong (notes count for nothing), 1 a warning, 2 a wrong call, 3 an error, 4 the doctor itself failed. "
        "Run it on the Hub’s machine, as the Hub’s user."
    )
    parser.add_argument(
        "-f",
        "--config",
        metavar="FILE",
        type=Path,
        default=Path("jupyterhub_config.py"),
        help=_("the Hub’s configuration (default: %(default)s)"),
    )
    parser.add_argument("--user", metavar="NAME", default="", help=_("whose requests are tried (default: one’s own, unless one is root)"))
    parser.add_argument("--job", action="store_true", help=_("run one job of a minute, which looks around on its node"))
    parser.add_argument(
        "--wait", metavar="MINUTES", type=_minutes, default=5.0, help=_("so long the job may wait in the queue (default: %(default).0f)")
    )
    parser.add_argument("--json", action="store_true", help=_("print JSON"))
    parser.add_argument("--fix-suggestions", action="store_true", help=_("print lines of configuration that would mend what is found"))


def _minutes(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= MAX_MINUTES:
        raise argparse.ArgumentTypeError(_("a number of minutes above 0 is needed"))
    return number


def run(arguments: argparse.Namespace) -> int:
    """Look over everything, print what is found, and return the exit status."""
    try:
        from .examination import examine
    except ModuleNotFoundError as error:
        name = str(error.name).partition(".")[0]
        sys.stderr.write("resource-form doctor: " + _("{name} is not installed here. Run it where the Hub runs.").format(name=name) + "\n")
        return FAILED
    try:
        findings = examine(
            arguments.config, user=arguments.user, with_job=arguments.job, patience=60 * arguments.wait, say=_progress(arguments)
        )
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001 - an admin is not to read a traceback
        sys.stderr.write("resource-form doctor: " + _("It failed itself: {why}").format(why=f"{type(error).__name__}: {error}") + "\n")
        return FAILED
    if arguments.json:
        said = as_json(findings, str(arguments.config))
    else:
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        said = as_text(findings, colour=colour, with_lines=arguments.fix_suggestions)
    sys.stdout.write(said + "\n")
    return exit_status(findings)


def _progress(arguments: argparse.Namespace):  # type: ignore[no-untyped-def]
    return (lambda _words: None) if arguments.json else lambda words: sys.stderr.write(words + "\n")
