"""Our stylesheets and scripts: where they are, and how a page names them."""

from __future__ import annotations

import functools
import hashlib
import posixpath
import re
from collections.abc import Callable

from markupsafe import Markup

from .._data import folder
from .compact import compact_script, compact_style

STATIC = folder("share") / "resource_form" / "static"

_IMPORT = re.compile(r'^(?:import|export) [^;]*?from "([^"]+)";', re.MULTILINE)

_COMPACT: dict[str, Callable[[str], str]] = {".js": compact_script, ".css": compact_style}


def _read() -> dict[str, bytes]:
    texts = {path: path.read_text() for path in sorted(STATIC.rglob("*")) if path.is_file()}
    return {path.relative_to(STATIC).as_posix(): _COMPACT.get(path.suffix, str)(text).encode() for path, text in texts.items()}


@functools.cache
def compact_files() -> dict[str, bytes]:
    """Return what a browser gets of each static file, by its name below :data:`STATIC`."""
    return _read()


@functools.cache
def static_version() -> str:
    """Return a short hash of all static files: it stands in their addresses, which change when one of them does."""
    found = hashlib.sha256()
    for name, content in _read().items():
        found.update(f"{name}\0".encode() + hashlib.sha256(content).digest())
    return found.hexdigest()[:12]


def static_address(hub_url: str, name: str) -> str:
    """Return the address of a static file, below the Hub's."""
    return f"{hub_url}resource-form/static/{static_version()}/{name}"


def stylesheet(hub_url: str, name: str) -> Markup:
    """Return what gives a page a stylesheet."""
    return Markup('<link rel="stylesheet" href="{}">').format(static_address(hub_url, name))


def script(hub_url: str, name: str) -> Markup:
    """Return what gives a page a script: all that it imports is fetched at once, and not one after the other."""
    ahead = Markup('<link rel="modulepreload" href="{}">')
    preloads = (ahead.format(static_address(hub_url, imported)) for imported in modules_of(name)[1:])
    return Markup("").join((*preloads, Markup('<script type="module" src="{}"></script>').format(static_address(hub_url, name))))


@functools.cache
def modules_of(name: str) -> tuple[str, ...]:
    """Return the names of a script and of all that it imports, its own first."""
    found = {name: True}
    waiting = [name]
    while waiting:
        module = waiting.pop()
        for imported in _IMPORT.findall((STATIC / module).read_text()):
            path = posixpath.normpath(posixpath.join(posixpath.dirname(module), imported))
            if path not in found:
                found[path] = True
                waiting.append(path)
    return tuple(found)
