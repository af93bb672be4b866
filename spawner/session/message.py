"""What is told of a session elsewhere than on its pages: by e-mail, to a program of the site's, to an address. Pure."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Literal

from ..cache import BoundedDict
from ..humanize import iso_time

MessageKind = Literal["started", "ends_soon", "ended", "idle"]
KINDS: tuple[MessageKind, ...] = ("started", "ends_soon", "ended", "idle")
"""The kinds of messages, in the order in which a session brings them about."""

AGAIN_SECONDS = 600.0
"""So long after a message of one kind about a server there is no other of that kind about it."""

HOUR_SECONDS = 3600.0
MAX_USERS = 10_000

_MOMENTS = ("ends_at", "stops_at")


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    ``subject`` and ``text`` are plain text in the user's language. ``display_name`` is what the cards call the session. ``ends_at`` is the
    end of its time limit, ``stops_at`` when it is stopped for doing nothing: seconds since the epoch, None where that is not so.
    ``category`` is why it ended (docs/sessions.md), ``gpus`` and ``idle_minutes`` what does nothing and for how long. ``url`` is the
    page of the user's sessions.
    """

    event: MessageKind
    user: str
    server: str
    display_name: str
    job_id: int
    node: str
    subject: str
    text: str
    url: str
    ends_at: float | None = None
    stops_at: float | None = None
    category: str = ""
    gpus: int = 0
    idle_minutes: int = 0

    def as_json(self) -> str:
        """Return the message as programs get it, with moments in ISO 8601, UTC."""
        facts = asdict(self)
        return json.dumps(facts | {name: None if facts[name] is None else iso_time(facts[name]) for name in _MOMENTS})


@dataclass(slots=True)
class MessageRates:
    """How often users are told: of one kind about one server once in :data:`AGAIN_SECONDS`, and so many times an hour in all."""

    _sent: BoundedDict[str, deque[float]] = field(default_factory=lambda: BoundedDict(MAX_USERS))
    _latest: BoundedDict[tuple[str, str, str], float] = field(default_factory=lambda: BoundedDict(MAX_USERS))

    def may_send(self, kind: MessageKind, user: str, server: str, now: float, *, hourly: int) -> bool:
        """Tell whether a message may be sent ``now``, in seconds since the epoch, and count it if so."""
        sent = self._sent.get(user) or deque()
        while sent and not 0 <= now - sent[0] < HOUR_SECONDS:
            sent.popleft()
        key = (user, server, kind)
        if len(sent) >= hourly or 0 <= now - self._latest.get(key, -AGAIN_SECONDS) < AGAIN_SECONDS:
            return False
        sent.append(now)
        self._sent[user], self._latest[key] = sent, now
        return True
