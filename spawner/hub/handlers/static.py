"""Files that a browser fetches: our scripts and stylesheets, and JupyterHub's own, which are compressed where a browser takes that."""

from __future__ import annotations

import functools
import mimetypes
import re
from pathlib import Path
from typing import Any

from jupyterhub.handlers.static import CacheControlStaticFilesHandler
from tornado import web

from ..compact import compressed, takes_gzip
from ..protocol import HubApplication
from ..static import compact_files, static_version

_VERSION = re.compile("[0-9a-f]{12}")
_FOR_GOOD_SECONDS = 10 * 365 * 24 * 3600
_COMPRESSED_SUFFIXES = (".css", ".js", ".svg")
"""Of JupyterHub's files: its fonts and pictures are compressed already."""


class StaticHandler(web.RequestHandler):
    """``/hub/resource-form/static/VERSION/…``: our stylesheets and scripts.

    The version is a part of the path, so that what a script imports by its relative name has it as well. A browser keeps what it
    got under the version that is in use. Under another, as that of a page from before an upgrade, it gets the file, and asks again.
    """

    def get(self, path: str) -> None:
        """Answer with one of the files that there are, and with nothing beside them."""
        version, _slash, name = path.partition("/")
        content = compact_files().get(name if _VERSION.fullmatch(version) else path)
        if content is None:
            raise web.HTTPError(404)
        kind, _encoding = mimetypes.guess_type(name)
        self.set_header("Content-Type", f"{kind}; charset=utf-8")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", f"max-age={_FOR_GOOD_SECONDS}" if version == static_version() else "no-cache")
        self.set_header("Vary", "Accept-Encoding")
        if takes_gzip(self.request.headers.get("Accept-Encoding", "")):
            self.set_header("Content-Encoding", "gzip")
            content = _compressed_text(content)
        self.finish(content)

    head = get


class HubStaticHandler(CacheControlStaticFilesHandler):  # type: ignore[misc]
    """JupyterHub's handler of its static files, which gives a browser the large ones compressed: half a megabyte a page otherwise.

    Whoever asks for a part of a file gets it from the file as it is.
    """

    _packed: bytes | None = None

    def get_content_size(self) -> int:
        path = Path(self.absolute_path)
        wanted = takes_gzip(self.request.headers.get("Accept-Encoding", "")) and "Range" not in self.request.headers
        if wanted and path.suffix in _COMPRESSED_SUFFIXES:
            status = path.stat()
            self._packed = _compressed_file(path, status.st_mtime_ns, status.st_size)
            self.set_header("Content-Encoding", "gzip")
            return len(self._packed)
        return int(super().get_content_size())

    def get_content(self, abspath: str, start: int | None = None, end: int | None = None) -> Any:
        """Return the file, or what :meth:`get_content_size` has made of it."""
        return super().get_content(abspath, start, end) if self._packed is None else self._packed

    def set_extra_headers(self, path: str) -> None:
        super().set_extra_headers(path)
        if Path(path).suffix in _COMPRESSED_SUFFIXES:
            self.set_header("Vary", "Accept-Encoding")


def compress_hubs_files(app: HubApplication) -> None:
    """Have a Hub that is about to start answer with :class:`HubStaticHandler`; a site's own handler of these files stays."""
    for rule in app.tornado_application.wildcard_router.rules:
        if rule.target is CacheControlStaticFilesHandler:
            rule.target = HubStaticHandler


@functools.lru_cache(maxsize=512)
def _compressed_text(content: bytes) -> bytes:
    return compressed(content)


@functools.lru_cache(maxsize=64)
def _compressed_file(path: Path, changed_ns: int, size: int) -> bytes:  # noqa: ARG001 - a file that was replaced is another
    return compressed(path.read_bytes())
