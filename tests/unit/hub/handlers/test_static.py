"""Our stylesheets and scripts: where the pages say, and how long a browser keeps them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from bs4 import BeautifulSoup
from tornado import web
from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from spawner._data import folder
from spawner.hub.routes import PAGES
from spawner.hub.static import STATIC, modules_of, script, static_version

Get = Callable[[str], Awaitable[HTTPResponse]]
NAMED = re.compile(r'\{\{ (?:resource_form\.)?(stylesheet|script)\((?:hub_url|base_url), "([\w./]+)"\) \}\}')


@pytest_asyncio.fixture
async def get() -> AsyncIterator[Get]:
    """What asks for a path below the address of our static files."""
    route = next(route for route in PAGES if "static" in route[0])
    server = HTTPServer(web.Application([(rf"/hub{route[0]}", *route[1:])]))
    listening, port = bind_unused_port()
    server.add_sockets([listening])

    def ask(path: str) -> Awaitable[HTTPResponse]:
        return AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}/hub/resource-form/static/{path}", raise_error=False)

    yield ask
    server.stop()
    await server.close_all_connections()


@pytest.mark.parametrize("template", [pytest.param(path, id=path.name) for path in sorted(folder("templates").rglob("*.html"))])
def test_files_of_pages(template: Path) -> None:
    """Each stylesheet and script that a page names is there, and no page has an address of its own making for one."""
    text = template.read_text()
    assert "resource-form/static" not in text
    for _kind, name in NAMED.findall(text):
        assert (STATIC / name).is_file(), name


def test_scripts_of_pages() -> None:
    """Every script is one of a page's or imported by one, from below the same version, so that an upgrade changes the address of all."""
    templates = [path.read_text() for path in folder("templates").rglob("*.html")]
    pages = {name for text in templates for kind, name in NAMED.findall(text) if kind == "script"}
    assert pages
    assert {module for name in pages for module in modules_of(name)} == {str(path.relative_to(STATIC)) for path in STATIC.rglob("*.js")}


def test_a_page_fetches_its_modules_at_once() -> None:
    """A page names what its script imports, so that a browser need not find it out file by file; all have the version."""
    page = BeautifulSoup(script("/hub/", "form/main.js"), "html.parser")
    top = f"/hub/resource-form/static/{static_version()}/"
    ahead = [element["href"] for element in page.select("link[rel=modulepreload]")]
    assert {top + name for name in ("form/check.js", "form/amounts.js", "common/api.js")} <= set(ahead)
    assert [element["src"] for element in page.select("script[type=module]")] == [top + "form/main.js"]
    assert len(ahead) == len(set(ahead)) == len(modules_of("form/main.js")) - 1


async def test_a_browser_keeps_the_version_in_use(get: Get) -> None:
    """Under the version in use a file is kept for good; it is a script to the browser, which would not run it as anything else."""
    answer = await get(f"{static_version()}/form/main.js")
    assert answer.code == 200
    assert answer.body == (STATIC / "form" / "main.js").read_bytes()
    assert re.fullmatch(r"max-age=[0-9]{8,}", answer.headers["Cache-Control"])
    assert answer.headers["Content-Type"].partition(";")[0] in ("text/javascript", "application/javascript")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("version", ["0123456789ab/", ""], ids=["another", "none"])
async def test_a_browser_asks_again_for_another_version(get: Get, version: str) -> None:
    """A page of before an upgrade still gets its files, and does not keep what may be another one's."""
    answer = await get(f"{version}form/main.js")
    assert answer.code == 200
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["ETag"]


@pytest.mark.parametrize(
    "path", ["0123456789ab/../../launcher.py", "0123456789ab/..%2f..%2flauncher.py", "../launcher.py", "0123456789ab/form", ""]
)
async def test_nothing_else_is_served(get: Get, path: str) -> None:
    """With a version or without, the address leads to our files and to nothing beside them."""
    answer = await get(path)
    assert answer.code in (403, 404)
    assert b"def main" not in answer.body


def test_the_version_changes_with_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Another content, another name, one more file: each is another version."""
    monkeypatch.setattr("spawner.hub.static.STATIC", tmp_path)
    found = []
    for name, text in (("a.js", "1"), ("a.js", "2"), ("b/a.js", "2")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
        found.append(static_version.__wrapped__())
    (tmp_path / "a.js").rename(tmp_path / "c.js")
    found.append(static_version.__wrapped__())
    assert len(set(found)) == 4
