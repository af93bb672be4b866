"""``resource-form forward``: how a program of a session's is reached that listens at a port: by ssh, and by the Hub's own address.

The Hub says which node it is, and which login node leads there. It prints the line for ssh, or becomes ssh.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.parse import urlencode, urlsplit

from ...i18n import _
from ..answering import NotPossible, answered, note, print_json, say
from ..arguments import port
from ..exit_codes import FAILED, READY
from ..hub_client import Hub, HubTrouble, WrongCall, plain
from ..settings import settings_file, settings_in
from ..which_hub import add_hub_arguments, hub_of
from .found import Sessions, add_name
from .words import code_of, state_in_words, title_of

VARIABLE = "RESOURCE_FORM_LOGIN_HOST"
SECTION, KEY = "forward", "login_host"

PRIVILEGED = 1024
"""Below it only root may listen; what listens there on the node gets a port above on this machine."""

_HOST = re.compile(r"(?:(?P<user>[^\s@/:-][^\s/:]{0,200})@)?(?P<host>[A-Za-z0-9]([A-Za-z0-9.:_-]{0,250}[A-Za-z0-9])?)", re.ASCII)
"""``USER@HOST`` or ``HOST``; nothing that ssh could take for an option."""

_ADDRESS = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.:_%-]{0,250}[A-Za-z0-9])?", re.ASCII)
_NAME = re.compile(r"[^\s/:-][^\s/:]{0,200}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("port", type=port, metavar="PORT", help=_("the port on the node at which a program of the session listens"))
    add_name(parser)
    parser.add_argument("-l", "--local", type=port, metavar="PORT", help=_("the port on this machine; else the same, if it is above 1023"))
    parser.add_argument("--run", action="store_true", help=_("run ssh, until Ctrl-C, and do not only print how"))
    parser.add_argument(
        "--login-host",
        metavar="[USER@]HOST",
        default="",
        help=_(
            "the login node (else {variable}, else login_host in [forward] of ~/.config/resource-form/config.ini, else what the Hub says)"
        ).format(variable=VARIABLE),
    )
    parser.add_argument(
        "-J", "--jump", action="store_true", help=_("by the login node into the node itself, for what listens on localhost only")
    )
    parser.add_argument("--json", action="store_true", help=_("print it as one JSON object"))
    add_hub_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print, or become ssh; return the exit status of the process."""
    return answered("forward", lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    if arguments.run and arguments.json:
        raise WrongCall(_("--run becomes ssh: it does not go with --json."))
    own_host = login_host(arguments.login_host)
    hub = hub_of(arguments)
    told = _told(hub, arguments.name, arguments.port)
    local = arguments.local or (arguments.port if arguments.port >= PRIVILEGED else arguments.port + 8000)
    command = ssh_command(told, own_host or str(told.get("login_host") or ""), local, jump=arguments.jump)
    address = _address(hub, told)
    if arguments.run:
        _become(command, local)
    if arguments.json:
        print_json({"ssh": command, "local_url": f"http://localhost:{local}/" if command else "", "url": address, **told})
        return READY
    if command:
        note(_("On your own machine, and then http://localhost:{port}/ there:").format(port=local))
        say(shlex.join(command))
    else:
        note(_no_host())
    note(_("Or in a browser that is logged in at the Hub:"))
    say(address)
    if not told.get("has_proxy"):
        note(_("That address takes jupyter-server-proxy in the session's release; it is not known whether it is there."))
    return READY


def login_host(typed: str) -> str:
    """Return the login node that is typed, or in the environment, or in the settings; empty for none.

    Raises
    ------
    WrongCall
        It is none, or the settings cannot be read.
    """
    found = (("--login-host", typed), (VARIABLE, os.environ.get(VARIABLE, "")))
    where, host = next(((name, text) for name, text in found if text), ("", ""))
    if not host:
        where, host = f"{plain(str(settings_file()))}, {KEY}", settings_in(SECTION).get(KEY, "").strip()
    if host and not _HOST.fullmatch(host):
        raise WrongCall(_("{where}: {text} is no HOST, and no USER@HOST").format(where=where, text=repr(plain(host)[:60])))
    return host


def _told(hub: Hub, name: str, asked: int) -> dict[str, Any]:
    """What the Hub says of the session's node."""
    session = Sessions.of(hub).named(name)
    if (code := code_of(session)) != READY:
        sentence = _("{name} has no node to lead to: {state}. {sentence}")
        words = sentence.format(name=title_of(session), state=state_in_words(session), sentence=session.get("sentence") or "")
        raise NotPossible(words, code)
    query = {"port": str(asked), **({"server": str(session["name"])} if session.get("name") else {})}
    return hub.read("GET", f"resource-form/forward?{urlencode(query)}")


def ssh_command(told: Mapping[str, Any], host: str, local: int, *, jump: bool = False) -> list[str]:
    """Return the command line of ssh for what the Hub has told; empty where no login node is known.

    Raises
    ------
    HubTrouble
        A name in the Hub's answer could be something else than a name to ssh.
    """
    if not host:
        return []
    found = _HOST.fullmatch(host)
    address, user = str(told.get("address") or told.get("node") or ""), str(told.get("user") or "")
    if found is None or not _ADDRESS.fullmatch(address) or not (found["user"] or _NAME.fullmatch(user)):
        raise HubTrouble(_("What the Hub says of the node cannot be handed to ssh."))
    user = found["user"] or user
    login = f"{user}@{found['host']}"
    inside = f"[{address}]" if ":" in address else address
    if jump:
        return ["ssh", "-N", "-L", f"{local}:localhost:{told.get('port')}", "-J", login, f"{user}@{address}"]
    return ["ssh", "-N", "-L", f"{local}:{inside}:{told.get('port')}", login]


def _address(hub: Hub, told: Mapping[str, Any]) -> str:
    place = urlsplit(hub.api_url)
    path = str(told.get("path") or "/")
    return plain(path if "://" in path else f"{place.scheme}://{place.netloc}{path}")


def _no_host() -> str:
    return _("For ssh a login node is needed: give --login-host, or set {variable}.").format(variable=VARIABLE)


def _become(command: list[str], local: int) -> NoReturn:
    if not command:
        raise NotPossible(_no_host(), FAILED)
    if shutil.which(command[0]) is None:
        raise NotPossible(_("There is no ssh on this machine."), FAILED)
    note(_("As long as this runs: http://localhost:{port}/").format(port=local))
    os.execvp(command[0], command)  # noqa: S606 # nosec B606 - no shell: ssh with arguments of ours
