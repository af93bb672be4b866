"""Questions to the Hub's REST API, for commands that run on any machine. Standard library only.

The token travels in a header, to the address that was named and to no other: a redirect is not followed, and no proxy of the environment
is asked. Inside a session everything needed is in the environment already.
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..gpu.agent.hub_access import message_in
from ..i18n import _, in_use

TIMEOUT_SECONDS = 30.0
LARGEST_ANSWER = 1 << 27
"""Bytes; that about 10,000 nodes of 8 GPUs takes a fifth of it."""

LONGEST_LINE = 1 << 20
"""Bytes of one line of a stream."""

LONGEST_WORDS = 300
"""So much of what a server says of an error is shown."""

UNKNOWN_TOKEN = (403, "Missing or invalid credentials")
"""JupyterHub answers so to a token that it does not know, or not any more."""

NOBODY = "Log in, or send a"
"""So our own addresses begin; it is not translated (``spawner.hub.logged_in``)."""


class WrongCall(Exception):
    """A call of the command that cannot work; the message says how it can."""


class HubTrouble(Exception):
    """No answer of the Hub that can be used; the message is for the user. ``may_pass``: to ask again later may help.

    ``status`` is that of HTTP, 0 where there was no answer at all; ``said`` what the Hub itself says of it.
    """

    def __init__(self, sentence: str, *, may_pass: bool = False, status: int = 0, said: str = "") -> None:
        super().__init__(sentence)
        self.may_pass = may_pass
        self.status = status
        self.said = said


@dataclass(frozen=True, slots=True)
class Hub:
    """The Hub that is asked, and the token for it. ``inside``: as a session does, with its certificates under internal_ssl.

    ``timeout`` is how many seconds an answer may take.
    """

    api_url: str
    token: str
    inside: bool = False
    timeout: float = TIMEOUT_SECONDS

    def __repr__(self) -> str:
        return f"Hub({self.api_url!r})"

    def get(self, path: str) -> str:
        """Return the JSON that the Hub answers.

        Raises
        ------
        HubTrouble
            There is none.
        """
        return self.ask("GET", path)

    def ask(self, method: str, path: str, body: object = None) -> str:
        """Return what the Hub answers to a request, with a body where there is one: bytes as they are, for YAML, anything else as JSON.

        Raises
        ------
        HubTrouble
            There is no answer, or it is a refusal.
        """
        with self._answer(method, path, body) as answer:
            try:
                found = answer.read(LARGEST_ANSWER + 1)
            except (OSError, http.client.HTTPException) as error:
                raise self._unreachable(error) from None
        if len(found) > LARGEST_ANSWER:
            raise HubTrouble(_("The Hub's answer is too large."))
        return str(found.decode(errors="replace"))

    def read(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Return the object that the Hub answers.

        Raises
        ------
        HubTrouble
            There is no answer, a refusal, or something else.
        """
        try:
            found = json.loads(self.ask(method, path, body))
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise HubTrouble(_("What answers there is no Hub with this service."))
        return found

    def lines(self, path: str) -> Iterator[str]:
        """Give the lines of a stream of events as they come; an empty one at least every few seconds.

        Raises
        ------
        HubTrouble
            There is no stream, or it broke off.
        """
        with self._answer("GET", path) as answer:
            try:
                while line := answer.readline(LONGEST_LINE):
                    yield str(line.decode(errors="replace").rstrip("\r\n"))
            except (OSError, http.client.HTTPException) as error:
                raise self._unreachable(error) from None

    def _answer(self, method: str, path: str, body: object = None) -> Any:
        headers = {"Accept": "application/json", "Accept-Language": in_use()}
        if self.token:
            headers["Authorization"] = f"token {self.token}"
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            headers["Content-Type"] = "application/yaml" if isinstance(body, bytes) else "application/json"
        request = urllib.request.Request(  # noqa: S310 - http and https only, see hub_of
            f"{self.api_url}/{path}", data=data, method=method, headers=headers
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect, *self._secured())
        try:
            return opener.open(request, timeout=self.timeout)
        except urllib.error.HTTPError as error:
            with error:
                raise _refusal(error.code, _message(error), self.api_url) from None
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from None

    def _unreachable(self, error: Exception) -> HubTrouble:
        reason = getattr(error, "reason", None) or error
        words = plain(str(reason) or type(reason).__name__)[:LONGEST_WORDS]
        return HubTrouble(_("The Hub at {url} cannot be reached: {why}").format(url=plain(self.api_url), why=words), may_pass=True)

    def _secured(self) -> list[urllib.request.BaseHandler]:
        if not (self.inside and os.environ.get("JUPYTERHUB_SSL_KEYFILE")):
            return []
        context = ssl.create_default_context(cafile=os.environ.get("JUPYTERHUB_SSL_CLIENT_CA"))
        context.load_cert_chain(os.environ.get("JUPYTERHUB_SSL_CERTFILE", ""), os.environ["JUPYTERHUB_SSL_KEYFILE"])
        return [urllib.request.HTTPSHandler(context=context)]


def entries_in(answer: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the entries of a list in the Hub's answer.

    Raises
    ------
    HubTrouble
        There is no such list: what answers is something else.
    """
    found = answer.get(name)
    if not isinstance(found, list):
        raise HubTrouble(_("What answers there is no Hub with this service."))
    return [entry for entry in found if isinstance(entry, dict)]


def plain(text: str) -> str:
    """Return the text on one line, without anything that a terminal takes as an order (control and formatting characters)."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else " " if letter.isspace() else "?" for letter in text)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _message(error: urllib.error.HTTPError) -> str:
    """What the Hub says of the error, for people."""
    try:
        message = message_in(error.read(1 << 16))
    except (OSError, http.client.HTTPException):
        return ""
    return plain(message).strip()[:LONGEST_WORDS] if isinstance(message, str) else ""


def unknown_token() -> HubTrouble:
    """Return what is to be raised for a token that the Hub does not know."""
    sentence = _("The Hub does not know this token: it has expired, or was revoked. Log in again: resource-form login.")
    return HubTrouble(sentence, status=UNKNOWN_TOKEN[0], said=sentence)


def _refusal(status: int, message: str, url: str) -> HubTrouble:
    may_pass, words = False, message
    if status == UNKNOWN_TOKEN[0] and (UNKNOWN_TOKEN[1] in message or message.startswith(NOBODY)):
        return unknown_token()
    if status in (401, 403):
        sentence = _("The Hub does not let this token do that (HTTP {status}).")
    elif status == 404 or 300 <= status < 400:
        sentence, message = _("There is no such service at {url} (HTTP {status}). The address of a Hub's API ends in /hub/api."), ""
    elif status < 500 and status != 429:
        sentence = _("The Hub refuses to answer (HTTP {status}).")
    else:
        sentence, may_pass = _("The Hub cannot answer at the moment (HTTP {status})."), True
    said = " " + _("It says: {words}").format(words=message) if message else ""
    sentence = sentence.format(status=status, url=plain(url)) + said
    return HubTrouble(sentence, may_pass=may_pass, status=status, said=words)
