"""The page of a class: a preset, its link, for how many more there is room, and, for who may read them, how many sessions there are."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from jupyterhub.handlers.base import BaseHandler
from jupyterhub.utils import url_path_join
from tornado import web

from ...advice.assessment import request_in_words
from ...advice.price import price_in_words
from ...advice.room import room_for
from ...advice.service import PATIENCE_SECONDS, advise
from ...cache import countdown
from ...errors import RequestRejected, ResourceFormError
from ...i18n import _, in_use, ngettext, using
from ...request.qos import choices_for
from ...request.validation import resolve_request
from ...worker import run_in_worker
from ..locale import language_of
from ..own_spawner import own_spawner
from ..protocol import HubSpawner
from ..sessions.past import reaches_others

PATH = "resource-form/class"


class ClassPage(BaseHandler):  # type: ignore[misc]
    """``/hub/resource-form/class?preset=NAME``, for who may choose that preset; ``&as=json`` answers what changes on it."""

    @web.authenticated
    async def get(self) -> None:
        name = self.get_query_argument("preset", "")
        with using(language_of(self, self.current_user.spawner)):
            found = await self._found(name)
            self.set_header("Cache-Control", "no-store")
            if self.get_query_argument("as", "") == "json":
                self.set_header("Content-Type", "application/json")
                self.finish(json.dumps({key: found[key] for key in ("room", "room_text", "sessions", "sessions_text", "problem")}))
                return
            self.finish(await self.render_template("class.html", gettext=_, language=in_use(), **found))

    async def _found(self, name: str) -> dict[str, Any]:
        """What is to be said of the class.

        Raises
        ------
        HTTPError
            404: there is no such preset for the visitor. 503: Slurm has never answered.
        """
        spawner = own_spawner(self.current_user.spawner)
        if spawner is None:
            raise web.HTTPError(404, _("There is no such class."))
        left = countdown(PATIENCE_SECONDS)
        try:
            choices = await spawner.choices(patience=left())
        except ResourceFormError as error:
            raise web.HTTPError(503, error.sentence) from None
        preset = choices.preset(name)
        if preset is None:
            raise web.HTTPError(404, _("There is no such class."))
        room, words, price, problem = None, "", "", ""
        try:
            choices = choices_for({"preset": name}, choices)
            request = resolve_request({"preset": name}, choices)
        except RequestRejected as error:
            problem = error.sentence
        else:
            advice = await advise(spawner.cluster, choices, request.options(), await spawner.terms(), patience=left())
            room = await run_in_worker(lambda: room_for(request, advice.assessment.forecast, choices))
            words = request_in_words(request, advice.assessment.only_gpu_type, asks_for_memory=advice.assessment.asks_for_memory)
            price = price_in_words(advice.assessment.cost) if advice.charged else _("not charged")
        sessions = self._sessions(name)
        link = f"{url_path_join(self.hub.base_url, 'spawn')}?{urlencode({'opt-preset': name})}"
        return {
            "preset": preset,
            "words": words,
            "price": price,
            "problem": problem,
            "link": f"{self.request.protocol}://{self.request.host}{link}",
            "room": room,
            "room_text": "" if problem else room_in_words(room),
            "sessions": sessions,
            "sessions_text": sessions_in_words(sessions),
        }

    def _sessions(self, name: str) -> dict[str, int] | None:
        """How many sessions of others go on in the class, of those that the visitor may read; None where these are nobody's.

        ``people`` are the users whose sessions the visitor may read.
        """
        if not reaches_others(self.parsed_scopes.get("read:servers"), self.current_user.name):
            return None
        may_read = self.get_scope_filter("read:servers")
        visitor = self.current_user.name
        users = [user for user in list(self.users.values()) if user.name != visitor and may_read(user.orm_user, "user")]
        spawners: Iterable[HubSpawner] = [spawner for user in users for spawner in list(user.spawners.values())]
        own = [spawner for spawner in spawners if spawner.active and (spawner.user_options or {}).get("preset") == name]
        running = sum(1 for spawner in own if spawner.ready)
        return {"running": running, "starting": len(own) - running, "people": len(users)}


def room_in_words(room: int | None) -> str:
    """Return ``Room for 6 more like this now.``"""
    if room is None:
        return _("For how many there is room now, nobody knows.")
    if not room:
        return _("There is no room for another one now: who starts one has to wait.")
    return ngettext("Room for {number} more like this now.", "Room for {number} more like this now.", room).format(number=room)


def sessions_in_words(sessions: dict[str, int] | None) -> str:
    """Return ``12 run, 3 are starting or waiting. You see the sessions of 24 people.``; empty for who sees none but their own."""
    if sessions is None:
        return ""
    if sessions["people"] and not sessions["running"] and not sessions["starting"]:
        nobody = ngettext(
            "{number} person whose sessions you see has none.",
            "None of the {number} people whose sessions you see has one.",
            sessions["people"],
        )
        return nobody.format(number=sessions["people"])
    run = ngettext("{number} runs", "{number} run", sessions["running"]).format(number=sessions["running"])
    start = ngettext("{number} is starting or waiting", "{number} are starting or waiting", sessions["starting"])
    people = ngettext("You see the sessions of {number} person.", "You see the sessions of {number} people.", sessions["people"])
    return f"{run}, {start.format(number=sessions['starting'])}. {people.format(number=sessions['people'])}"
