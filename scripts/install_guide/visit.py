"""Somebody with a browser: logs in, starts a session, opens it, and stops it. Standard library only."""

from __future__ import annotations

import http.client
import json
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any


class VisitError(Exception):
    """Something on the way did not come."""


class Visitor:
    """A user with cookies, who comes by the proxy in front with the certificate that the guide has made."""

    def __init__(self, host: str, certificate: Path) -> None:
        self.url = f"https://{host}/"
        context = ssl.create_default_context(cafile=str(certificate))
        self.cookies = CookieJar()
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=context),
            urllib.request.HTTPCookieProcessor(self.cookies),
        )

    def ask(self, path: str, data: bytes | None = None, method: str | None = None, **headers: str) -> tuple[int, str, str]:
        """One request, redirects followed: the status, the address that answered, the text."""
        request = urllib.request.Request(urllib.parse.urljoin(self.url, path), data, headers, method=method)
        try:
            with self._opener.open(request, timeout=60) as answer:
                return answer.status, answer.url, answer.read().decode(errors="replace")
        except urllib.error.HTTPError as error:
            return error.code, error.url or "", error.read().decode(errors="replace")

    def xsrf(self, path: str = "/hub/") -> str:
        """The token against forged requests that belongs to the cookies."""
        return next((cookie.value or "" for cookie in self.cookies if cookie.name == "_xsrf" and cookie.path == path), "")

    def log_in(self, name: str, password: str) -> None:
        """Log in by the form, once the Hub has it."""
        self.cookies.clear()
        wait_for(lambda: self.ask("hub/login")[0] == 200, "the page of the log-in", 60)
        fields = {"username": name, "password": password, "_xsrf": self.xsrf()}
        status, url, text = self.ask("hub/login?next=%2Fhub%2Fhome", urllib.parse.urlencode(fields).encode())
        if status != 200 or not url.endswith("/hub/home"):
            raise VisitError(f"The log-in led to {url} with status {status}: {text[-500:]}")

    def api(self, method: str, path: str, body: object = None) -> Any:
        """Call the Hub's API as a page of its own does."""
        headers = {"X-XSRFToken": self.xsrf(), "Referer": f"{self.url}hub/home", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        status, _url, text = self.ask(f"hub/api/{path}", data, method, **headers)
        if status >= 400:
            raise VisitError(f"{method} {path}: {status} {text}")
        return json.loads(text) if text else None


def wait_for(condition: Callable[[], Any], what: str, seconds: float) -> Any:
    """The first answer that is true; what cannot be reached yet is waited for."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            answer: Any = condition()
        except (OSError, http.client.HTTPException) as error:
            answer, trouble = None, str(error)
        else:
            trouble = str(answer)
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise VisitError(f"Waited {seconds:.0f} s for {what}: {trouble}")
        time.sleep(0.2)


def start_session(visitor: Visitor, user: str) -> str:
    """Start a session of one core, and return its address once JupyterLab answers there with status 200."""
    visitor.api("POST", f"users/{user}/server", {"cores": "1", "memory": "1G", "walltime": "30m"})

    def ready() -> dict[str, Any] | None:
        server = (visitor.api("GET", f"users/{user}").get("servers") or {}).get("")
        if server is None:
            raise VisitError("The session has ended while it started.")
        return server if server["ready"] else None

    wait_for(ready, "the session", 180)
    status, url, text = visitor.ask(f"user/{user}/lab")
    if (status, url) != (200, f"{visitor.url}user/{user}/lab") or "jupyter-config-data" not in text:
        raise VisitError(f"JupyterLab answered {status} at {url}: {text[:500]}")
    return url


def check_open(visitor: Visitor, user: str) -> None:
    """See that the session itself answers; the Hub has no part in it."""
    status, _url, text = visitor.ask(f"user/{user}/api/status")
    if status != 200 or "last_activity" not in text:
        raise VisitError(f"Without the Hub the session answers {status}: {text[:500]}")


def stop_session(visitor: Visitor, user: str) -> None:
    """Stop it, and return once it is gone."""
    visitor.api("DELETE", f"users/{user}/server")
    wait_for(lambda: "" not in (visitor.api("GET", f"users/{user}").get("servers") or {}), "the end of the session", 60)
