"""Which Hub a command asks, and with which token: by options, the environment, the Hubs logged in to, or the session it runs in.

Standard library only.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from ..gpu.agent.hub_access import MAX_TOKEN_LENGTH, WrongAddress, is_token, split_address
from ..i18n import _
from .hub_client import Hub, WrongCall, plain
from .hubs import KnownHub, known_hubs, named

HUB, API_URL, TOKEN_FILE = "RESOURCE_FORM_HUB", "RESOURCE_FORM_HUB_API_URL", "RESOURCE_FORM_TOKEN_FILE"


def add_hub_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which Hub is asked, and as whom."""
    group = parser.add_argument_group(_("which Hub is asked"))
    group.add_argument(
        "--hub",
        metavar="NAME",
        help=_("a Hub that you have logged in to, by its name (else {variable}, else the default one)").format(variable=HUB),
    )
    group.add_argument(
        "--hub-api-url",
        metavar="URL",
        help=_(
            "any Hub's REST API, such as https://jupyter.example.org/hub/api (else {variable}; inside a session without a log-in, its own)"
        ).format(variable=API_URL),
    )
    group.add_argument(
        "--token-file",
        metavar="FILE",
        help=_("a file with a token of yours in it (else {variable}, else that of the log-in)").format(variable=TOKEN_FILE),
    )


def api_url_given(arguments: argparse.Namespace) -> str:
    """Return the address of a Hub's API that an option or the environment names; empty where they name none, or a Hub by its name."""
    if arguments.hub_api_url:
        return str(arguments.hub_api_url).rstrip("/")
    return "" if arguments.hub else os.environ.get(API_URL, "").rstrip("/")


def hub_of(arguments: argparse.Namespace) -> Hub:
    """Return the Hub that the options, the environment, or the user's log-in name.

    Raises
    ------
    WrongCall
        They name none, or no token.
    """
    if arguments.hub and arguments.hub_api_url:
        raise WrongCall(_("--hub and --hub-api-url name a Hub each: give one of them."))
    url = api_url_given(arguments)
    known: KnownHub | None
    if url:
        known = next((hub for hub in known_hubs().values() if hub.api_url == url), None)
    else:
        known = named(arguments.hub or os.environ.get(HUB, ""))
    own = os.environ.get("JUPYTERHUB_API_URL", "").rstrip("/")
    url = url or (known.api_url if known is not None else own)
    if not url:
        raise WrongCall(_("Which Hub? Log in to one first: resource-form login https://jupyter.example.org"))
    check_address(url)
    file = arguments.token_file or os.environ.get(TOKEN_FILE, "")
    return Hub(url, _token(file, known), inside=url == own)


def check_address(url: str) -> None:
    """Refuse an address that is none of a Hub's API.

    Raises
    ------
    WrongCall
        It is not one of http or https.
    """
    try:
        fits = split_address(url).port != 0
    except WrongAddress:
        fits = False
    if not fits:
        raise WrongCall(_("The address of a Hub's API begins with http:// or https://, and ends in /hub/api."))


def _token(file: str, known: KnownHub | None) -> str:
    if file:
        try:
            with Path(file).open("rb") as opened:
                token = opened.read(MAX_TOKEN_LENGTH + 2).decode("ascii", errors="replace").strip()
        except OSError as error:
            raise WrongCall(_("The token cannot be read from {file}: {why}.").format(file=plain(file), why=error.strerror)) from None
    else:
        token = known.token if known is not None else os.environ.get("JUPYTERHUB_API_TOKEN", "").strip()
    if not token:
        raise WrongCall(_("No token: log in with resource-form login, or give --token-file."))
    if not is_token(token):
        raise WrongCall(_("What was given as the token is none: it must be one word."))
    return token
