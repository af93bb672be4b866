"""Requests whose text is no UTF-8: JupyterHub's handlers fail at them, with a traceback; so they are refused in front of them."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_to_bytes

from tornado import httputil

from ..i18n import N_
from .start_line import FindsAnswer

NO_TEXT = N_("The request is not in UTF-8 and cannot be read. Load the page again and send it anew.")

FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


def is_text(content: bytes) -> bool:
    """Tell whether bytes are UTF-8."""
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def has_text_address(request: httputil.HTTPServerRequest) -> bool:
    """Tell whether path and query of a request are UTF-8 behind their percent signs."""
    # tornado reads the line as Latin-1.
    return is_text(unquote_to_bytes((request.uri or "").encode("latin-1", "replace")))


def has_text_body(request: httputil.HTTPServerRequest, body: bytes) -> bool:
    """Tell whether the body of a request is UTF-8: the values of a form, all of any other one. Files may be anything."""
    kind = request.headers.get("Content-Type", "")
    if not kind.startswith(FORMS):
        return is_text(body)
    arguments: dict[str, list[bytes]] = {}
    try:
        httputil.parse_body_arguments(kind, body, arguments, {})
    except UnicodeDecodeError:
        return False
    except httputil.HTTPInputError as error:
        return not isinstance(error.__cause__, UnicodeDecodeError)  # else tornado says what is wrong with it
    return all(is_text(value) for values in arguments.values() for value in values)


class WholeRequest(httputil.HTTPMessageDelegate):
    """A request with a body, which is looked at once it has come as a whole; then the Hub's own rules answer it.

    Parameters
    ----------
    find
        Finds what answers it.
    refuse
        Answers it, if its body is no text.
    """

    def __init__(self, request: httputil.HTTPServerRequest, find: FindsAnswer, refuse: Any) -> None:
        self._request = request
        self._find = find
        self._refuse = refuse
        self._head: Any = None
        self._body: list[bytes] = []
        self._found: Any = None

    def headers_received(self, start_line: httputil.RequestStartLine | httputil.ResponseStartLine, headers: httputil.HTTPHeaders) -> None:
        """Keep the headers."""
        self._head = start_line, headers

    def data_received(self, chunk: bytes) -> None:
        """Keep a piece of the body, which is no larger than the bound."""
        self._body.append(chunk)

    def finish(self) -> None:
        """Pass the request on, or refuse it."""
        if not has_text_body(self._request, b"".join(self._body)):
            self._refuse()
            return
        found = self._found = self._find(self._request)
        found.headers_received(*self._head)
        for chunk in self._body:
            found.data_received(chunk)
        self._body.clear()
        found.finish()

    def on_connection_close(self) -> None:
        """Tell whoever answers that nobody waits any more."""
        if self._found is not None:
            self._found.on_connection_close()
