"""What the Hub's database has besides the admin's settings: a row for each release or user, read once, for this Hub alone writes there."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from ...errors import NotStored
from ...i18n import _
from ..database import Transaction, transaction
from ..state import AdminWarnings, HubState
from .storage import Storage

Row = TypeVar("Row")


class KeptRows(abc.ABC, Generic[Row]):
    """The rows of one table in one Hub's database, by its primary key. ``what`` stands before a key in the log."""

    table: ClassVar[sa.Table]
    what: ClassVar[str]
    unread: ClassVar[str]
    """The log's sentence where they cannot be read: what counts meanwhile."""

    most: ClassVar[int | None] = None
    """So many are kept, the newest; None for all."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] | None = None

    @abc.abstractmethod
    def read(self, row: Any) -> Row | None:
        """Return what a row says; None of one that another version has written."""

    @abc.abstractmethod
    def columns(self, entry: Row) -> dict[str, Any]:
        """Return the columns of a row, its key among them."""

    def by_key(self, state: HubState) -> Mapping[str, Row]:
        """Return all by their keys; none while the database does not say, and the log says so."""
        if self._rows is None:
            db = state.settings.get("db")
            try:
                self._rows = self._read(db) if db is not None else {}
            except Exception as error:  # noqa: BLE001 - whatever the database says, what the admin has set still counts
                if state.part(AdminWarnings).is_due(self.what, type(error).__name__):
                    state.log.error("%s: %s", self.unread, error)  # noqa: TRY400 - one line
                return {}
        return self._rows

    def put(self, state: HubState, entry: Row) -> None:
        """Store a row in the place of an earlier one of the same key.

        Raises
        ------
        NotStored
            The database is locked: it may work in a moment.
        """
        columns, key = self.columns(entry), self._key

        def write(own: Transaction) -> None:
            own.execute(sa.delete(self.table).where(key == columns[key.name]))
            own.execute(sa.insert(self.table).values(**columns))
            if self.most is not None:
                newest_first = sa.select(key).order_by(self.table.c.at.desc(), key)
                beyond = list(own.execute(newest_first.offset(self.most)).scalars())
                own.execute(sa.delete(self.table).where(key.in_(beyond)))

        self._write(state, columns[key.name], write)

    def take_back(self, state: HubState, name: str) -> None:
        """Forget the row of this key.

        Raises
        ------
        NotStored
            The database is locked: it may work in a moment.
        """
        self._write(state, name, lambda own: own.execute(sa.delete(self.table).where(self._key == name)))

    @property
    def _key(self) -> sa.Column[Any]:
        return self.table.primary_key.columns[0]

    def _write(self, state: HubState, name: str, work: Callable[[Transaction], Any]) -> None:
        try:
            Storage.in_hub(state, state.settings["db"], state.cluster, state.log).write(work)
        except (TimeoutError, OperationalError) as error:
            words = f"{self.what} {name} were not written: {error}"
            raise NotStored(_("The Hub's database is busy. Try again."), log=words) from error
        self._rows = None

    def _read(self, db: sa.orm.Session) -> dict[str, Row]:
        with transaction(db) as own:
            if not sa.inspect(own.connection).has_table(self.table.name):
                return {}
            rows = own.execute(sa.select(self.table)).all()
        found = {row._mapping[self._key]: self.read(row) for row in rows}  # noqa: SLF001 - SQLAlchemy's documented way to a column
        return {name: entry for name, entry in found.items() if entry is not None}
