"""An answer without a handler: for what is refused before JupyterHub looks at a request, and costs a tenth of what a handler costs."""

from __future__ import annotations

import json
from http.client import responses
from typing import Any

from tornado import httputil


def json_body(status: int, message: str) -> bytes:
    """Return what JupyterHub's own API answers in place of what it was asked for."""
    return json.dumps({"status": status, "message": message}).encode()


def answer(
    connection: Any, status: int, headers: httputil.HTTPHeaders, body: bytes = b"", *, keep: bool = False, head: bool = False
) -> None:
    """Write the whole answer to a request.

    Parameters
    ----------
    keep
        The connection stays for the next request; else it is closed once all is written, whether or not the request is read to its end.
    head
        The request was a HEAD: the headers are as for ``body``, which is not sent.
    """
    headers["Content-Length"] = str(len(body))
    if not keep:
        headers["Connection"] = "close"
    start_line = httputil.ResponseStartLine("HTTP/1.1", status, responses[status])
    written = connection.write_headers(start_line, headers, b"" if head else body)
    connection.finish()
    if not keep:
        written.add_done_callback(lambda _written: connection.close())
