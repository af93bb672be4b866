"""The catalogue of releases of one Hub: the admin's file, and what administrators have marked from the pages."""

from __future__ import annotations

from typing import Any

from jupyterhub.scopes import Scope

from ..errors import CatalogueError, RequestRejected
from ..i18n import _
from ..site.catalogue import PLAIN_CATALOGUE, Catalogue, CatalogueFile, parse_catalogue
from ..site.release_checks import checked
from ..site.release_marks import WHATS, ReleaseMark, What, marked
from .class_settings import class_settings
from .labels import catalogue_files
from .protocol import HubHandler
from .release_checks import ReleaseChecks
from .sessions.kept_rows import KeptRows
from .sessions.tables import RELEASE_MARKS
from .settings.spawner import SpawnerSettings
from .state import HubState

MAX_TAG = 64

BACK = "back"
"""What is said to take back what was said before."""


class ReleaseMarks(KeptRows[ReleaseMark]):
    """The marks of administrators, in one Hub's database."""

    table = RELEASE_MARKS
    what = "the marks of release"
    unread = "The marks of releases cannot be read, the file alone counts meanwhile"

    def read(self, row: Any) -> ReleaseMark | None:
        """Return the mark of a row."""
        return ReleaseMark(row.tag, row.what, row.by_name, row.at) if row.what in WHATS else None

    def columns(self, entry: ReleaseMark) -> dict[str, Any]:
        """Return the columns of a mark."""
        return {"tag": entry.tag, "what": entry.what, "by_name": entry.by, "at": entry.at}


def administers(handler: HubHandler) -> bool:
    """Tell whether the caller may mark releases: who may start and stop everybody's servers (JupyterHub's ``admin:servers``)."""
    return handler.parsed_scopes.get("admin:servers") is Scope.ALL


def read_mark(what: str) -> What | None:
    """Return what is said of a release; None for ``back``, which takes back what was said before.

    Raises
    ------
    RequestRejected
        It is neither.
    """
    if what == BACK:
        return None
    known = next((entry for entry in WHATS if entry == what), None)
    if known is None:
        raise RequestRejected({"what": _("A release can be marked as: {list}.").format(list=", ".join((*WHATS, BACK)))})
    return known


def mark_release(state: HubState, catalogue: Catalogue, tag: str, what: What | None, by: str) -> None:
    """Mark a release of the catalogue, or take its mark back, and log who did it.

    Raises
    ------
    RequestRejected
        There is no such release.
    NotStored
        The database is locked: it may work in a moment.
    """
    if catalogue.get(tag) is None:
        raise RequestRejected({"tag": _("There is no release {tag}.").format(tag=tag[:MAX_TAG])})
    marks = state.part(ReleaseMarks)
    if what is None:
        marks.take_back(state, tag)
    else:
        marks.put(state, ReleaseMark(tag, what, by, state.cluster.clock()))
    state.log.warning("Release %s: %s, by %s", tag, what or "the mark was taken back", by)


def file_of(settings: SpawnerSettings, state: HubState) -> CatalogueFile | None:
    """Return the admin's file, one object for all users; None where the catalogue is in the configuration."""
    return catalogue_files(state).at(settings.catalogue_file) if settings.catalogue_file else None


def catalogue_of(settings: SpawnerSettings, state: HubState) -> Catalogue:
    """Return the releases as the admin lists them now, with what checks found and administrators marked; the log says so if it breaks.

    Raises
    ------
    CatalogueError
        The list is broken and there never was a good one.
    """
    file = file_of(settings, state)
    if file is not None:
        found = file.current()
    else:
        found = parse_catalogue(settings.catalogue or PLAIN_CATALOGUE, source="ResourceFormSpawner.catalogue")
    # What an administrator says counts for more than a check.
    return marked(checked(found, state.part(ReleaseChecks).by_key(state)), state.part(ReleaseMarks).by_key(state))


def reload_catalogue(state: HubState, by: str) -> str:
    """Read the admin's file again at once, whether it has changed or not, and return what is wrong with it; empty where nothing is."""
    file = file_of(class_settings(state), state)
    if file is not None:
        file.reload()
        state.log.warning("The catalogue of releases is read again, as %s wants it", by)
    return broken_in_words(state)


def broken_in_words(state: HubState) -> str:
    """Return what is wrong with the admin's file, with its line, for who can mend it; empty where nothing is."""
    settings = class_settings(state)
    try:
        catalogue_of(settings, state)
    except CatalogueError as error:
        return error.log
    file = file_of(settings, state)
    return file.error.log if file is not None and file.error is not None else ""
