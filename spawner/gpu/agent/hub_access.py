"""What the address and the token of a Hub's API look like, and what its answers say: for all that asks it. Standard library only."""

from __future__ import annotations

import json
import re
from urllib.parse import SplitResult, urlsplit

MAX_TOKEN_LENGTH = 4096

_PLAIN = re.compile(r"[\x21-\x7e]*")
_TOKEN = re.compile(rf"[\x21-\x7e]{{1,{MAX_TOKEN_LENGTH}}}")


class WrongAddress(Exception):
    """The address is none of a Hub's API; the message is a sentence, and holds nothing of it."""


def split_address(api_url: str) -> SplitResult:
    """Return the parts of the address of a Hub's API: of http or https, with a host, and a port that is a number if it names one.

    Raises
    ------
    WrongAddress
        It is no such address.
    """
    try:
        address = urlsplit(api_url)
        _port = address.port
    except ValueError:
        raise WrongAddress("The address of the Hub's API is no URL.") from None
    if not _PLAIN.fullmatch(api_url):
        raise WrongAddress("The address of the Hub's API must be of plain letters, without spaces.")
    if address.scheme not in ("http", "https") or not address.hostname:
        raise WrongAddress("The address of the Hub's API must begin with https:// or http:// and name a host.")
    return address


def is_token(text: str) -> bool:
    """Tell whether the text can be a token: one word of at most :data:`MAX_TOKEN_LENGTH` characters that a header can carry."""
    return bool(_TOKEN.fullmatch(text))


def message_in(body: bytes) -> object:
    """Return the message of JupyterHub's answer, which is JSON; None of any other, such as a page that somebody in between has sent."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found.get("message") if isinstance(found, dict) else None
