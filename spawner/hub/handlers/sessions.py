"""The lists of sessions, ``/hub/resource-form/sessions``; the way to a new session under a name; names for several at once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from jupyterhub.handlers.base import BaseHandler
from jupyterhub.utils import url_escape_path, url_path_join
from tornado import web

from ...i18n import _, in_use, using
from ...request.field_values import LONGEST_NAME
from ...request.model import FIELDS_OF_THE_PAGE
from ...request.server_names import copies, server_name
from ..apihandlers.session_log import ACCESS
from ..apihandlers.sessions import names_in_use, sessions_for
from ..common import cluster_of
from ..links import options_in_link
from ..locale import language_of
from ..protocol import HubHandler, HubUser
from ..reach import default_server_name, is_active
from ..sessions.days import by_day
from ..sessions.feed import LISTS
from ..sessions.past import MAX_LISTED, Reach, reaches_others

SHOWN_AT_FIRST = 50
"""Rows that the page is sent with; its script asks for the others."""


def newest_first(sessions: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Sort sessions by what happened last: the submission of those that go on, the end of those that are over."""
    return sorted(sessions, key=lambda session: session.get("ended") or session.get("submitted") or "", reverse=True)


def form_link(session: Mapping[str, Any], *, change: bool = True) -> str:
    """Return the address of the form of the session's server, filled with its request.

    With ``change``, what makes sense for another try is changed."""
    values = options_in_link(session["request"])
    if change and session.get("change"):
        values = {**values, **session["change"]}
        values.pop("preset", None)
    query = urlencode({f"opt-{name}": value for name, value in values.items()})
    return f"{session['spawn_url']}?{query}" if query else str(session["spawn_url"])


def new_session_link(user: HubUser, given: Mapping[str, str], *, hub_url: str, named: bool, default: str = "") -> str:
    """Return the address of the form of a new server of the user's.

    Parameters
    ----------
    given
        What was asked for: ``name``, any words, of which the server's name is made; ``copy_of`` instead for a new name after that one,
        NAME-2; ``opt-FIELD`` for what fills the form. Without a name it is the default server's form, unless that server is in use.
    named
        Whether there may be other servers than the default one.
    default
        The name of the server that counts as the default one (``JupyterHub.default_server_name``).
    """
    known = names_in_use(user)
    words, copied = " ".join(given.get("name", "")[:LONGEST_NAME].split()), given.get("copy_of", "")[:LONGEST_NAME]
    server = default if named else ""
    if named and copied:
        words, server = copies(copied, 1, known.values(), known)[0]
    elif named and (words or is_active(user, default)):
        server = server_name(words, known)
    values = {f"opt-{name}": given[f"opt-{name}"] for name in FIELDS_OF_THE_PAGE if given.get(f"opt-{name}")}
    if words and words.isprintable():
        values["opt-name"] = words
    target = url_path_join(hub_url, "spawn", user.escaped_name, url_escape_path(server))
    return f"{target}?{urlencode(values)}" if values else str(target)


def may_do(handler: HubHandler) -> dict[str, Reach]:
    """Return what a visitor may do with sessions that the visitor sees: ``open``, ``stop``, read the ``log``.

    A guest of one server may not read its log: that one is its user's file, and goes with all of the user's servers.
    """
    opens, stops, *logs = (
        Reach.of(handler.parsed_scopes.get(scope), handler.db) for scope in ("access:servers", "delete:servers", *ACCESS)
    )
    everybody = any(reach.users is None for reach in logs)
    return {
        "open": opens,
        "stop": stops,
        "log": Reach(None if everybody else frozenset().union(*(reach.users or () for reach in logs))),
    }


class SessionsPage(BaseHandler):  # type: ignore[misc]
    """``GET /hub/resource-form/sessions?list=finished``: the sessions of one of the lists; ``&all=1`` everybody's, for who may see them.

    Those of one's own that go on are on the home page: that is where ``list=running``, and no list, lead.
    """

    @web.authenticated
    async def get(self) -> None:
        kind = self.get_argument("list", LISTS[0])
        if kind not in LISTS:
            raise web.HTTPError(400, f"list: expected one of {', '.join(LISTS)}.")
        everybodys = self.get_argument("all", "") not in ("", "0")
        if kind == LISTS[0] and not everybodys:
            self.redirect(url_path_join(self.hub.base_url, "home"))
            return
        sessions = sessions_for(self, limit=MAX_LISTED)
        with using(language_of(self, self.current_user.spawner)):
            await sessions.refresh()
            answer = json.loads((await sessions.answer()).text)
            found = newest_first(answer["sessions"])
            shown = [entry for entry in found if entry["kind"] == kind][:SHOWN_AT_FIRST]
            html = await self.render_template(
                "sessions.html",
                gettext=_,
                language=in_use(),
                kind=kind,
                days=by_day(shown, cluster_of(self).clock()),
                numbers={each: sum(1 for entry in found if entry["kind"] == each) for each in LISTS},
                form_link=form_link,
                everybodys=everybodys,
                may=may_do(self),
                may_see_everybodys=reaches_others(self.parsed_scopes.get("read:servers"), self.current_user.name),
                stale=answer["stale"],
            )
        self.set_header("Cache-Control", "no-store")
        self.finish(html)


class NewSessionPage(BaseHandler):  # type: ignore[misc]
    """``GET /hub/resource-form/new?name=WORDS``: on to the form of a new server, as :func:`new_session_link`. Nothing is started."""

    @web.authenticated
    async def get(self) -> None:
        given = {
            name: self.get_argument(name)
            for name in ("name", "copy_of", *(f"opt-{field}" for field in FIELDS_OF_THE_PAGE))
            if self.get_argument(name, "")
        }
        default, named = default_server_name(self.settings), self.allow_named_servers
        self.redirect(new_session_link(self.current_user, given, hub_url=self.hub.base_url, named=named, default=default))
