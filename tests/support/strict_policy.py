"""A content security policy without inline scripts, laid over the Hub's pages in a browser."""

from __future__ import annotations

import base64
import hashlib

from bs4 import BeautifulSoup, Tag
from playwright.sync_api import Page, Route


def hashes_of(scripts: list[str]) -> str:
    """Inline scripts as sources of a content security policy."""
    return " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in scripts)


def is_ours(element: Tag) -> bool:
    """Whether it stands in the form or in what goes with it."""
    return any(isinstance(parent, Tag) and parent.get("id") in ("spawn_form", "resource-form") for parent in element.parents)


def under_a_strict_policy(page: Page) -> list[str]:
    """Every page is served with script-src 'self', JupyterHub's own inline scripts by their hash; what is violated, as it happens."""
    violations: list[str] = []

    def serve(route: Route) -> None:
        answer = route.fetch()
        headers = {name: value for name, value in answer.headers.items() if name != "content-security-policy"}
        if answer.headers.get("content-type", "").startswith("text/html"):
            soup = BeautifulSoup(answer.text(), "html.parser")
            inline = [element for element in soup.select("script:not([src])") if not is_ours(element)]
            headers["content-security-policy"] = (
                f"default-src 'self'; script-src 'self' {hashes_of([element.decode_contents() for element in inline])}; "
                "style-src 'self'; img-src 'self' data:"
            )
        route.fulfill(response=answer, headers=headers)

    page.route("**/hub/**", serve)
    page.on("console", lambda message: violations.append(message.text) if "Content Security Policy" in message.text else None)
    return violations
