"""``resource-form logout``: the token of a Hub is forgotten, and revoked."""

from __future__ import annotations

import argparse

from ..i18n import _
from .answering import answered
from .login import log_out


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    words = _("the Hub's name, as resource-form login --list shows it; else the default one")
    parser.add_argument("hub", nargs="?", default="", metavar="NAME", help=words)


def run(arguments: argparse.Namespace) -> int:
    """Log out; return the exit status of the process."""
    return answered("logout", lambda: log_out(arguments.hub))
