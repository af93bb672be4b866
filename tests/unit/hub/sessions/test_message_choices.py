"""Which messages users want: kept in the Hub's database, and as the admin has set it where nobody has chosen."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from jupyterhub import orm

from spawner.errors import NotStored
from spawner.hub.sessions.message_choices import MessageChoice, MessageChoices, wanted_kinds
from spawner.hub.sessions.storage import Storage
from spawner.hub.sessions.tables import MESSAGE_CHOICES
from spawner.hub.state import HubState
from spawner.session.message import KINDS
from tests.support.message_settings import WithMessageSettings


@pytest.fixture
def db(tmp_path: Any) -> Iterator[Any]:
    """The Hub's database."""
    session = orm.new_session_factory(f"sqlite:///{tmp_path / 'jupyterhub.sqlite'}")()
    logging.getLogger().setLevel(logging.WARNING)
    yield session
    session.close()


def state_of(db: Any) -> HubState:
    """A Hub that has just started on this database."""
    return HubState({"db": db, "log": logging.getLogger("tests.messages")})


class Server(WithMessageSettings):
    """A user's server in a Hub."""

    def __init__(self, state: HubState, user: str) -> None:
        state.settings["resource_form_state"] = state
        self.last_end = None
        self.user = SimpleNamespace(name=user, settings=state.settings)


def test_what_was_chosen_outlives_the_hub(db: Any) -> None:
    """The last choice counts, of each user by itself; also none at all."""
    state = state_of(db)
    choices = state.part(MessageChoices)
    assert choices.of(state, "ada") is None
    choices.put(state, MessageChoice("ada", frozenset(["ended", "started"]), 5.0))
    choices.put(state, MessageChoice("ada", frozenset(["idle", "ended"]), 5.0))
    choices.put(state, MessageChoice("grace", frozenset([]), 5.0))
    for hub in (state, state_of(db)):
        known = hub.part(MessageChoices)
        assert (known.of(hub, "ada"), known.of(hub, "grace"), known.of(hub, "alan")) == ({"ended", "idle"}, frozenset(), None)


@pytest.mark.parametrize("stored", ["", "{", "7", '["ended", "born", 3]', "null"])
def test_what_another_version_has_stored(db: Any, stored: str) -> None:
    """Kinds that are known count, and nothing is raised."""
    state = state_of(db)
    state.part(MessageChoices).put(state, MessageChoice("ada", frozenset(["idle"]), 5.0))
    db.execute(sa.update(MESSAGE_CHOICES).values(kinds=stored))
    db.commit()
    later = state_of(db)
    assert later.part(MessageChoices).of(later, "ada") == ({"ended"} if "ended" in stored else frozenset())


def test_the_admins_kinds_and_the_users(db: Any) -> None:
    """No more than the admin sends; of those what the user wants, and all where they have not chosen."""
    state = state_of(db)
    server: Any = Server(state, "ada")
    assert wanted_kinds(server) == KINDS
    server.message_kinds = ["idle", "ended"]
    assert wanted_kinds(server) == ("ended", "idle")
    state.part(MessageChoices).put(state, MessageChoice("ada", frozenset(["idle", "started"]), 5.0))
    assert wanted_kinds(server) == ("idle",)


def test_a_database_that_does_not_answer(db: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages go as the admin has set them, the log says so once, and a choice that is not kept is told."""
    state = state_of(db)
    server: Any = Server(state, "ada")

    def locked(*_asked: Any, **_named: Any) -> Any:
        raise TimeoutError("locked")

    monkeypatch.setattr("spawner.hub.sessions.kept_rows.transaction", locked)
    assert [wanted_kinds(server) for _ in range(3)] == [KINDS] * 3
    assert caplog.text.count("Which messages users want cannot be read") == 1
    monkeypatch.setattr(Storage, "write", locked)
    with pytest.raises(NotStored):
        state.part(MessageChoices).put(state, MessageChoice("ada", frozenset([]), 5.0))
