"""Tests for spawner.hub.sessions.storage: what is written later says what is true by then."""

from __future__ import annotations

import secrets
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jupyterhub import orm

from spawner.bounds import DEFAULTS
from spawner.cluster.ended import EndedSessions
from spawner.hub.database import LateWrites
from spawner.hub.sessions.storage import revoke_tokens
from spawner.hub.state import HubState
from tests.support.session_rig import LOG

NOTE = "Server at /user/ada/"


async def test_a_new_sessions_token_outlives_the_late_revocation_of_the_old_one(tmp_path: Path) -> None:
    """The database was locked when the server stopped; the user has started it again before the old token could be revoked."""
    path = tmp_path / "jupyterhub.sqlite"
    db = orm.new_session_factory(f"sqlite:///{path}")()
    user = orm.User(name="ada")
    client = orm.OAuthClient(identifier="jupyterhub")
    db.add_all([user, client])
    db.commit()

    def new_token(note: str) -> str:
        token = secrets.token_hex(16)
        db.add(orm.APIToken(token=token, user=user, note=note, oauth_client=client))
        db.commit()
        return token

    old, elsewhere = new_token(NOTE), new_token("another's")
    cluster = SimpleNamespace(clock=time.time, bounds=DEFAULTS, ended=EndedSessions())
    servers: dict[str, Any] = {}
    settings: dict[str, Any] = {"log": LOG}
    hub_user = SimpleNamespace(name="ada", orm_user=user, spawners=servers, settings=settings)

    def server(token: str) -> Any:
        return SimpleNamespace(name="", user=hub_user, api_token=token, cluster=cluster, log=LOG, db=db)

    servers[""] = stopped = server(old)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        revoke_tokens(stopped, (NOTE,))
        other.execute("ROLLBACK")
    new = new_token(NOTE)
    servers[""] = server(new)
    late = HubState.in_settings(settings).part(LateWrites)
    assert await late._write()
    assert orm.APIToken.find(db, old) is None
    assert orm.APIToken.find(db, new) is not None
    assert orm.APIToken.find(db, elsewhere) is not None
    revoke_tokens(servers[""], (NOTE,))
    assert orm.APIToken.find(db, new) is None
    db.close()
