"""What of a request has to be UTF-8, and what may be anything."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine

from spawner.hub.errors import NoSecrets
from spawner.hub.text_only import WholeRequest, has_text_address, has_text_body

BAD = b"\xff\xfe\x80"
URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=b"


def request(uri: str = "/", kind: str = "") -> HTTPServerRequest:
    """A request as tornado has it."""
    headers = HTTPHeaders({"Host": "hub", **({"Content-Type": kind} if kind else {})})
    return HTTPServerRequest(headers=headers, start_line=RequestStartLine("POST", uri, "HTTP/1.1"))


def part(content: bytes, name: bytes = b"memory", more: bytes = b"") -> bytes:
    """A form of one part."""
    return b'--b\r\nContent-Disposition: form-data; name="' + name + b'"' + more + b"\r\n\r\n" + content + b"\r\n--b--\r\n"


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("/hub/spawn?opt-name=%C3%A9&x=%2541", True),
        ("/hub/spawn?opt-name=%FF%FE%80", False),
        ("/hub/user/%ff", False),
        ("/hub/spawn?opt-name=\xff", False),
        ("/hub/spawn?opt-name=\xc3\xa9", True),
        ("/hub/spawn?%80=1", False),
        ("/hub/spawn?a=%", True),
    ],
)
def test_addresses(uri: str, expected: bool) -> None:
    """Path, names and values, written with percent signs or without."""
    assert has_text_address(request(uri)) is expected


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        ("application/json", b'{"a": "\xc3\xa9"}', True),
        ("application/json", b'{"a": "' + BAD + b'"}', False),
        ("", BAD, False),
        ("", b"", True),
        (URLENCODED, b"memory=%C3%A9", True),
        (URLENCODED, b"memory=%FF%FE%80", False),
        (URLENCODED, b"memory=" + BAD, False),
        (MULTIPART, part("é".encode()), True),
        (MULTIPART, part(BAD), False),
        (MULTIPART, part(b"x", name=BAD), False),
        (MULTIPART, part(BAD, more=b'; filename="x"'), True),
        (MULTIPART, b"no form", True),
    ],
)
def test_bodies(kind: str, body: bytes, expected: bool) -> None:
    """A form's values and all of any other body; a file is anything, and what is no form at all is tornado's to say."""
    assert has_text_body(request(kind=kind), body) is expected


@pytest.mark.parametrize("body", [b'{"a": 1}', BAD])
def test_a_whole_request(body: bytes) -> None:
    """It is passed on as it came, in pieces and with who hangs up, or refused and not passed on."""
    given: list[Any] = []

    class Rules:
        """What answers."""

        def headers_received(self, *head: Any) -> None:
            given.append(head)

        def data_received(self, chunk: bytes) -> None:
            given.append(chunk)

        def finish(self) -> None:
            given.append("finish")

        def on_connection_close(self) -> None:
            given.append("close")

    asked = request(kind="application/json")
    whole = WholeRequest(asked, lambda _request: Rules(), lambda: given.append("refused"))
    line, headers = RequestStartLine("POST", "/", "HTTP/1.1"), HTTPHeaders()
    whole.headers_received(line, headers)
    whole.data_received(body[:2])
    whole.data_received(body[2:])
    assert given == []
    whole.finish()
    whole.on_connection_close()
    assert given == (["refused"] if body == BAD else [(line, headers), body[:2], body[2:], "finish", "close"])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("403 POST /hub/spawn?_xsrf=canary&a=1 (127.0.0.1)", "403 POST /hub/spawn?_xsrf=[secret]&a=1 (127.0.0.1)"),
        ("HTTPServerRequest(uri='/hub/x?a=1&token=canary')", "HTTPServerRequest(uri='/hub/x?a=1&token=[secret]')"),
        ("302 POST /hub/spawn?_xsrf=[secret] -> /", "302 POST /hub/spawn?_xsrf=[secret] -> /"),
        ("nothing to hide: 100%", "nothing to hide: 100%"),
    ],
)
def test_no_secret_in_a_line(line: str, expected: str) -> None:
    """Tokens in addresses are left out, in JupyterHub's lines and in tornado's."""
    record = logging.LogRecord("tornado.general", logging.ERROR, "x.py", 1, "%s", (line,), None)
    assert NoSecrets().filter(record)
    assert record.getMessage() == expected
