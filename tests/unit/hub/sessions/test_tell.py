"""What users are told of their sessions by messages: once, in their language, of the kinds that the admin wants."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from spawner.hub.background.ends_soon import look
from spawner.hub.channels import Channels, Mail, MessageSender
from spawner.hub.locale import LatestLanguages
from spawner.hub.sessions.message_choices import MessageChoice, MessageChoices
from spawner.hub.sessions.tell import channels_of, tell_ended, tell_started
from spawner.hub.state import HubState
from spawner.job.sbatch import Tag
from spawner.session.message import Message
from spawner.session.record import End, Record
from spawner.session.session import Session
from tests.support.fake_slurm import FakeJob, FakeSlurm
from tests.support.message_settings import WithMessageSettings
from tests.support.session_rig import make_cluster, virtually

LOG = logging.getLogger("tests.tell")
MINUTE = 60
LAB = {"partition": "g100_int", "cores": 2, "interface": "lab", "name": "Fit of July"}


@dataclass
class FakeSpawner(WithMessageSettings):
    """A server as the Hub has it, as much of it as is looked at."""

    session: Any = None
    user: Any = field(default_factory=lambda: SimpleNamespace(name="ada", settings={}))
    orm_spawner: Any = field(default_factory=lambda: SimpleNamespace(name="fit", user_options=LAB))
    name: str = "fit"
    log_name: str = "ada:fit"
    ready: bool = True
    last_end: Any = None
    language: str = ""
    message_command: tuple[str, ...] = ("/bin/tell",)


class Rig:
    """A session of two hours that has just begun, and what is sent of it."""

    def __init__(self, **settings: Any) -> None:
        self.slurm = FakeSlurm(asyncio.get_running_loop())
        self.cluster = make_cluster(self.slurm)
        self.job: FakeJob = self.slurm.make_job("ada", Tag("jupyterhub", "ada", "fit", "a nonce").comment)
        self.slurm.run_job(self.job)
        self.job.end = self.job.submit + 1 + 120 * MINUTE
        self.record = Record("a nonce", self.job.job_id, self.slurm.now(), self.job.submit, "g001", "127.0.1.1", 4)
        self.spawner: Any = FakeSpawner()
        for name, value in settings.items():
            setattr(self.spawner, name, value)
        self.sent: list[tuple[Message, Channels]] = []
        HubState.of(self.spawner).part(MessageSender, self._sender)
        self.take_up(self.record)

    def _sender(self) -> Any:
        return SimpleNamespace(send=lambda message, channels: self.sent.append((message, channels)))

    def take_up(self, record: Record) -> None:
        """Go on with a record, as a Hub does that was started again."""
        self.spawner.session = Session(self.cluster, "ada", keep=lambda: None, name="ada:fit", log=LOG, record=record)

    async def look_after(self, minutes: float) -> list[str]:
        """Let so many minutes go by, ask Slurm, and look; the kinds of all messages so far."""
        await asyncio.sleep(minutes * MINUTE)
        await self.cluster.jobs.get()
        await look([self.spawner])
        return [message.event for message, _channels in self.sent]


def test_told_once_before_the_end() -> None:
    """A quarter of an hour before; not again at later looks, nor by the next run of the Hub."""

    async def scenario() -> None:
        rig = Rig()
        assert await rig.look_after(104) == []
        assert await rig.look_after(2) == ["ends_soon"]
        assert await rig.look_after(1) == ["ends_soon"]
        rig.take_up(Record.from_state(rig.spawner.session.record.as_state()))
        assert await rig.look_after(12) == ["ends_soon"]
        message, channels = rig.sent[0]
        assert (message.user, message.server, message.job_id, message.node) == ("ada", "fit", 100, "g001")
        assert message.ends_at == rig.job.end
        assert message.subject.startswith("Fit of July ends at ")
        assert "The time of your session Fit of July is up in 14 min, at " in message.text
        assert message.url == "/hub/home"
        assert channels == Channels(("/bin/tell",))

    virtually(scenario)


def test_told_anew_of_another_end() -> None:
    """Where an administrator gives it more time the message comes again before the new end; of a minute more or less it does not."""

    async def scenario() -> None:
        rig = Rig()
        assert rig.job.end is not None
        assert await rig.look_after(106) == ["ends_soon"]
        rig.job.end += 30
        assert await rig.look_after(1) == ["ends_soon"]
        rig.job.end += 60 * MINUTE
        assert await rig.look_after(1) == ["ends_soon"]
        assert await rig.look_after(60) == ["ends_soon", "ends_soon"]

    virtually(scenario)


def _short(rig: Rig) -> None:
    rig.job.end = rig.job.submit + 1 + 10 * MINUTE


def _pending(rig: Rig) -> None:
    rig.job.state = "PENDING"


def _ended(rig: Rig) -> None:
    rig.spawner.session.set_end("FAILED", "It failed.")


def _unknown_end(rig: Rig) -> None:
    rig.job.end = None


def _somebody_elses(rig: Rig) -> None:
    rig.job.user = "grace"


@pytest.mark.parametrize("change", [_short, _pending, _ended, _unknown_end, _somebody_elses])
def test_nothing_is_said(change: Callable[[Rig], None]) -> None:
    """Of a session that is shorter than the warning, that waits or is over, whose end nobody knows, or whose job is another's."""

    async def scenario() -> None:
        rig = Rig()
        change(rig)
        for minutes in (5, 101, 10):
            assert await rig.look_after(minutes) == []

    virtually(scenario)


@pytest.mark.parametrize(
    "settings",
    [{"message_kinds": ["started", "ended", "idle"]}, {"message_command": ()}, {"ready": False}, {"message_end_minutes": 5.0}],
)
def test_as_the_admin_wants(settings: dict[str, Any]) -> None:
    """Not of other kinds, by no way, of a server that starts or stops, nor earlier than was set."""

    async def scenario() -> None:
        rig = Rig(**settings)
        assert await rig.look_after(108) == []

    virtually(scenario)


def test_who_waited_is_told_of_the_start() -> None:
    """And nobody who has just pressed the button."""

    async def scenario() -> None:
        rig = Rig()
        tell_started(rig.spawner, rig.spawner.session)
        assert rig.sent == []
        await asyncio.sleep(2 * MINUTE)
        tell_started(rig.spawner, rig.spawner.session)
        ((message, _channels),) = rig.sent
        assert (message.event, message.subject) == ("started", "Fit of July has started")
        assert message.text == "Your session Fit of July has started on g001."

    virtually(scenario)


@pytest.mark.parametrize(
    ("language", "subject", "text"),
    [
        ("", "Fit of July has ended", "Your session Fit of July has ended. The walltime was reached. Ask for more."),
        ("it", "Fit of July è terminata", "La sessione Fit of July è terminata. The walltime was reached. Ask for more."),
    ],
)
def test_how_it_ended(language: str, subject: str, text: str) -> None:
    """In the user's language, with the sentence that the pages have and what to do."""

    async def scenario() -> None:
        rig = Rig()
        HubState.of(rig.spawner).part(LatestLanguages).remember("ada", language)
        end = End("TIMEOUT", "The walltime was reached.", 5.0, category="time_limit", what_to_do="Ask for more.")
        tell_ended(rig.spawner, rig.spawner.session, end, "Fit of July")
        tell_ended(rig.spawner, rig.spawner.session, end, "Fit of July")
        ((message, _channels),) = rig.sent
        assert (message.event, message.category, message.subject, message.text) == ("ended", "time_limit", subject, text)

    virtually(scenario)


@pytest.mark.parametrize(("kinds", "told"), [(["ended"], 1), (["started", "idle"], 0), ([], 0)])
def test_what_the_user_wants(kinds: Sequence[Any], told: int) -> None:
    """No message of a kind that they have not chosen."""

    async def scenario() -> None:
        rig = Rig()
        state = HubState.of(rig.spawner)
        state.part(MessageChoices)._rows = {"ada": MessageChoice("ada", frozenset(kinds), 5.0)}
        tell_ended(rig.spawner, rig.spawner.session, End("TIMEOUT", "The walltime was reached.", 5.0), "Fit of July")
        assert len(rig.sent) == told

    virtually(scenario)


def test_the_ways() -> None:
    """E-mail needs all of its three settings; the user's name stands in the address."""
    spawner: Any = FakeSpawner()
    spawner.message_command = ()
    assert channels_of(spawner) is None
    spawner.message_mail_server, spawner.message_mail_from = "localhost", "jupyter@example.org"
    assert channels_of(spawner) is None
    spawner.message_mail_to = "{username}@example.org"
    assert channels_of(spawner) == Channels(mail=Mail("localhost", "jupyter@example.org", "ada@example.org"))
    spawner.message_webhook = "https://chat.example.org/hooks"
    channels = channels_of(spawner)
    assert channels is not None
    assert channels.webhook == "https://chat.example.org/hooks"
