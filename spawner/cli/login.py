"""``resource-form login`` and ``logout``: a token for a Hub, read from the prompt, kept in a file that nobody else can read."""

from __future__ import annotations

import argparse
import contextlib
import getpass
import os
import sys
from urllib.parse import quote, urlsplit

from ..gpu.agent.hub_access import MAX_TOKEN_LENGTH, is_token
from ..i18n import _
from .answering import NotPossible, answered, note, print_json, say
from .browser import open_in_browser
from .exit_codes import READY
from .hub_client import Hub, HubTrouble, WrongCall
from .hubs import KnownHub, forget, hubs_file, is_name, keep, known_hubs, named
from .servers import Servers
from .which_hub import API_URL, check_address

API = "/hub/api"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("url", nargs="?", default="", metavar="URL", help=_("the Hub, such as https://jupyter.example.org"))
    parser.add_argument("--hub", default="", metavar="NAME", help=_("call it so from now on; else it has the name of its host"))
    parser.add_argument("--default", action="store_true", help=_("ask it where no Hub is named; the first one is anyway"))
    parser.add_argument("--no-browser", action="store_true", help=_("open no page in a browser"))
    parser.add_argument("--list", action="store_true", help=_("show to which Hubs you are logged in"))
    parser.add_argument("--json", action="store_true", help=_("print what there is as JSON, without the tokens"))


def run(arguments: argparse.Namespace) -> int:
    """Log in; return the exit status of the process."""
    return answered("login", lambda: _list(as_json=arguments.json) if arguments.list else _login(arguments))


def api_url_of(text: str) -> str:
    """Return the address of the API of the Hub that somebody means: its host alone, any of its pages, or the API itself."""
    text = text.strip()
    address = urlsplit(text if "://" in text else f"https://{text}")
    before, found, _rest = f"{address.path.rstrip('/')}/".partition("/hub/")
    return f"{address.scheme}://{address.netloc}{before if found else address.path.rstrip('/')}{API}"


def _login(arguments: argparse.Namespace) -> int:
    known = named(arguments.hub) if arguments.hub in known_hubs() else None
    if not arguments.url and not arguments.hub:
        known = named()
    text = arguments.url or (known.api_url if known is not None else os.environ.get(API_URL, ""))
    if not text:
        raise WrongCall(_("Which Hub? Give its address, such as: resource-form login https://jupyter.example.org"))
    url = api_url_of(text)
    check_address(url)
    name = arguments.hub or _name_of(url)
    if not is_name(name):
        raise WrongCall(_("A Hub's name is of letters, digits, “.”, “_”, “:” and “-”."))
    Hub(url, "").read("GET", "")  # before a token is typed: is it a Hub at all?
    _invite(url, browser=not arguments.no_browser)
    try:
        token = _typed()
    except EOFError:
        raise KeyboardInterrupt from None
    if not is_token(token):
        raise WrongCall(_("That is no token: it must be one word."))
    user = Servers.of(Hub(url, token)).user
    keep(KnownHub(name, url, user, token, default=arguments.default))
    if arguments.json:
        print_json({"hub": name, "url": url, "user": user})
    else:
        sentence = _("You are logged in to {hub} as {user}. The token is kept in {file}.")
        note(sentence.format(hub=name, user=user, file=hubs_file()))
    return READY


def _name_of(url: str) -> str:
    """A Hub's name where none is given: its host, and the folder where several are on one."""
    address = urlsplit(url)
    folder = address.path.removesuffix(API).strip("/").replace("/", "-")
    return f"{address.netloc.rpartition('@')[2]}{'-' if folder else ''}{folder}"


def _invite(url: str, *, browser: bool) -> None:
    page = url.removesuffix("/api") + "/token"
    if urlsplit(url).scheme == "http" and urlsplit(url).hostname not in ("localhost", "127.0.0.1", "::1"):
        note(_("This address is not encrypted: whoever is on the way can read your token."))
    if sys.stdin.isatty():
        note(_("Make a token on this page, and copy it: {page}").format(page=page))
        if browser:
            open_in_browser(page)


def _typed() -> str:
    """The token, from the prompt without showing it; from a pipe where nobody types."""
    if sys.stdin.isatty():
        return getpass.getpass(_("Token (it is not shown): ")).strip()
    return sys.stdin.readline(MAX_TOKEN_LENGTH + 2).strip()


def _list(*, as_json: bool) -> int:
    hubs = known_hubs().values()
    if as_json:
        told = [{"hub": hub.name, "url": hub.api_url, "user": hub.user, "default": hub.default} for hub in hubs]
        print_json(told)
    for hub in () if as_json else hubs:
        mark = "  " + _("(default)") if hub.default else ""
        say(f"{hub.name}  {hub.api_url}  {hub.user}{mark}")
    return READY


def log_out(name: str) -> int:
    """Forget a Hub's token here, and revoke it where the Hub can be reached; return the exit status of the process.

    Raises
    ------
    WrongCall
        There is no such Hub, or its file cannot be written.
    NotPossible
        The user has logged in to no Hub.
    """
    known = named(name)
    if known is None:
        raise NotPossible(_("You are logged in to no Hub."))
    forget(known.name)
    revoked = False
    with contextlib.suppress(HubTrouble):
        revoked = _revoke(Hub(known.api_url, known.token))
    if revoked:
        sentence = _("You are logged out of {hub}, and the token is not valid any more.")
    else:
        sentence = _("You are logged out of {hub}. The token could not be revoked: delete it on the Hub's token page.")
    note(sentence.format(hub=known.name))
    return READY


def _revoke(hub: Hub) -> bool:
    caller = hub.read("GET", "user")
    name, token = caller.get("name"), caller.get("token_id")
    if not name or not token:
        return False
    hub.ask("DELETE", f"users/{quote(str(name), safe='')}/tokens/{quote(str(token), safe='')}")
    return True
