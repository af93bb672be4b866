"""Our pages among a site's: found whatever the site lists, extended by it, and said to be lost where they are."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jinja2 import Environment, nodes

from spawner.hub.common import page_templates
from spawner.hub.pages import Pages
from spawner.hub.site_pages import PAGE, chain_of
from spawner.hub.state import HubState
from tests.support.hub_pages import STOCK, hub_with_pages, page

OURS = sorted(path.name for path in Path(page_templates()).glob("*.html"))


def visitor() -> SimpleNamespace:
    """A user of a Hub whose servers are started by another spawner than ours."""
    stored = SimpleNamespace(groups=[], orm_spawners={})
    user = SimpleNamespace(name="ada", escaped_name="ada", json_escaped_name="ada", settings={}, orm_user=stored)
    user.spawner = SimpleNamespace(options_form=True, user=user, name="", ready=False, active=False, user_options={})
    user.spawner.orm_spawner = SimpleNamespace(display_name="")
    user.spawners = {"": user.spawner}
    user.all_spawners = lambda: [user.spawner]
    return user


def site(folder: Path, **pages: str) -> str:
    """A site's folder of templates."""
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(text)
    return str(folder)


def files_of(app: Any, name: str) -> list[str]:
    """The files that a page is made of."""
    return [template.file for template in chain_of(app.tornado_settings["jinja2_env"], name)]


# --- found ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "paths",
    [
        [],
        ["SITE"],
        [page_templates(), "SITE"],
        ["SITE", page_templates()],
        [STOCK, "SITE"],
        [STOCK, page_templates(), "SITE"],
        ["/nowhere"],
    ],
    ids=["none", "site", "ours-site", "site-ours", "stock-site", "stock-ours-site", "gone"],
)
def test_our_pages_are_found(tmp_path: Path, paths: list[str]) -> None:
    """The site's first, then ours, then JupyterHub's: in whatever order the site lists folders, and if it leaves ours out."""
    own = site(tmp_path, error="the site's", page='{% extends "templates/page.html" %}')
    app = hub_with_pages(*(own if path == "SITE" else path for path in paths))
    for name in OURS:
        assert any(Path(file).parent == Path(page_templates()) for file in files_of(app, name)), name
    is_listed = "SITE" in paths
    assert Path(files_of(app, PAGE)[0]).parent == (tmp_path if is_listed else Path(page_templates()))
    assert Path(files_of(app, "error.html")[0]).parent == (tmp_path if is_listed else Path(STOCK))
    assert Path(files_of(app, "login.html")[0]).parent == Path(STOCK)


def test_both_environments(tmp_path: Path) -> None:
    """Pages of errors are rendered in another one than the rest."""
    app = hub_with_pages(site(tmp_path))
    for name in ("jinja2_env", "jinja2_env_sync"):
        assert next(chain_of(app.tornado_settings[name], PAGE)).is_our(PAGE)


# --- extended ---------------------------------------------------------------------------------------------------------------------

FILLED = (
    "script",
    "scripts",
    "stylesheet",
    "meta",
    "announcement",
    "footer",
    "header",
    "nav_bar",
    "nav_bar_left_items",
    "nav_bar_right_items",
)


PARTS = (PAGE, "notices.html", "session_tabs.html", "session_texts.html", "start_steps.html")


@pytest.mark.parametrize("name", [name for name in OURS if name not in PARTS])
def test_what_a_site_adds_to_every_page_stays(name: str) -> None:
    """Each block of page.html but the title and the page's own content keeps what a site's page.html has put there."""
    environment = Environment()
    blocks = environment.parse((Path(page_templates()) / name).read_text()).find_all(nodes.Block)
    stock = {block.name for block in environment.parse((Path(STOCK) / PAGE).read_text()).find_all(nodes.Block)} - {"title", "main"}
    for block in blocks:
        if block.name in stock:
            assert any(found.name == "super" for found in block.find_all(nodes.Name)), f"{block.name} of {name} drops the site's"
    assert next(iter(environment.parse((Path(page_templates()) / name).read_text()).find_all(nodes.Extends))).template.value == PAGE  # type: ignore[attr-defined]


@pytest.mark.parametrize(("name", "values"), [("home.html", {"default_server": "SPAWNER"}), ("not_running.html", {"server_name": ""})])
def test_a_sites_blocks_are_in_the_page(tmp_path: Path, name: str, values: dict[str, Any]) -> None:
    """What stands in each block of a site's page.html, and what it puts around ours by the name ours/…"""
    added = "".join(f"{{% block {block} %}}{{{{ super() }}}}<i>site-{block}</i>{{% endblock %}}" for block in FILLED)
    around = f'{{% extends "ours/{name}" %}}{{% block main %}}{{{{ super() }}}}<i>site-main</i>{{% endblock %}}'
    app = hub_with_pages(site(tmp_path, page='{% extends "templates/page.html" %}' + added, **{name.removesuffix(".html"): around}))
    user = visitor()
    given = {key: user.spawner if value == "SPAWNER" else value for key, value in values.items()}
    html = page(name, app, user=user, spawn_url="/hub/spawn", **given)
    for block in (*FILLED, "main"):
        assert html.count(f"<i>site-{block}</i>") == 1, block
    assert 'href="/base/hub/resource-form/sessions"' in html


def test_announcements(tmp_path: Path) -> None:
    """JupyterHub's ``announcement_spawn`` and ``announcement_home`` stand on those pages, and in place of the one of every page."""
    user = visitor()
    given = {
        "user": user,
        "spawner": user.spawner,
        "default_server": user.spawner,
        "url": "/",
        "spawner_options_form": "",
        "announcement": "all",
    }
    assert "only-here" in page("spawn.html", announcement_spawn="only-here", **given)
    assert "only-here" in page("home.html", announcement_home="only-here", **given)
    assert ">all<" in page("spawn.html", **given)


# --- said -------------------------------------------------------------------------------------------------------------------------

NO_LINK = "The pages have no link to the list of sessions"


@pytest.mark.parametrize(
    ("text", "is_lost"),
    [
        ('{% extends "templates/page.html" %}', False),
        ('{% extends "ours/page.html" %}{% block footer %}x{% endblock %}', False),
        ('{% extends "templates/page.html" %}{% block nav_bar_left_items %}{{ super() }}<li>{% endblock %}', False),
        ('{% extends "templates/page.html" %}{% block nav_bar_left_items %}<li>{% endblock %}', True),
        ('{% extends "templates/page.html" %}{% block nav_bar %}{% endblock %}', True),
        ('{% extends "jupyterhub/page.html" %}', True),
        ("<html>{% block main %}{% endblock %}</html>", True),
    ],
)
def test_a_lost_link_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str, is_lost: bool) -> None:
    """One error in the log where a site's page.html takes the link to the list of sessions away; none where it is there."""
    app = hub_with_pages(site(tmp_path, page=text))
    said = [record for record in caplog.records if NO_LINK in record.getMessage()]
    assert [record.levelno for record in said] == ([logging.ERROR] if is_lost else [])
    user = visitor()
    html = page("home.html", app, user=user, default_server=user.spawner)
    assert ('href="/base/hub/resource-form/sessions"' in html.split("<main")[0]) is not is_lost


def test_a_page_of_ours_that_is_replaced_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With the name under which ours can be extended; and the form knows that another page has a Start of its own."""
    app = hub_with_pages(site(tmp_path, spawn='{% extends "templates/spawn.html" %}', home='{% extends "ours/home.html" %}'))
    said = [record.getMessage() for record in caplog.records]
    assert [text for text in said if "spawn.html" in text and "ours/spawn.html" in text]
    assert not [text for text in said if "home.html" in text]
    assert not HubState.of(app).part(Pages).form_is_ours
    assert HubState.of(hub_with_pages()).part(Pages).form_is_ours


@pytest.mark.parametrize("text", ["{% block %}", '{% extends "no-such.html" %}'])
def test_a_broken_template_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str) -> None:
    """And the Hub starts."""
    hub_with_pages(site(tmp_path, spawn=text))
    assert [record for record in caplog.records if record.levelno == logging.ERROR and "spawn.html" in record.getMessage()]


@pytest.mark.parametrize("logo", ["", "/srv/our-logo.svg"])
def test_a_sites_logo_stays_as_it_is(logo: str) -> None:
    """JupyterHub's own is turned light in the dark; of a site's nobody knows what it stands on."""
    app = hub_with_pages(logo_file=logo)
    user = visitor()
    assert ("/page.css" in page("home.html", app, user=user, default_server=user.spawner)) is (not logo)


@pytest.mark.parametrize(
    ("text", "level", "words", "form_is_ours"),
    [
        ("{% block script %}<script></script>{% endblock %}", logging.ERROR, "fills the block script without", True),
        ("{% block stylesheet %}<link>{% endblock %}", logging.ERROR, "fills the block stylesheet without", True),
        (
            "{% block main %}{{ spawner_options_form | safe }}{% endblock %}",
            logging.WARNING,
            "takes the place of what our page shows",
            False,
        ),
        ("{% block script %}{{ super() }}<script></script>{% endblock %}{% block main %}{{ super() }}{% endblock %}", 0, "", True),
        ("{% block heading %}ours is another{% endblock %}{% block footer %}site{% endblock %}", 0, "", True),
    ],
    ids=["script", "stylesheet", "main", "with-super", "other-blocks"],
)
def test_a_block_of_ours_that_is_dropped_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str, level: int, words: str, form_is_ours: bool
) -> None:
    """In a page that extends ours, also behind another of the site's; a form on a page of the site's own has no button of ours."""
    folder = site(tmp_path, base='{% extends "ours/spawn.html" %}' + text, spawn='{% extends "base.html" %}')
    app = hub_with_pages(folder)
    said = [record for record in caplog.records if "base.html" in record.getMessage()]
    assert [record.levelno for record in said] == ([level] if level else [])
    assert all(words in record.getMessage() for record in said)
    assert HubState.of(app).part(Pages).form_is_ours is form_is_ours


def test_a_page_without_the_blocks_that_ours_fill_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A page.html of the site's own making, which extends none."""
    hub_with_pages(site(tmp_path, page="<html>{% block nav_bar_left_items %}{% endblock %}{% block main %}{% endblock %}</html>"))
    said = [record for record in caplog.records if "lack what stands in the block stylesheet, script" in record.getMessage()]
    assert [record.levelno for record in said] == [logging.ERROR]


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ({"name": "Galileo100", "announcement": "x", "logo_url": "/", "site_status": "up"}, "name"),
        ({"status": "up", "_": str, "notices": []}, "_, notices, status"),
        ({"announcement_spawn": "x", "spawner": 1, "user_guide": "/docs"}, ""),
        ({}, ""),
    ],
    ids=["set-by-a-page", "given-to-a-page", "jupyterhubs", "none"],
)
def test_variables_that_are_ours_are_said(caplog: pytest.LogCaptureFixture, given: dict[str, Any], taken: str) -> None:
    """A site's page.html would show our value in its place; JupyterHub's names, and the site's others, are the same on all pages."""
    hub_with_pages(template_vars=given)
    said = [record.getMessage() for record in caplog.records if "template_vars" in record.getMessage()]
    assert [text.split("under the name ")[1].split(";")[0] for text in said] == ([taken] if taken else [])
