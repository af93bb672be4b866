"""A user's sessions, as the Hub has them, and the one that a name on the command line means."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...i18n import _
from ..answering import NotPossible, note
from ..exit_codes import FAILED
from ..hub_client import Hub, entries_in, plain
from .words import moment_of, time_in_words, title_of

Session = Mapping[str, Any]

PATH = "resource-form/sessions"


@dataclass(frozen=True, slots=True)
class Sessions:
    """All that the Hub told of, those that go on first, then those that are over, the latest first.

    ``stale``: Slurm does not answer, and they are as they were at ``as_of``.
    """

    all: Sequence[Session]
    as_of: str
    stale: bool

    @classmethod
    def of(cls, hub: Hub, *, limit: int | None = None) -> Sessions:
        """Ask the Hub. ``limit`` is how many that are over; without one as many as the Hub tells by itself.

        Raises
        ------
        HubTrouble
            There is no answer.
        """
        answer = hub.read("GET", PATH if limit is None else f"{PATH}?limit={limit}")
        return cls(entries_in(answer, "sessions"), str(answer.get("as_of") or ""), bool(answer.get("stale")))

    @property
    def going_on(self) -> list[Session]:
        """Those that are not over."""
        return [entry for entry in self.all if goes_on(entry)]

    @property
    def over(self) -> list[Session]:
        """Those that are over."""
        return [entry for entry in self.all if not goes_on(entry)]

    def newest(self, name: str) -> Session | None:
        """Return the server's session that goes on, else its last one; None where there was none."""
        return next((entry for entry in self.all if entry.get("name") == name), None)

    def named(self, name: str, code: int = FAILED) -> Session:
        """Return the newest session of a name: the server's, or what its user has called it where only one is called so.

        Raises
        ------
        NotPossible
            There is none: ``code``; the message names those that there are.
        """
        found = self.newest(name)
        called = {str(entry.get("name")): entry for entry in reversed(self.all) if entry.get("named") and entry.get("display_name") == name}
        if found is None and name and len(called) == 1:
            found = self.newest(next(iter(called)))
        if found is None:
            raise NotPossible(self._none_of(name), code)
        return found

    def _none_of(self, name: str) -> str:
        there_are = ", ".join(dict.fromkeys(plain(title_of(entry)) for entry in self.all))
        if not there_are:
            return _("You have no session.")
        if not name:
            return _("You have no session without a name. There are: {names}.").format(names=there_are)
        return _("There is no session named {name}. There are: {names}.").format(name=plain(name), names=there_are)

    def note_age(self, session: Session | None = None) -> None:
        """Tell on standard error that this is not how things stand now, unless the session's own sentence says so."""
        moment = moment_of(self.as_of)
        if self.stale and (session is None or session.get("state") != "unknown"):
            words = time_in_words(moment) if moment is not None else _("an unknown time")
            note(_("Slurm does not answer. This is how things stood at {time}.").format(time=words))


def goes_on(session: Session) -> bool:
    """Tell whether a session is not over."""
    return session.get("kind") == "running"


def add_name(parser: argparse.ArgumentParser) -> None:
    """Add the name of a session as the argument of a command."""
    parser.add_argument("name", nargs="?", default="", metavar="NAME", help=_("the session's name; else the one without a name"))
