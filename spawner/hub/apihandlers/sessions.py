"""``GET /hub/api/resource-form/sessions``, as JSON and as a stream of events, and free names for copies."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable

from jupyterhub.apihandlers import APIHandler
from tornado import web
from tornado.iostream import StreamClosedError

from ...i18n import using
from ...request.field_values import LONGEST_NAME
from ...request.server_names import MAX_COPIES, copies
from ..common import cluster_of, spawners_of
from ..locale import language_of
from ..logged_in import TellsPages, require_log_in
from ..numbers import whole_number
from ..protocol import HubHandler, HubSpawner, HubUser
from ..reach import has_to_do_with_sessions
from ..sessions.feed import Sessions
from ..sessions.gpus import GpusOfSessions
from ..sessions.options import given_name
from ..sessions.past import MAX_LISTED, SHOWN, Past, Reach, history_for, reaches_others
from ..sessions.storage import Storage
from ..state import HubState


def names_in_use(user: HubUser) -> dict[str, str]:
    """Return what the user has called the sessions, by the names of their servers."""
    return {name: given_name(server, server.user_options) for name, server in user.orm_user.orm_spawners.items()}


class NewNamesHandler(TellsPages, APIHandler):  # type: ignore[misc]
    """``GET /hub/api/resource-form/new-names?name=WORDS&number=2``: names for so many more sessions like that one, and their servers'."""

    async def get(self) -> None:
        user = self.current_user
        require_log_in(self, "Log in, or send a user's token.")
        if getattr(user, "kind", "user") != "user":
            raise web.HTTPError(403, "Log in, or send a user's token.")
        if not has_to_do_with_sessions(self):
            raise web.HTTPError(403, "This takes the scope read:servers, or access:servers.")
        number = whole_number(self.get_argument("number", "1"), least=1, most=MAX_COPIES)
        if number is None:
            raise web.HTTPError(400, f"number: expected 1 to {MAX_COPIES}.")
        named = names_in_use(user)
        given = copies(self.get_argument("name", "")[:LONGEST_NAME], number, named.values(), named)
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps({"names": [{"name": name, "server": server} for name, server in given]}))


def limit_of(handler: HubHandler, otherwise: int = SHOWN) -> int:
    """Return how many past sessions the caller asks for with ``?limit=``.

    Raises
    ------
    HTTPError
        400: that is no number from 0 to :data:`.past.MAX_LISTED`.
    """
    text = handler.get_argument("limit", "")
    if not text:
        return otherwise
    number = whole_number(text, most=MAX_LISTED)
    if number is None:
        raise web.HTTPError(400, f"limit: expected 0 to {MAX_LISTED}.")
    return number


def sessions_for(handler: HubHandler, *, limit: int = SHOWN) -> Sessions:
    """Return the sessions that the caller asks for: their own, with ``?all=1`` those of everybody whose servers they may read.

    That is JupyterHub's own scope ``read:servers``, of which ``admin:servers`` is the larger one. Of those that are over, ``limit`` of
    the record, or ``?limit=``.

    Raises
    ------
    HTTPError
        403: without a log-in, or for what the caller may not see. 400: :func:`limit_of`.
    """
    caller = handler.current_user
    require_log_in(handler)
    may_read = handler.get_scope_filter("read:servers")
    is_user = getattr(caller, "kind", "user") == "user"
    asks_for_all = handler.get_argument("all", "") not in ("", "0")
    if asks_for_all and not reaches_others(handler.parsed_scopes.get("read:servers"), caller.name if is_user else ""):
        raise web.HTTPError(403, "Other people's sessions take the scope read:servers for them.")
    if "read:servers" not in handler.parsed_scopes:
        raise web.HTTPError(403, "This takes the scope read:servers.")
    if not asks_for_all and not is_user:
        raise web.HTTPError(403, "A service has no sessions of its own; ?all=1 asks for those of all users.")

    def spawners() -> Iterable[HubSpawner]:
        if asks_for_all:
            known = spawners_of(handler)
        else:
            known = [caller.spawners[name] for name in sorted(caller.orm_user.orm_spawners)]
        return [spawner for spawner in known if may_read(spawner.orm_spawner, "server")]

    reach = Reach.of(handler.parsed_scopes.get("read:servers"), handler.db)
    own_spawner = caller.spawners.get("") if is_user else None
    past = Past(
        lambda: history_for(handler, own_spawner),
        reach if asks_for_all else reach.only(caller.name),
        limit=limit_of(handler, limit),
        own=not asks_for_all,
    )
    gpus = HubState.of(handler).part(GpusOfSessions)
    storage = Storage.in_hub(HubState.of(handler), handler.db, cluster_of(handler), handler.log)
    return Sessions(
        cluster_of(handler),
        spawners,
        hub_url=handler.hub.base_url,
        own=not asks_for_all,
        past=past,
        gpus=gpus,
        can_look=lambda: storage.can_look_at(list(handler.users.values()) if asks_for_all else [caller]),
    )


class SessionsHandler(TellsPages, APIHandler):  # type: ignore[misc]
    """``GET /hub/api/resource-form/sessions``: how the caller's sessions stand; with ``?all=1`` everybody's, for who may see them.

    All that go on, and of those that are over the latest 100, or ``?limit=`` (0 to 500; 0: no more than the last one of each server).
    """

    async def get(self) -> None:
        sessions = sessions_for(self)
        with using(language_of(self)):
            await sessions.refresh()
            answer = await sessions.answer()
        self.set_header("Cache-Control", "no-store")
        self.finish(answer.text)


class SessionEventsHandler(TellsPages, APIHandler):  # type: ignore[misc]
    """``GET /hub/api/resource-form/sessions/events``: the same answer as server-sent events, one whenever something has changed.

    The id of an event is a digest of it. A browser that comes back says which it had last, and is not told the same again.
    """

    def initialize(self) -> None:
        super().initialize()
        self._closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def get_content_type(self) -> str:
        """Return the type of an event stream, not JSON as other handlers of the API."""
        return "text/event-stream"

    def on_connection_close(self) -> None:
        """End the stream: the page is gone."""
        super().on_connection_close()
        self._close()

    def on_finish(self) -> None:
        """End the stream: the answer is complete."""
        super().on_finish()
        self._close()

    def _close(self) -> None:
        if not self._closed.done():
            self._closed.set_result(None)

    async def get(self) -> None:
        sessions = sessions_for(self)
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Accel-Buffering", "no")
        with using(language_of(self)):
            try:
                async for event in sessions.stream(self._closed, self.request.headers.get("Last-Event-ID", "")):
                    self.write(event)
                    await self.flush()
            except StreamClosedError:
                return
