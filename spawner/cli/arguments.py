"""What stands on a command line, read: argparse tells its user of what is wrong."""

from __future__ import annotations

import argparse

from ..i18n import _


def seconds(text: str) -> float:
    """Return a number of seconds.

    Raises
    ------
    argparse.ArgumentTypeError
        It is no whole number.
    """
    if not text.isascii() or not text.isdigit() or len(text) > 7:
        raise argparse.ArgumentTypeError(_("a whole number of seconds is needed"))
    return float(text)


def port(text: str) -> int:
    """Return the number of a port.

    Raises
    ------
    argparse.ArgumentTypeError
        It is none.
    """
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:6]) < 65536:
        raise argparse.ArgumentTypeError(_("a port is a whole number from 1 to 65535"))
    return int(text)
