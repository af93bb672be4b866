"""How Sphinx makes the site of these pages. `scripts/docs` runs it; what is read of the code is in `scripts/reference_pages`."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent
CHECKOUT = DOCS.parent
sys.path[:0] = [str(CHECKOUT), str(CHECKOUT / "scripts")]

from reference_pages import AROUND, write_pages  # noqa: E402 - it lies in the folder that has just been named

from spawner._version import __version__  # noqa: E402 - as above

project = "jupyterhub-resource-form"
author = "the jupyterhub-resource-form developers"
version = release = __version__
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
suppress_warnings: list[str] = []
nitpicky = True

myst_heading_anchors = 5
myst_links_external_new_tab = False

pygments_style = "default"
html_theme = "furo"
html_title = f"{project} {release}"
html_copy_source = False
html_show_sourcelink = False
html_static_path: list[str] = ["_static"]
html_js_files = ["versions.js"]
html_extra_path = ["openapi.yaml"]


def _links_within_the_site(_app: Any, _name: str, content: list[str]) -> None:
    """Lead links to files of the checkout's own folder to their pages here; on the forge they lead to the files."""
    for file, page in AROUND.items():
        content[0] = re.sub(rf"\]\(\.\./{re.escape(file)}(#[\w-]+)?\)", rf"](/{page}.md\1)", content[0])


def setup(app: Any) -> dict[str, Any]:
    """Have the pages written that are made of the code, before Sphinx looks for pages."""
    app.connect("config-inited", lambda _app, _config: write_pages(DOCS / "reference"))
    app.connect("source-read", _links_within_the_site)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
