"""What a user is told of a session: in their language, of the kinds that they want, not too often, by the ways that are set."""

from __future__ import annotations

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
from .message_choices import wanted_kinds
from .options import display_name

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
    return own is not None and bool(own.message_kinds) and channels_of(spawner) is not None


def tell_started(spawner: HubSpawner, session: Session) -> None:
    """Tell the user that a session has started for which they had to wait."""
    now, record = session.cluster.clock(), session.record
    if now - record.submitted < STARTED_AFTER_SECONDS:
        return
    with using(language_spoken(spawner)):
        called = _called(spawner)
        subject = _("{name} has started").format(name=called)
        text = _("Your session {name} has started on {node}.").format(name=called, node=record.node)
        _tell(spawner, session, "started", subject, text)


def tell_ends_soon(spawner: HubSpawner, session: Session, ends: float) -> None:
    """Tell the user when the walltime of a session ends; ``ends`` in seconds since the epoch."""
    now = session.cluster.clock()
    with using(language_spoken(spawner)):
        called, moment = _called(spawner), day_and_time(ends, now)
        subject = _("{name} ends at {time}").format(name=called, time=moment)
        minutes = max(1, round((ends - now) / 60))
        text = _("The time of your session {name} is up in {duration}, at {time}. What is not saved by then is lost.")
        text = text.format(name=called, duration=duration(minutes), time=moment)
        _tell(spawner, session, "ends_soon", subject, text, ends_at=ends)


def tell_ended(spawner: HubSpawner, session: Session, end: End) -> None:
    """Tell the user how a session ended that they did not stop themselves."""
    with using(language_spoken(spawner)):
        called = _called(spawner)
        subject = _("{name} has ended").format(name=called)
        text = " ".join(filter(None, (_("Your session {name} has ended.").format(name=called), end.sentence, end.what_to_do)))
        minutes = session.record.idle_minutes
        _tell(spawner, session, "ended", subject, text, category=end.category, idle_minutes=minutes)


def tell_idle(spawner: HubSpawner, session: Session, notice: Notice, received: float) -> None:
    """Tell the user that the GPUs of a session do nothing, by a report that was ``received`` so many seconds after the epoch."""
    with using(language_spoken(spawner)):
        called = _called(spawner)
        subject = _("The GPUs of {name} do nothing").format(name=called)
        text = idle_in_words(notice, session.cluster.clock())
        facts = {"stops_at": notice.stops_at, "gpus": notice.gpus, "idle_minutes": idle_minutes(notice, received)}
        _tell(spawner, session, "idle", subject, text, **facts)


def _called(spawner: HubSpawner) -> str:
    return display_name(spawner.orm_spawner, spawner.orm_spawner.user_options, labels_of(spawner))


def _tell(spawner: HubSpawner, session: Session, kind: MessageKind, subject: str, text: str, **facts: Any) -> None:
    own, channels, state = own_spawner(spawner), channels_of(spawner), HubState.of(spawner)
    if own is None or channels is None or kind not in wanted_kinds(spawner):
        return
    rates, user = state.part(MessageRates, lambda: MessageRates(own.message_hourly)), name_of(spawner.user)
    if not rates.may_send(kind, user, spawner.name, session.cluster.clock()):
        state.log.info("%s is not told (%s): too often", session.name, kind)
        return
    message = Message(
        event=kind,
        user=user,
        server=spawner.name,
        display_name=_called(spawner),
        job_id=session.record.job_id,
        node=session.record.node,
        subject=subject,
        text=text,
        url=_home_url(state),
        **facts,
    )
    sender_of(state).send(message, channels)


def sender_of(state: HubState) -> MessageSender:
    """Return a Hub's sender of messages."""
    return state.part(MessageSender, lambda: MessageSender(state.cluster.runner, state.log))


def _home_url(state: HubState) -> str:
    app = state.settings.get("app")
    return str(url_path_join(getattr(app, "public_url", "") or getattr(app, "base_url", "/"), "hub", "home"))
