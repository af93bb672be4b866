"""Our stylesheets and scripts: where the pages say, and how long a browser keeps them."""

from __future__ import annotations

import gzip
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import pytest_asyncio
from bs4 import BeautifulSoup
from jupyterhub.handlers.static import CacheControlStaticFilesHandler
from tornado import web
from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from spawner._data import folder
from spawner.hub.compact import compact_script, compact_style, takes_gzip
from spawner.hub.handlers.static import HubStaticHandler, compress_hubs_files
from spawner.hub.routes import PAGES
from spawner.hub.static import STATIC, modules_of, script, static_version

Get = Callable[..., Awaitable[HTTPResponse]]
NAMED = re.compile(r'\{\{ (?:resource_form\.)?(stylesheet|script)\((?:hub_url|base_url), "([\w./]+)"\) \}\}')


def fetch(top: str, path: str, **headers: str) -> Awaitable[HTTPResponse]:
    """Ask as a browser that unpacks nothing by itself."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return AsyncHTTPClient().fetch(top + path, headers=named, raise_error=False, decompress_response=False)


@pytest_asyncio.fixture
async def get() -> AsyncIterator[Get]:
    """What asks for a path below the address of our static files."""
    route = next(route for route in PAGES if "static" in route[0])
    server = HTTPServer(web.Application([(rf"/hub{route[0]}", *route[1:])]))
    listening, port = bind_unused_port()
    server.add_sockets([listening])

    yield partial(fetch, f"http://127.0.0.1:{port}/hub/resource-form/static/")
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
    assert answer.body == compact_script((STATIC / "form" / "main.js").read_text()).encode()
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


async def test_what_a_browser_takes(get: Get) -> None:
    """Whoever takes gzip gets that, with a tag of its own, and is told nothing again that it has; a proxy keeps both apart."""
    path = f"{static_version()}/sessions.css"
    plain = await get(path)
    packed = await get(path, Accept_Encoding="br, gzip;q=0.8")
    assert (plain.headers.get("Content-Encoding"), packed.headers["Content-Encoding"]) == (None, "gzip")
    assert gzip.decompress(packed.body) == plain.body == compact_style((STATIC / "sessions.css").read_text()).encode()
    assert len(packed.body) < len(plain.body) / 2
    assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"
    assert plain.headers["ETag"] != packed.headers["ETag"]
    again = await get(path, Accept_Encoding="gzip", If_None_Match=packed.headers["ETag"])
    assert (again.code, again.body) == (304, b"")
    assert again.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    ("accepted", "takes"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("deflate, gzip;q=1.0", True),
        ("gzip;q=0", False),
        ("gzip; q=0.0", False),
        ("br", False),
        ("", False),
    ],
)
def test_who_takes_gzip(accepted: str, takes: bool) -> None:
    """What a browser says it takes, and what it says it does not."""
    assert takes_gzip(accepted) is takes


@pytest_asyncio.fixture
async def hubs(tmp_path: Path) -> AsyncIterator[Get]:
    """What asks for a static file of a Hub's that has three, and was prepared as at its start."""
    (tmp_path / "page.css").write_text("p { color: red }\n" * 1000)
    (tmp_path / "own.js").write_text("// JupyterHub's own words stay.\n" * 1000)
    (tmp_path / "font.woff2").write_bytes(b"x" * 1000)
    application = web.Application(
        static_path=str(tmp_path), static_url_prefix="/hub/static/", static_handler_class=CacheControlStaticFilesHandler
    )
    compress_hubs_files(SimpleNamespace(tornado_application=application))  # type: ignore[arg-type]
    server = HTTPServer(application)
    listening, port = bind_unused_port()
    server.add_sockets([listening])
    yield partial(fetch, f"http://127.0.0.1:{port}/hub/static/")
    server.stop()
    await server.close_all_connections()


async def test_jupyterhubs_own_files(hubs: Get, tmp_path: Path) -> None:
    """The large ones are compressed as they are, fonts are not; each other answer is JupyterHub's."""
    for name in ("page.css", "own.js"):
        packed = await hubs(f"{name}?v=1", Accept_Encoding="gzip")
        assert packed.headers["Content-Encoding"] == "gzip"
        assert packed.headers["Vary"] == "Accept-Encoding"
        assert int(packed.headers["Content-Length"]) == len(packed.body) < 1000
        assert gzip.decompress(packed.body) == (tmp_path / name).read_bytes()
        assert "no-cache" not in packed.headers["Cache-Control"]
        plain = await hubs(name)
        assert (plain.body, plain.headers["Vary"]) == ((tmp_path / name).read_bytes(), "Accept-Encoding")
        assert plain.headers["Cache-Control"] == "no-cache"
        again = await hubs(name, Accept_Encoding="gzip", If_Modified_Since=packed.headers["Last-Modified"])
        assert (again.code, again.body, again.headers.get("Content-Encoding")) == (304, b"", None)
    font = await hubs("font.woff2", Accept_Encoding="gzip")
    assert (font.body, font.headers.get("Content-Encoding"), font.headers.get("Vary")) == (b"x" * 1000, None, None)


async def test_a_part_and_a_new_version_of_a_file_of_jupyterhubs(hubs: Get, tmp_path: Path) -> None:
    """A part comes from the file as it is; a file that was replaced is compressed anew."""
    part = await hubs("page.css", Accept_Encoding="gzip", Range="bytes=2-6")
    assert (part.code, part.body, part.headers.get("Content-Encoding")) == (206, b"{ col", None)
    await hubs("page.css", Accept_Encoding="gzip")
    (tmp_path / "page.css").write_text("another")
    assert gzip.decompress((await hubs("page.css", Accept_Encoding="gzip")).body) == b"another"


def test_a_sites_own_handler_of_static_files_stays() -> None:
    """Only JupyterHub's own handler gives way."""

    class Own(web.StaticFileHandler):
        pass

    found = []
    for handler in (Own, CacheControlStaticFilesHandler):
        application = web.Application(static_path="/nowhere", static_handler_class=handler)
        compress_hubs_files(SimpleNamespace(tornado_application=application))  # type: ignore[arg-type]
        found.append({rule.target for rule in application.wildcard_router.rules})
    assert found == [{Own}, {HubStaticHandler}]
