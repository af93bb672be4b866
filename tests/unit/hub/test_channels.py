"""The ways of a message: a command, an address, e-mail through a real SMTP server; and what may be set of them."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from tornado import web
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from traitlets import TraitError

from spawner.hub import channels
from spawner.hub.channels import Channels, Mail, MessageSender
from spawner.hub.settings.spawner import SpawnerSettings
from spawner.slurm.runner import Result, SlurmRunner
from tests.support.mailbox import MailBox, open_mailbox
from tests.unit.session.test_message import MESSAGE

LOG = logging.getLogger("tests.channels")


def test_a_command_gets_it_on_its_standard_input(tmp_path: Any, caplog: pytest.LogCaptureFixture) -> None:
    """It is a process like all others: argv, nothing of the Hub's environment; what it prints on failure is in the log."""

    async def scenario() -> None:
        messages = MessageSender(SlurmRunner(), LOG)
        messages.send(MESSAGE, Channels(("/bin/sh", "-c", f"cat > {tmp_path}/got")))
        messages.send(MESSAGE, Channels(("/bin/sh", "-c", "cat >/dev/null; echo no such address >&2; exit 3")))
        messages.send(MESSAGE, Channels(("/nowhere/mail",)))
        messages.send(MESSAGE, Channels())
        await messages.sent()

    asyncio.run(scenario())
    assert json.loads((tmp_path / "got").read_text()) == json.loads(MESSAGE.as_json())
    assert "message_command exited with 3: no such address" in caplog.text
    assert "/nowhere/mail" in caplog.text


def test_few_commands_at_a_time() -> None:
    """A whole cluster that falls idle at once is no flood of processes."""

    class Runner:
        running = most = number = 0

        async def run(self, argv: Any, **_: Any) -> Result:
            self.running += 1
            self.number += 1
            self.most = max(self.most, self.running)
            await asyncio.sleep(0.01)
            self.running -= 1
            return Result(tuple(argv), 0, "", "", 0.01)

    async def scenario() -> None:
        runner = Runner()
        messages = MessageSender(runner, LOG)  # type: ignore[arg-type]
        for _ in range(50):
            messages.send(MESSAGE, Channels(("/bin/mail",)))
        await messages.sent()
        assert (runner.number, runner.most) == (50, 4)

    asyncio.run(scenario())


def test_a_webhook_gets_it(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Posted as JSON, to that address only; a failure is in the log, without the address, which may be a secret."""
    monkeypatch.setattr("spawner.hub.channels.WEBHOOK_SECONDS", 2.0)
    got: list[tuple[str, str | None, Any]] = []

    class Hook(web.RequestHandler):
        def get(self, name: str) -> None:
            got.append((name, None, None))

        async def post(self, name: str) -> None:
            got.append((name, self.request.headers.get("Content-Type"), json.loads(self.request.body)))
            if name == "redirect":
                self.redirect("/hooks/elsewhere")
            elif name == "hangs":
                await asyncio.sleep(5)
            elif name != "canary":
                self.set_status(500)

    async def scenario() -> None:
        socket, port = bind_unused_port()
        server = HTTPServer(web.Application([(r"/hooks/(.*)", Hook)]))
        server.add_socket(socket)
        messages = MessageSender(SlurmRunner(), LOG)
        for name in ("canary", "secret", "redirect", "hangs"):
            messages.send(MESSAGE, Channels(webhook=f"http://127.0.0.1:{port}/hooks/{name}"))
        messages.send(MESSAGE, Channels(webhook="http://127.0.0.1:1/hooks/secret"))
        await messages.sent()
        server.stop()

    asyncio.run(scenario())
    assert sorted(name for name, _kind, _body in got) == ["canary", "hangs", "redirect", "secret"]
    assert all((kind, body) == ("application/json", json.loads(MESSAGE.as_json())) for _name, kind, body in got)
    failures = [record.getMessage() for record in caplog.records if "message_webhook" in record.getMessage()]
    assert len(failures) == 4
    assert not any("secret" in text or "redirect" in text for text in failures)


@pytest.fixture
def mailbox() -> Iterator[MailBox]:
    """A mail server of this machine's."""
    with open_mailbox() as box:
        yield box


def mailed(mail: Mail, message: Any = MESSAGE) -> None:
    """Send a message to a mailbox, and wait."""

    async def scenario() -> None:
        sender = MessageSender(SlurmRunner(), LOG)
        sender.send(message, Channels(mail=mail))
        await sender.sent()

    asyncio.run(scenario())


def test_a_letter(mailbox: MailBox) -> None:
    """From whom and to whom the admin says, in any letters, marked so that no holiday notice answers it."""
    subject = "Versuch mit Umlaut: größer, èà"
    mailed(Mail(mailbox.server, "jupyter@example.org", "ada@example.org"), replace(MESSAGE, subject=subject, text="È finita. ‘Ada’"))
    ((sender, receivers, letter),) = mailbox.taken
    assert (sender, receivers) == ("jupyter@example.org", ["ada@example.org"])
    assert (letter["Subject"], letter["From"], letter["To"]) == (subject, "jupyter@example.org", "ada@example.org")
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter.get_content().replace("\r\n", "\n") == "È finita. ‘Ada’\n\nhttps://jupyter.example.org/hub/home\n"


def test_a_hub_that_does_not_know_its_address(mailbox: MailBox) -> None:
    """The letter has no path that leads nowhere."""
    mailed(Mail(mailbox.server, "jupyter@example.org", "ada@example.org"), replace(MESSAGE, url="/hub/home"))
    assert mailbox.taken[0].letter.get_content().splitlines() == [MESSAGE.text]


def test_a_name_makes_no_header(mailbox: MailBox) -> None:
    """Whatever a user calls a session, it stays in the subject; a user's name that makes no address gets no letter."""
    subject = "x\r\nBcc: grace@example.org\r\n\r\nhello"
    mailed(Mail(mailbox.server, "jupyter@example.org", "ada@example.org"), replace(MESSAGE, subject=subject))
    ((_sender, receivers, letter),) = mailbox.taken
    assert (receivers, letter["Bcc"], letter["Subject"]) == (["ada@example.org"], None, "x Bcc: grace@example.org hello")
    for name in ("ada\r\nBcc: x", "a b", "", "ada, grace@example.org"):
        mailed(Mail(mailbox.server, "jupyter@example.org", f"{name}@example.org"))
    assert len(mailbox.taken) == 1


@pytest.mark.parametrize(
    ("server", "to"), [("", "nobody@example.org"), ("127.0.0.1:1", "ada@example.org"), ("no.such.host.invalid", "a@b.c")]
)
def test_a_letter_that_is_not_taken(mailbox: MailBox, server: str, to: str, caplog: pytest.LogCaptureFixture) -> None:
    """The log says whose and by which server."""
    mailed(Mail(server or mailbox.server, "jupyter@example.org", to))
    assert mailbox.taken == []
    assert f"The message for ada could not be mailed by {server or mailbox.server}" in caplog.text


def test_a_server_that_is_away_fills_no_memory(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """With many on their way the next ones are left out."""
    monkeypatch.setattr(channels, "MAX_WAITING", 3)

    class Runner:
        number = 0

        async def run(self, argv: Any, **_: Any) -> Result:
            self.number += 1
            await asyncio.sleep(0.01)
            return Result(tuple(argv), 0, "", "", 0.01)

    async def scenario() -> None:
        runner = Runner()
        sender = MessageSender(runner, LOG)  # type: ignore[arg-type]
        for _ in range(5):
            sender.send(MESSAGE, Channels(("/bin/mail",)))
        await sender.sent()
        assert runner.number == 3
        sender.send(MESSAGE, Channels(("/bin/mail",)))
        await sender.sent()
        assert runner.number == 4

    asyncio.run(scenario())
    assert caplog.text.count("A message for ada is left out") == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("message_kinds", ["started", "born"]),
        ("message_end_minutes", 0),
        ("message_end_minutes", float("nan")),
        ("message_hourly", 0),
        ("message_command", ["mail"]),
        ("message_command", ["/bin/mail -s idle"]),
        ("message_command", ["/bin/mail", "\0"]),
        ("message_webhook", "chat.example.org"),
        ("message_webhook", "file:///etc/passwd"),
        ("message_webhook", "https://"),
        ("message_webhook", "https://h/\nx"),
        ("message_mail_server", "mail host"),
        ("message_mail_server", "mail:"),
        ("message_mail_server", "mail:smtp"),
        ("message_mail_server", "mail:70000"),
        ("message_mail_server", "smtp://mail"),
        ("message_mail_from", "jupyter"),
        ("message_mail_from", "a@b.c, d@e.f"),
        ("message_mail_to", "all@example.org"),
        ("message_mail_to", "{username}"),
        ("message_mail_to", "{username}@example.org\nBcc: x@y.z"),
    ],
)
def test_what_may_not_be_set(name: str, value: Any) -> None:
    """It is refused with the setting's name, and without an address that may be a secret."""
    with pytest.raises(TraitError, match=name) as refused:
        SpawnerSettings(**{name: value})
    if name == "message_webhook" and value != "https://":
        assert value not in str(refused.value)


def test_what_may_be_set() -> None:
    """What the examples of the settings say."""
    settings = SpawnerSettings(
        message_kinds=["idle", "started"],
        message_end_minutes=30,
        message_hourly=5,
        message_command=["/bin/mail", "-s", "idle"],
        message_webhook="https://h:1/x?y",
        message_mail_server="mail.example.org:587",
        message_mail_from="jupyter@example.org",
        message_mail_to="{username}@example.org",
    )
    assert settings.message_kinds == ["started", "idle"]
    assert SpawnerSettings().message_kinds == ["started", "ends_soon", "ended", "idle"]
