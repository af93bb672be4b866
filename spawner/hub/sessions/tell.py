"""What a user is told of a session: in their language, of the kinds that they want, not too often, by the ways that are set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jupyterhub.utils import url_path_join

from ...gpu.idle import Notice, idle_minutes
from ...humanize import day_and_time, duration
from ...i18n import _, using
from ...session.message import Message, MessageKind, MessageRates
from ...session.record import End
from ...session.session import Session
from ...session.status_text import idle_in_words
from ..channels import Channels, Mail, MessageSender
from ..known import name_of
from ..labels import labels_of
from ..locale import language_spoken
from ..own_spawner import own_spawner
from ..protocol import HubSpawner
from ..settings.messages import USER
from ..state import HubState
from .message_choices import offered_kinds, wanted_kinds
from .options import display_name

Words = tuple[str, str]
"""A message's subject and text."""

STARTED_AFTER_SECONDS = 60.0
"""Who has waited for less looks at the page still."""


def channels_of(spawner: HubSpawner) -> Channels | None:
    """Return by which ways messages of a spawner's sessions go; None for none."""
    own, mail = own_spawner(spawner), None
    if own is None:
        return None
    if own.message_mail_server and own.message_mail_from and own.message_mail_to:
        to = own.message_mail_to.replace(USER, name_of(spawner.user))
        mail = Mail(own.message_mail_server, own.message_mail_from, to)
    channels = Channels(tuple(own.message_command), own.message_webhook, mail)
    return channels if channels.command or channels.webhook or channels.mail else None


def sends_messages(spawner: HubSpawner) -> bool:
    """Tell whether there are messages that a spawner's user may choose among."""
    own = own_spawner(spawner)
    return own is not None and bool(offered_kinds(own)) and channels_of(spawner) is not None


def tell_started(spawner: HubSpawner, session: Session) -> None:
    """Tell the user that a session has started for which they had to wait."""
    if session.cluster.clock() - session.record.submitted < STARTED_AFTER_SECONDS:
        return

    def words(name: str) -> Words:
        text = _("Your session {name} has started on {node}.").format(name=name, node=session.record.node)
        return _("{name} has started").format(name=name), text

    _tell(spawner, session, "started", words)


def tell_ends_soon(spawner: HubSpawner, session: Session, ends: float) -> None:
    """Tell the user when the walltime of a session ends; ``ends`` in seconds since the epoch."""

    def words(name: str) -> Words:
        now = session.cluster.clock()
        moment, left = day_and_time(ends, now), duration(max(1, round((ends - now) / 60)))
        text = _("The time of your session {name} is up in {duration}, at {time}. What is not saved by then is lost.")
        return _("{name} ends at {time}").format(name=name, time=moment), text.format(name=name, duration=left, time=moment)

    _tell(spawner, session, "ends_soon", words, ends_at=ends)


def tell_ended(spawner: HubSpawner, session: Session, end: End, name: str) -> None:
    """Tell the user how a session ended that they did not stop themselves; ``name`` is what it is called in the list of past ones.

    Its server may be no more by now.
    """

    def words(name: str) -> Words:
        text = " ".join(filter(None, (_("Your session {name} has ended.").format(name=name), end.sentence, end.what_to_do)))
        return _("{name} has ended").format(name=name), text

    _tell(spawner, session, "ended", words, name, category=end.category, idle_minutes=session.record.idle_minutes)


def tell_idle(spawner: HubSpawner, session: Session, notice: Notice, received: float) -> None:
    """Tell the user that the GPUs of a session do nothing, by a report that was ``received`` so many seconds after the epoch."""

    def words(name: str) -> Words:
        return _("The GPUs of {name} do nothing").format(name=name), idle_in_words(notice, session.cluster.clock())

    minutes = idle_minutes(notice, received)
    _tell(spawner, session, "idle", words, stops_at=notice.stops_at, gpus=notice.gpus, idle_minutes=minutes)


def _tell(spawner: HubSpawner, session: Session, kind: MessageKind, words: Callable[[str], Words], name: str = "", **facts: Any) -> None:
    """Send a message, if it is wanted: ``words`` has its subject and text, of a session that is called so, in the language in use."""
    own, channels, state = own_spawner(spawner), channels_of(spawner), HubState.of(spawner)
    if own is None or channels is None or kind not in wanted_kinds(own):
        return
    user, now = name_of(spawner.user), session.cluster.clock()
    if not state.part(MessageRates).may_send(kind, user, spawner.name, now, hourly=own.message_hourly):
        state.log.info("%s is not told (%s): too often", session.name, kind)
        return
    with using(language_spoken(spawner)):
        called = name or display_name(spawner.orm_spawner, spawner.orm_spawner.user_options, labels_of(spawner))
        subject, text = words(called)
    record, url = session.record, _home_url(state)
    message = Message(kind, user, spawner.name, called, record.job_id, record.node, subject, text, url, **facts)
    state.part(MessageSender, lambda: MessageSender(state.cluster.runner, state.log)).send(message, channels)


def _home_url(state: HubState) -> str:
    app = state.settings.get("app")
    return str(url_path_join(getattr(app, "public_url", "") or getattr(app, "base_url", "/"), "hub", "home"))
