"""What JupyterHub's rows say, as it has read them: no look of ours asks the database.

After a failed write JupyterHub takes its database session back, and SQLAlchemy lets go of all that it had read. The next look at a user's
name would be a question to the database, on the Hub's loop, which waits for SQLite's lock for up to 5 s.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from jupyterhub import orm
from sqlalchemy.orm import Session as DatabaseSession

from .database import Patience, transaction
from .protocol import HubUser

_KEY = "resource_form_known"

_OF_USER = ("name", "_orm_spawners")
_OF_SERVER = ("name", "user_options", "server")
"""What JupyterHub's ``Spawner.ready``, and what we show of a server, look at."""
_RELATIONSHIPS = frozenset({"_orm_spawners", "server"})


def value_of(row: Any, name: str) -> Any:
    """Return a column of a row as JupyterHub has it; where it has let go of the row, as it was when we looked last.

    Only what was never looked at is read from the database.
    """
    state = sa.inspect(row, raiseerr=False)
    if state is None:
        return getattr(row, name)
    if name not in state.dict and (_KEY, name) in state.info:
        return state.info[_KEY, name]
    value = state.info[_KEY, name] = getattr(row, name)
    return value


def name_of(user: HubUser) -> str:
    """Return the user's name, as :func:`value_of`."""
    row = getattr(user, "orm_user", None)
    return str(user.name if sa.inspect(row, raiseerr=False) is None else value_of(row, "name"))


def name_at_hand(owner: Any) -> str:
    """Return the name of a user or service if JupyterHub has it; empty where it would have to be read."""
    row = getattr(owner, "orm_user", owner)
    state = sa.inspect(row, raiseerr=False)
    return str(row.name) if state is None or "name" in state.dict else ""


def are_read(users: Iterable[HubUser]) -> bool:
    """Tell whether JupyterHub has all that is looked at of these users and their servers."""
    return all(
        _has(user.orm_user, _OF_USER) and all(_has(spawner.orm_spawner, _OF_SERVER) for spawner in list(user.spawners.values()))
        for user in users
    )


def _has(row: Any, names: Iterable[str]) -> bool:
    state = sa.inspect(row, raiseerr=False)
    if state is None or state.session is None:
        return True  # one that is not stored, or was deleted, is never read
    return all(name in state.dict if name in _RELATIONSHIPS else name not in state.expired_attributes for name in names)


def can_be_read(users: Iterable[HubUser], db: DatabaseSession, patience: Patience) -> bool:
    """Tell whether a look at these users and their servers keeps nobody waiting: JupyterHub has them, or the database answers now."""
    if are_read(users):
        return True
    try:
        with transaction(db, patience) as own:
            own.execute(sa.select(orm.User.id).limit(1)).all()
    except Exception:  # noqa: BLE001 - whatever it is, the next look may do better
        return False
    return True
