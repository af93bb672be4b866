"""Where the user's settings of the command stand, and what they say. Standard library only."""

from __future__ import annotations

import configparser
import os
from pathlib import Path

from ..i18n import _
from .hub_client import WrongCall, plain


def settings_folder() -> Path:
    """Return the folder of the user's settings: ``~/.config/resource-form``, or where XDG_CONFIG_HOME says."""
    home = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(home) if Path(home).is_absolute() else Path.home() / ".config") / "resource-form"


def settings_file() -> Path:
    """Return the path of the file of settings: ``config.ini`` in that folder."""
    return settings_folder() / "config.ini"


def settings_in(section: str) -> dict[str, str]:
    """Return what a section of the file says; empty where there is no such section, or no file.

    Raises
    ------
    WrongCall
        The file cannot be read.
    """
    file, parser = settings_file(), configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(file.read_text("utf-8"), source=str(file))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        raise WrongCall(_("{file} cannot be read: {why}.").format(file=plain(str(file)), why=plain(str(error)))) from None
    return dict(parser[section]) if parser.has_section(section) else {}
