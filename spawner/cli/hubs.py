"""The Hubs that the user has logged in to, by name, each with its token, in a file that nobody else can read. Standard library only."""

from __future__ import annotations

import configparser
import os
import re
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..gpu.agent.hub_access import is_token
from ..i18n import _
from .hub_client import WrongCall, plain
from .settings import settings_folder

FILE = "hubs.ini"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,79}", re.ASCII)


@dataclass(frozen=True, slots=True)
class KnownHub:
    """A Hub that the user has logged in to."""

    name: str
    api_url: str
    user: str
    token: str = field(repr=False)
    default: bool = False


def hubs_file() -> Path:
    """Return the path of the file: ``hubs.ini`` in the folder of the user's settings."""
    return settings_folder() / FILE


def is_name(name: str) -> bool:
    """Return whether a Hub can be called so: letters, digits, and ``. _ : -`` within."""
    return _NAME.fullmatch(name) is not None


def known_hubs() -> dict[str, KnownHub]:
    """Return the Hubs by name; the one that is asked where none is named is the ``default``. Empty where nobody has logged in.

    Raises
    ------
    WrongCall
        The file cannot be read, or can be read by others than the user: the tokens in it are passwords.
    """
    path = hubs_file()
    parser = configparser.ConfigParser(interpolation=None, default_section="")
    try:
        with path.open(encoding="utf-8") as opened:
            state = os.fstat(opened.fileno())
            if state.st_uid != os.geteuid() or stat.S_IMODE(state.st_mode) & 0o077:
                raise WrongCall(
                    _("{file} has your tokens and can be read by others. Make it yours alone: chmod 600 {file}").format(file=path)
                )
            parser.read_file(opened)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise WrongCall(_("{file} cannot be read: {why}.").format(file=path, why=error.strerror)) from None
    except (configparser.Error, UnicodeDecodeError):
        raise WrongCall(_("{file} is not what resource-form login has written. Remove it, and log in again.").format(file=path)) from None
    return {name: _known(name, parser[name]) for name in parser.sections() if is_name(name)}


def _known(name: str, section: Mapping[str, str]) -> KnownHub:
    token = section.get("token", "")
    return KnownHub(
        name,
        section.get("url", ""),
        section.get("user", ""),
        token if is_token(token) else "",
        default=section.get("default") == "yes",
    )


def named(name: str = "") -> KnownHub | None:
    """Return the Hub of this name; without a name the default one, or None where the user has logged in to none.

    Raises
    ------
    WrongCall
        There is none of this name.
    """
    hubs = known_hubs()
    if not name:
        return next((hub for hub in hubs.values() if hub.default), None)
    if name not in hubs:
        there_are = ", ".join(hubs)
        known = _("There are: {names}.").format(names=there_are) if hubs else _("Log in first: resource-form login URL.")
        raise WrongCall(_("You have logged in to no Hub called {name}.").format(name=plain(name)) + " " + known)
    return hubs[name]


def keep(hub: KnownHub) -> None:
    """Write a Hub down, in place of one of its name; the first of all is the default, as is one that says so.

    Raises
    ------
    WrongCall
        The file cannot be read or written.
    """
    hubs = known_hubs()
    hubs[hub.name] = hub
    chosen = hub.name if hub.default else next((name for name, each in hubs.items() if each.default), hub.name)
    _write(hubs, chosen)


def forget(name: str) -> None:
    """Take a Hub out of the file; if it was the default, the first that is left becomes it.

    Raises
    ------
    WrongCall
        The file cannot be read or written.
    """
    hubs = known_hubs()
    hubs.pop(name, None)
    _write(hubs, next((each.name for each in hubs.values() if each.default), next(iter(hubs), "")))


def _write(hubs: Mapping[str, KnownHub], default: str) -> None:
    """Replace the file as a whole: whoever reads it meanwhile has the old or the new one."""
    parser = configparser.ConfigParser(interpolation=None, default_section="")
    for name, hub in hubs.items():
        parser[name] = {"url": hub.api_url, "user": hub.user, "token": hub.token, **({"default": "yes"} if name == default else {})}
    path = hubs_file()
    temporary = ""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{FILE}-")  # of mode 0600
        with os.fdopen(handle, "w", encoding="utf-8") as opened:
            parser.write(opened)
        Path(temporary).replace(path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise WrongCall(_("{file} cannot be written: {why}.").format(file=path, why=error.strerror)) from None
