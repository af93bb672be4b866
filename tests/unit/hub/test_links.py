"""Which links start a session: none that another user could have put on a page."""

from __future__ import annotations

import pytest

from spawner.hub.links import may_start

HUB = "https://jupyter.example.org"


def followed(site: str, referer: str = "", mode: str = "navigate", destination: str = "document", user: str = "?1") -> dict[str, str]:
    """The headers of a link that a person has pressed."""
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": destination, "Sec-Fetch-User": user}
    return {**headers, "Referer": referer} if referer else headers


@pytest.mark.parametrize("public_host", ["", HUB])
def test_a_portal_of_the_same_site(public_host: str) -> None:
    """That is what the setting is for."""
    assert may_start(followed("same-site", "https://portal.example.org/"), public_host)
    assert may_start(followed("same-site", "https://example.org/"), public_host)


def test_a_page_of_the_same_host() -> None:
    """It may be the Hub's, or anybody's session's: the address does not tell, for a page can change it to any of its host."""
    for page in ("/user/mallory/files/x.html", "/hub/home", ""):
        assert not may_start(followed("same-origin", f"{HUB}{page}"), "")
        assert may_start(followed("same-origin", f"{HUB}{page}"), HUB)


@pytest.mark.parametrize("referer", ["https://mallory.jupyter.example.org/", "https://x.y.jupyter.example.org/a", ""])
def test_a_page_of_a_session_on_a_host_of_its_own(referer: str) -> None:
    """With hosts for sessions; or a page that does not let the browser say where it is."""
    assert not may_start(followed("same-site", referer), HUB)


@pytest.mark.parametrize("site", ["cross-site", "none", "", "Same-Site", "same-site, cross-site"])
def test_pages_elsewhere(site: str) -> None:
    assert not may_start(followed(site, "https://portal.example.org/"), HUB)


@pytest.mark.parametrize(
    ("mode", "destination", "user"), [("no-cors", "image", ""), ("navigate", "iframe", "?1"), ("navigate", "document", "")]
)
def test_only_what_a_person_pressed(mode: str, destination: str, user: str) -> None:
    assert not may_start(followed("same-site", "https://portal.example.org/", mode, destination, user), HUB)
