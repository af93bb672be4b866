"""What the admin has to say, read from YAML or JSON: announcements for all or for some, and which partitions are in trouble or closed."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema, model_validator

from ..errors import ResourceFormError
from ..humanize import dated, day_and_time
from ..i18n import N_, _
from .audience import UNKNOWN_VIEWER, Audience, Viewer
from .located_yaml import Located, problems_of, read_located
from .watched_file import WatchedFile

MAX_BYTES = 64 * 1024
MAX_NOTICES = 100
MAX_PARTITIONS = 1000
LATEST = 1e11
"""Seconds since the epoch that every calendar can still name."""

LINK = r"^(https?://[!-~]+|/([!-.0-\[\]-~][!-~]*)?)?$"
"""A page elsewhere, or one of this site: never ``//host``, nor ``/\\host``, which browsers take for the same."""

Level = Literal["info", "warning", "danger"]
_SEVERITY: Mapping[str, int] = {"danger": 0, "warning": 1, "info": 2}


def _plain(text: str) -> str:
    """One line without what moves the cursor or turns the direction of writing."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def _moment(value: Any, *, end_of_day: bool) -> float | None:
    if value is None:
        return None
    try:
        moment = datetime.datetime.fromisoformat(value.strip().replace("Z", "+00:00"))
        if end_of_day and len(value.strip()) <= len("2026-11-21"):
            moment += datetime.timedelta(days=1)
        seconds = moment.timestamp()
    except (AttributeError, TypeError, ValueError, OverflowError, OSError):
        seconds = -1.0
    if not 0 <= seconds < LATEST:
        raise ValueError("write it as 2026-11-21, 2026-11-21T08:00 or 2026-11-21T08:00+01:00")
    return seconds


def _begin(value: Any) -> float | None:
    return _moment(value, end_of_day=False)


def _end(value: Any) -> float | None:
    return _moment(value, end_of_day=True)


Text = Annotated[str, Field(max_length=1000), AfterValidator(_plain)]


_WRITTEN = WithJsonSchema({"type": "string", "format": "date-time"})
"""How a moment is written, for whoever reads the schema."""


class Period(BaseModel):
    """A time from one moment to another, seconds since the epoch; None: without a beginning or an end.

    Written in ISO 8601; what has no zone is in the Hub's own. A day alone begins at midnight, and ends with the day.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    since: Annotated[float | None, BeforeValidator(_begin), _WRITTEN] = Field(
        default=None, alias="from", description="When it begins: 2026-11-21, or 2026-11-21T08:00. Empty: it has begun."
    )
    until: Annotated[float | None, BeforeValidator(_end), _WRITTEN] = Field(
        default=None, description="When it ends; a day ends at midnight. Empty: never."
    )

    @model_validator(mode="after")
    def _has_an_end_after_its_beginning(self) -> Period:
        if self.since is not None and self.until is not None and self.until <= self.since:
            raise ValueError("until is not after from")
        return self

    def holds(self, now: float) -> bool:
        """Tell whether ``now`` (seconds since the epoch) is within."""
        return (self.since is None or self.since <= now) and (self.until is None or now < self.until)


class Notice(Audience, Period):
    """An announcement: plain text, a link if there is more to read. For those of its audience; without one for everyone."""

    text: Text = Field(min_length=1, description="What is said, plain text.")
    link: str = Field(default="", max_length=500, pattern=LINK, description="Where there is more: https://…, or a path of this site.")
    level: Level = Field(default="info", description="How grave it is; the gravest stands first.")

    @model_validator(mode="after")
    def _says_something(self) -> Notice:
        if not self.text:
            raise ValueError("text is empty")
        return self


class Health(Period):
    """The state of a partition: ``degraded`` is said on the form, ``closed`` takes no new sessions."""

    state: Literal["ok", "degraded", "closed"] = Field(description="degraded: the form says so; closed: no new session is started there.")
    text: Text = Field(default="", description="Why, and for how long. It is needed unless the state is ok.")

    @model_validator(mode="after")
    def _says_why(self) -> Health:
        if self.state != "ok" and not self.text:
            raise ValueError(f"a partition that is {self.state} needs a text that says why")
        return self


HEALTHY = Health(state="ok")


def _as_several(value: Any) -> Any:
    return (value,) if isinstance(value, Mapping) else value


States = Annotated[tuple[Health, ...], BeforeValidator(_as_several), Field(max_length=MAX_NOTICES)]
"""What is or will be the matter with one partition: one state, or a list of them, each with its time."""


class Board(BaseModel):
    """All that the admin has to say: ``notices`` in the admin's order, ``health`` by partition."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    notices: tuple[Notice, ...] = Field(default=(), max_length=MAX_NOTICES, description="The announcements.")
    health: Mapping[Annotated[str, Field(min_length=1, max_length=200)], States] = Field(
        default_factory=dict, max_length=MAX_PARTITIONS, description="By the name of a partition: its state, or a list of states."
    )

    def health_of(self, partition: str, now: float) -> Health:
        """Return the state of the partition ``now`` (seconds since the epoch), the worst where it has several."""
        states = (state for state in self.health.get(partition, ()) if state.holds(now))
        return max(states, key=lambda state: _WORSE[state.state], default=HEALTHY)

    def closed(self, now: float) -> dict[str, str]:
        """Return the partitions that take no new sessions ``now`` (seconds since the epoch), and the admin's words why."""
        found = {name: self.health_of(name, now) for name in self.health}
        return {name: health.text for name, health in found.items() if health.state == "closed"}

    def with_more(self, other: Board) -> Board:
        """Return both together."""
        health = {name: (*self.health.get(name, ()), *other.health.get(name, ())) for name in {**self.health, **other.health}}
        return Board.model_construct(notices=(*self.notices, *other.notices), health=health)


_WORSE: Mapping[str, int] = {"ok": 0, "degraded": 1, "closed": 2}

EMPTY_BOARD = Board()


@dataclass(frozen=True, slots=True)
class Announcement:
    """What stands at the top of the form. ``text`` and ``link`` are the admin's: text, to be escaped."""

    text: str
    level: Level = "info"
    link: str = ""


def active(board: Board, now: float, viewer: Viewer = UNKNOWN_VIEWER) -> tuple[Notice, ...]:
    """Return the notices for ``viewer`` that hold ``now`` (seconds since the epoch), the gravest first, else in the admin's order."""
    found = [notice for notice in board.notices if notice.holds(now) and notice.admits(viewer)]
    return tuple(sorted(found, key=lambda notice: _SEVERITY[notice.level]))


def announcements(board: Board, now: float, viewer: Viewer = UNKNOWN_VIEWER) -> tuple[Announcement, ...]:
    """Return all that ``viewer`` is told ``now`` (seconds since the epoch): the notices, and the health of the viewer's partitions."""
    said = [Announcement(notice.text, notice.level, notice.link) for notice in active(board, now, viewer)]
    said += _health_in_words(board, now, viewer)
    return tuple(sorted(said, key=lambda entry: _SEVERITY[entry.level]))


def _health_in_words(board: Board, now: float, viewer: Viewer) -> Iterator[Announcement]:
    for name in sorted(viewer.partitions & board.health.keys()):
        health = board.health_of(name, now)
        if health.state == "ok":
            continue
        lasts = health.until is not None
        if health.state == "closed":
            sentence = _("Partition {partition} is closed until {until}: {text}") if lasts else _("Partition {partition} is closed: {text}")
        else:
            sentence = _("Partition {partition}, until {until}: {text}") if lasts else _("Partition {partition}: {text}")
        until = day_and_time(health.until, now) if health.until is not None else ""
        text = dated(sentence, partition=name, until=until, text=health.text)
        yield Announcement(text, "danger" if health.state == "closed" else "warning")


# --- reading ---------------------------------------------------------------------------------------------------------------------


def _unreadable(source: str, what: str) -> ResourceFormError:
    return ResourceFormError(N_("The announcements of this service cannot be read at the moment."), log=f"{source}: {what}"[:1000])


def parse_notices(text: str, *, source: str = "the notices") -> Board:
    """Read what YAML or JSON says: a mapping with ``notices`` (a list) and ``health`` (by partition); nothing at all is nothing to say.

    Raises
    ------
    ResourceFormError
        Its log names the source, the entry and the key that is wrong or missing.
    """
    if len(text.encode(errors="replace")) > MAX_BYTES:
        raise _unreadable(source, f"it has more than {MAX_BYTES} bytes")
    try:
        located = _located(text)
    except (ValueError, RecursionError) as error:
        raise _unreadable(source, " ".join(str(error).split())) from None
    try:
        return EMPTY_BOARD if located.data is None else Board.model_validate(located.data)
    except ValidationError as error:
        raise _unreadable(source, "; ".join(problems_of(error, located))) from None


def _located(text: str) -> Located:
    try:
        return Located(json.loads(text), {})
    except ValueError:
        return read_located(text)


def read_notices(path: str | Path) -> Board:
    """Read the notices in a file.

    Raises
    ------
    ResourceFormError
        It cannot be read, or says something else.
    """
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        text = content.decode()
    except OSError as error:
        raise _unreadable(str(path), error.strerror or type(error).__name__) from None
    except UnicodeDecodeError:
        raise _unreadable(str(path), "it is not UTF-8") from None
    return parse_notices(text, source=str(path))


class NoticesFile(WatchedFile[Board]):
    """Notices in a file: one that was taken away says nothing any more, which is how an admin ends all notices at once."""

    def __init__(self, path: str | Path) -> None:
        super().__init__(path, read_notices, gone=EMPTY_BOARD)

    def current(self) -> Board:
        """Return the notices as the file has them now, else the last good ones, none if there never were."""
        return self.latest() or EMPTY_BOARD
