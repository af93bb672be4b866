"""Bytes that are no UTF-8, wherever a request can have them: a sentence and 400, no error of the Hub's, and nothing secret in its log."""

from __future__ import annotations

import http.client
import re
from urllib.parse import urlsplit

import pytest

from tests.support.site_under_test import Site, Visitor

BAD = b"\xff\xfe\x80"
PART = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n--b--\r\n'
MULTIPART = "multipart/form-data; boundary=b"
URLENCODED = "application/x-www-form-urlencoded"
WORDS = "The request is not in UTF-8"


def ask(visitor: Visitor, method: str, path: bytes, body: bytes = b"", kind: str = "", port: int = 0, **headers: bytes) -> tuple[int, str]:
    """A request with these very bytes, and what the Hub answers."""
    parts = urlsplit(visitor.hub.url)
    connection = http.client.HTTPConnection(str(parts.hostname), port or parts.port, timeout=30)
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in visitor.session.cookies)
    token = visitor.session.cookies.get("_xsrf", path="/hub/") or ""
    try:
        connection.putrequest(method, path.decode("latin-1") + ("&" if b"?" in path else "?") + f"_xsrf={token}", skip_accept_encoding=True)
        connection.putheader("Cookie", cookies.encode() + headers.pop("cookie", b""))
        connection.putheader("Accept", "text/html")
        for name, value in headers.items():
            connection.putheader(name, value)
        if kind:
            connection.putheader("Content-Type", kind)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("method", "path", "body", "kind"),
    [
        ("POST", b"/hub/spawn", b"memory=%FF%FE%80", URLENCODED),
        ("POST", b"/hub/spawn", PART % (b"memory", BAD), MULTIPART),
        ("POST", b"/hub/spawn", PART % (BAD, b"4"), MULTIPART),
        ("POST", b"/hub/resource-form/stop?server=", b"job=%FF", URLENCODED),
        ("POST", b"/hub/login", b"username=%FF&password=x", URLENCODED),
        ("POST", b"/hub/api/resource-form/check", b'{"memory": "' + BAD + b'"}', "application/json"),
        ("PATCH", b"/hub/api/users/demo-ada", BAD, "application/json"),
        ("GET", b"/hub/spawn?opt-memory=%FF%FE%80", b"", ""),
        ("GET", b"/hub/spawn?memory=%FF", b"", ""),
        ("GET", b"/hub/resource-form/new?name=%FF", b"", ""),
    ],
)
def test_bytes_that_are_no_text(running_site: Site, method: str, path: bytes, body: bytes, kind: str) -> None:
    """In a form of either kind, in JSON, in a query and a path."""
    status, text = ask(running_site.visitor(), method, path, body, kind)
    assert status == 400
    assert WORDS in text


def test_a_path_that_is_no_text(running_site: Site) -> None:
    """At the Hub itself: JupyterHub's proxy answers one by itself, with 500."""
    found = re.search(r'hub_bind_url = "http://127.0.0.1:(\d+)"', running_site.hub.config_file.read_text())
    assert found is not None
    status, text = ask(running_site.visitor(), "GET", b"/hub/user/%FF/", port=int(found[1]))
    assert status == 400
    assert WORDS in text


def test_headers_and_cookies(running_site: Site) -> None:
    """There they mean nothing, and the page comes."""
    visitor = running_site.visitor()
    assert ask(visitor, "GET", b"/hub/home?", cookie=b"; odd=" + BAD)[0] == 200
    assert ask(visitor, "GET", b"/hub/home?", **{"User-Agent": BAD, "Accept-Language": BAD})[0] in (200, 302)


def test_nothing_secret_in_the_log(running_site: Site) -> None:
    """Neither of these requests nor of one that JupyterHub refuses."""
    visitor = running_site.visitor()
    ask(visitor, "POST", b"/hub/spawn", b"memory=%FF", URLENCODED)
    ask(visitor, "POST", b"/hub/spawn/nobody/at-all", b"", URLENCODED)
    log = running_site.hub.log()
    token = visitor.session.cookies.get("_xsrf", path="/hub/")
    assert token
    assert token not in log
    assert "UnicodeDecodeError" not in log
