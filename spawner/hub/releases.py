"""The catalogue of releases of one Hub: the admin's file, and what administrators have marked from the pages."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from jupyterhub.scopes import Scope
from sqlalchemy.exc import OperationalError

from ..errors import CatalogueError, NotStored, RequestRejected
from ..i18n import _
from ..site.catalogue import PLAIN_CATALOGUE, Catalogue, CatalogueFile, parse_catalogue
from ..site.release_marks import WHATS, ReleaseMark, What, marked
from .class_settings import class_settings
from .database import Transaction, transaction
from .labels import catalogue_files
from .protocol import HubHandler
from .sessions.storage import Storage
from .sessions.tables import RELEASE_MARKS
from .settings.spawner import SpawnerSettings
from .state import AdminWarnings, HubState

MAX_TAG = 64

BACK = "back"
"""What is said to take back what was said before."""


class ReleaseMarks:
    """The marks in one Hub's database, read once: it is the only one that writes there."""

    def __init__(self) -> None:
        self._marks: dict[str, ReleaseMark] | None = None

    def by_tag(self, state: HubState) -> Mapping[str, ReleaseMark]:
        """Return the marks by tag; none while the database does not say, and the log says so."""
        if self._marks is None:
            db = state.settings.get("db")
            try:
                self._marks = _read(db) if db is not None else {}
            except Exception as error:  # noqa: BLE001 - whatever the database says, the releases of the file can be started
                if state.part(AdminWarnings).is_due("release marks", type(error).__name__):
                    state.log.error("The marks of releases cannot be read, the file alone counts meanwhile: %s", error)  # noqa: TRY400 - one line
                return {}
        return self._marks

    def put(self, state: HubState, mark: ReleaseMark) -> None:
        """Store a mark in the place of an earlier one of the same release.

        Raises
        ------
        TimeoutError
            The database is locked: it may work in a moment.
        """

        def write(own: Transaction) -> None:
            own.execute(sa.delete(RELEASE_MARKS).where(RELEASE_MARKS.c.tag == mark.tag))
            own.execute(sa.insert(RELEASE_MARKS).values(tag=mark.tag, what=mark.what, by_name=mark.by, at=mark.at))

        self._write(state, write)

    def take_back(self, state: HubState, tag: str) -> None:
        """Forget the mark of a release: what the file says counts again.

        Raises
        ------
        TimeoutError
            The database is locked: it may work in a moment.
        """
        self._write(state, lambda own: own.execute(sa.delete(RELEASE_MARKS).where(RELEASE_MARKS.c.tag == tag)))

    def _write(self, state: HubState, work: object) -> None:
        Storage.in_hub(state, state.settings["db"], state.cluster, state.log).write(work)  # type: ignore[arg-type]
        self._marks = None


def _read(db: sa.orm.Session) -> dict[str, ReleaseMark]:
    with transaction(db) as own:
        if not sa.inspect(own.connection).has_table(RELEASE_MARKS.name):
            return {}
        rows = own.execute(sa.select(RELEASE_MARKS)).all()
    return {row.tag: ReleaseMark(row.tag, row.what, row.by_name, row.at) for row in rows if row.what in WHATS}


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
    try:
        if what is None:
            marks.take_back(state, tag)
        else:
            marks.put(state, ReleaseMark(tag, what, by, state.cluster.clock()))
    except (TimeoutError, OperationalError) as error:
        raise NotStored(_("The Hub's database is busy. Try again."), log=f"release {tag} was not marked: {error}") from error
    state.log.warning("Release %s: %s, by %s", tag, what or "the mark was taken back", by)


def file_of(settings: SpawnerSettings, state: HubState) -> CatalogueFile | None:
    """Return the admin's file, one object for all users; None where the catalogue is in the configuration."""
    return catalogue_files(state).at(settings.catalogue_file) if settings.catalogue_file else None


def catalogue_of(settings: SpawnerSettings, state: HubState) -> Catalogue:
    """Return the releases as the admin lists them now, with what administrators have marked; the log says so once if the file breaks.

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
    return marked(found, state.part(ReleaseMarks).by_tag(state))


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
