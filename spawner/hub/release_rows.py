"""What the Hub's database has of releases besides the admin's file: a row a release, read once, for this Hub alone writes there."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from ..errors import NotStored
from ..i18n import _
from .database import Transaction, transaction
from .sessions.storage import Storage
from .state import AdminWarnings, HubState

Row = TypeVar("Row")


class ReleaseRows(abc.ABC, Generic[Row]):
    """The rows of one table in one Hub's database, by the tags of releases. ``what`` says in the log what they are."""

    table: ClassVar[sa.Table]
    what: ClassVar[str]
    most: ClassVar[int | None] = None
    """So many are kept, the newest; None for all."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] | None = None

    @abc.abstractmethod
    def read(self, row: Any) -> Row | None:
        """Return what a row says; None of one that another version has written."""

    @abc.abstractmethod
    def columns(self, entry: Row) -> dict[str, Any]:
        """Return the columns of a row, its tag among them."""

    def by_tag(self, state: HubState) -> Mapping[str, Row]:
        """Return all by tag; none while the database does not say, and the log says so."""
        if self._rows is None:
            db = state.settings.get("db")
            try:
                self._rows = self._read(db) if db is not None else {}
            except Exception as error:  # noqa: BLE001 - whatever the database says, the releases of the file can be started
                if state.part(AdminWarnings).is_due(self.what, type(error).__name__):
                    state.log.error("The %s of releases cannot be read, the file alone counts meanwhile: %s", self.what, error)  # noqa: TRY400 - one line
                return {}
        return self._rows

    def put(self, state: HubState, entry: Row) -> None:
        """Store a row in the place of an earlier one of the same release.

        Raises
        ------
        NotStored
            The database is locked: it may work in a moment.
        """
        columns = self.columns(entry)

        def write(own: Transaction) -> None:
            own.execute(sa.delete(self.table).where(self.table.c.tag == columns["tag"]))
            own.execute(sa.insert(self.table).values(**columns))
            if self.most is not None:
                newest_first = sa.select(self.table.c.tag).order_by(self.table.c.at.desc(), self.table.c.tag)
                beyond = list(own.execute(newest_first.offset(self.most)).scalars())
                own.execute(sa.delete(self.table).where(self.table.c.tag.in_(beyond)))

        self._write(state, columns["tag"], write)

    def take_back(self, state: HubState, tag: str) -> None:
        """Forget the row of a release.

        Raises
        ------
        NotStored
            The database is locked: it may work in a moment.
        """
        self._write(state, tag, lambda own: own.execute(sa.delete(self.table).where(self.table.c.tag == tag)))

    def _write(self, state: HubState, tag: str, work: Callable[[Transaction], Any]) -> None:
        try:
            Storage.in_hub(state, state.settings["db"], state.cluster, state.log).write(work)
        except (TimeoutError, OperationalError) as error:
            words = f"the {self.what} of release {tag} were not written: {error}"
            raise NotStored(_("The Hub's database is busy. Try again."), log=words) from error
        self._rows = None

    def _read(self, db: sa.orm.Session) -> dict[str, Row]:
        with transaction(db) as own:
            if not sa.inspect(own.connection).has_table(self.table.name):
                return {}
            rows = own.execute(sa.select(self.table)).all()
        found = {row.tag: self.read(row) for row in rows}
        return {tag: entry for tag, entry in found.items() if entry is not None}
