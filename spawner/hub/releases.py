"""The catalogue of releases of one Hub: the admin's file, and what administrators have marked from the pages."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from ..site.release_marks import WHATS, ReleaseMark
from .database import Transaction, transaction
from .sessions.storage import Storage
from .sessions.tables import RELEASE_MARKS
from .state import AdminWarnings, HubState

MAX_TAG = 64


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
