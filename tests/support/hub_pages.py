"""The Hub's pages as it makes them: JupyterHub's own templates, a site's, and ours, put together as when the Hub starts."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
from jupyterhub._data import DATA_FILES_PATH

from spawner.hub.pages import install_pages

STOCK = str(Path(DATA_FILES_PATH) / "templates")


def hub_with_pages(
    *template_paths: str, log: logging.Logger | None = None, logo_file: str = "", template_vars: Mapping[str, Any] | None = None
) -> Any:
    """A Hub with these folders of templates, as it is when ours are put to them (``JupyterHub.init_tornado_settings``)."""
    paths = [*template_paths, *([] if STOCK in template_paths else [STOCK])]
    of_the_hub = jinja2.PrefixLoader({"templates": jinja2.FileSystemLoader(STOCK)})
    loader = jinja2.ChoiceLoader([of_the_hub, jinja2.FileSystemLoader(paths)])
    settings = {
        name: jinja2.Environment(loader=loader, autoescape=True, enable_async=not name.endswith("sync"))
        for name in ("jinja2_env", "jinja2_env_sync")
    }
    log = log or logging.getLogger("of the tests")
    app = SimpleNamespace(
        data_files_path=DATA_FILES_PATH,
        logo_file=logo_file or f"{DATA_FILES_PATH}/static/images/jupyterhub-80.png",
        template_paths=paths,
        template_vars=template_vars or {},
        tornado_settings=settings,
        log=log,
        settings=settings,
    )
    install_pages(app)  # type: ignore[arg-type]
    return app


def page(name: str, app: Any = None, **values: Any) -> str:
    """The page of a template, with what JupyterHub gives each."""
    given = {
        "base_url": "/base/hub/",
        "parsed_scopes": {},
        "static_url": lambda path, include_version=True: f"/base/hub/static/{path}",
        "xsrf_token": "a-token",
        **values,
    }
    environment: jinja2.Environment = (app or hub_with_pages()).tornado_settings["jinja2_env"]
    return environment.get_template(name).render(**given)
