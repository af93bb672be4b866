"""The stop of a session by somebody else than its user, who is told that an administrator did it, and why."""

from __future__ import annotations

from ..errors import RequestRejected
from ..i18n import _
from .known import name_of
from .own_spawner import own_spawner
from .protocol import HubHandler, HubSpawner
from .reach import is_guest, user_within_reach

LONGEST_WHY = 200


def server_to_stop(handler: HubHandler, name: str, server: str) -> HubSpawner | None:
    """Return the spawner of a user's server that the caller may stop; None where there is none, or none within reach."""
    user = user_within_reach(handler, name, "delete:servers")
    if user is None or (server and server not in user.orm_user.orm_spawners):
        return None
    spawner: HubSpawner = user.spawners[server]
    return spawner if handler.get_scope_filter("delete:servers")(spawner.orm_spawner, "server") else None


def read_why(text: object) -> str:
    """Read what somebody says to the user whose session they stop: one line, empty for nothing.

    Raises
    ------
    RequestRejected
        It is no text, too long, or has characters that cannot be seen.
    """
    words = " ".join(text.split()) if isinstance(text, str) else None
    if words is None or not words.isprintable():
        raise RequestRejected({"why": _("Why: only plain text can be shown to the user.")})
    if len(words) > LONGEST_WHY:
        sentence = _("Why: {number} characters are too many. Say it in {most}.")
        raise RequestRejected({"why": sentence.format(number=len(words), most=LONGEST_WHY)})
    return words


def note_stop(handler: HubHandler, spawner: HubSpawner, why: str, *, ordered: bool = True) -> None:
    """Note who stops a session, before it is stopped; without ``ordered`` it came to nothing.

    One's own stop needs no reason; a guest to whom the user gave a share with a Stop is no administrator."""
    own, caller = own_spawner(spawner), handler.current_user
    session = own.session if own is not None else None
    is_own = getattr(caller, "kind", "user") == "user" and caller.name == name_of(spawner.user)
    if session is not None and not is_own and not is_guest(handler.parsed_scopes, "delete:servers", spawner):
        session.stops_because_of_administrator(why, does=ordered)
