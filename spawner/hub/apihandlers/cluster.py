"""What the Hub serves for us: the cluster's answer, the page's table, the launcher's callback, our static files."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from itertools import islice
from typing import Any

from jupyterhub.apihandlers import APIHandler
from jupyterhub.handlers.base import BaseHandler
from tornado import web
from tornado.iostream import StreamClosedError

from ...availability.table import Availability, NodeAvailability
from ...cache import Snapshot
from ...cluster.cluster import Cluster
from ...derived import off_loop
from ...errors import ResourceFormError
from ...gpu.describe import device_json
from ...gpu.devices import NO_REPORTS, Reported
from ...i18n import using
from ..background.orphans import adopting_spawner
from ..form.render import STATIC, iso_time, render_availability
from ..locale import language_of

PATIENCE_SECONDS = 5.0

NODES_AT_ONCE = 500
"""So many nodes with all their devices are put into words at a time, and sent: then it is the turn of whoever waits for the same thread."""

BETWEEN_NODES = ",\n"


def cluster_of(handler: Any) -> Cluster:
    """The Hub's one Cluster."""
    return Cluster.instance(config=handler.config, log=handler.log)


def _template_paths(handler: Any) -> list[str]:
    return list(handler.config.ResourceFormSpawner.get("template_paths", []))


def _node(entry: NodeAvailability, shown: set[str], reported: Reported) -> dict[str, Any]:
    return {
        "name": entry.node.name,
        "state": entry.node.state,
        "usable": entry.usable,
        "why_not": entry.why_not or None,
        "partitions": [name for name in entry.node.partitions if name in shown],
        "gpus": [{"type": gpus.type, "total": gpus.total, "free": gpus.free} for gpus in entry.gpus],
        "cores_total": entry.node.cores_total,
        "cores_free": entry.cores_free,
        "memory_mb_total": entry.node.memory_mb_schedulable,
        "memory_mb_free": entry.memory_mb_free,
        "devices": [device_json(view) for view in reported.views(entry.node)],
    }


def cluster_answer(snapshot: Snapshot[Availability], *, now: float, reported: Reported = NO_REPORTS) -> dict[str, Any]:
    """The contract's ``GET /hub/api/resource-form/cluster``. Names no user. The nodes are made one by one, when they are asked for."""
    shown = {partition.name for partition in snapshot.value.partitions}
    return {
        "as_of": iso_time(snapshot.as_of),
        "age": round(max(0.0, now - snapshot.as_of), 1),
        "stale": snapshot.stale,
        "error": snapshot.error or None,
        "partitions": {
            partition.name: {
                "gpu_table": partition.gpu_table,
                "shared_gpu_table": partition.shared_gpu_table,
                "nodes_usable": partition.nodes_usable,
                "nodes_left_out": partition.nodes_left_out,
                "left_out_by_reason": dict(partition.left_out_by_reason),
            }
            for partition in snapshot.value.partitions
        },
        "nodes": (_node(entry, shown, reported) for entry in snapshot.value.nodes),
    }


def as_json(answer: Mapping[str, Any]) -> str:
    """The cluster's answer as text, node by node: made of one piece, that of a large cluster would keep everybody else waiting."""
    nodes = BETWEEN_NODES.join(json.dumps(node) for node in answer["nodes"])
    before, after = _around_nodes(answer)
    return before + nodes + after


def _around_nodes(answer: Mapping[str, Any]) -> tuple[str, str]:
    rest = json.dumps({key: value for key, value in answer.items() if key != "nodes"})
    return f'{rest[:-1]}, "nodes": [', "]}"


async def visible_availability(handler: Any) -> Snapshot[Availability]:
    """The availability that the caller may see: a user's own partitions and reservations; a service sees all.

    Raises
    ------
    ResourceFormError
        Slurm has never answered.
    """
    cluster, user = cluster_of(handler), handler.current_user
    if getattr(user, "kind", "user") != "user":
        if "read:servers" not in handler.parsed_scopes:
            raise web.HTTPError(403, "This takes the scope read:servers.")
        return await cluster.availability(patience=PATIENCE_SECONDS)
    return await cluster.availability_for(user.name, reservation=handler.get_argument("reservation", ""), patience=PATIENCE_SECONDS)


class ClusterHandler(APIHandler):  # type: ignore[misc]
    """``GET /hub/api/resource-form/cluster``: the state of the cluster as JSON."""

    async def get(self) -> None:
        if self.current_user is None:
            raise web.HTTPError(403, "Log in, or send a token.")
        try:
            snapshot = await visible_availability(self)
        except ResourceFormError as error:
            self.log.warning("No state of the cluster for %s: %s", getattr(self.current_user, "name", "?"), error.log)
            raise web.HTTPError(503 if error.status >= 500 else error.status, error.sentence) from None
        self.set_header("Cache-Control", "no-store")
        reported = cluster_of(self).reported(entry.node.name for entry in snapshot.value.nodes)
        answer = cluster_answer(snapshot, now=time.time(), reported=reported)
        before, after = _around_nodes(answer)
        between = ""
        # A large answer is sent piece by piece; one whose reader has gone ends there.
        with suppress(StreamClosedError):
            self.write(before)
            while texts := await off_loop(lambda: [json.dumps(node) for node in islice(answer["nodes"], NODES_AT_ONCE)]):
                if between:
                    await self.flush()
                self.write(between + BETWEEN_NODES.join(texts))
                between = BETWEEN_NODES
            self.finish(after)


class AvailabilityHandler(BaseHandler):  # type: ignore[misc]
    """``GET /hub/resource-form/availability``: the table as a piece of HTML, for the open page to put in place of its own."""

    @web.authenticated
    async def get(self) -> None:
        cluster = cluster_of(self)
        shown: dict[str, Any] = {"template_paths": _template_paths(self)}
        with using(language_of(self)):
            try:
                snapshot = await cluster.availability_shown(
                    self.current_user.name,
                    partition=self.get_argument("partition", ""),
                    reservation=self.get_argument("reservation", ""),
                    patience=PATIENCE_SECONDS,
                )
            except ResourceFormError as error:
                html = render_availability(None, sentence=error.sentence, **shown)
            else:
                shown["reported"] = cluster.reported(entry.node.name for entry in snapshot.value.nodes)
                shown["all_devices"] = self.get_argument("devices", "") == "all"
                html = await off_loop(lambda: render_availability(snapshot, **shown))
        self.set_header("Cache-Control", "no-store")
        self.finish(html)


def spawner_with(handler: APIHandler, token: str) -> Any | None:
    """The spawner whose job has ``token``: one of the caller's, or one whose job is being adopted."""
    own = getattr(handler.current_user, "spawners", {}).values()
    found = (spawner for spawner in own if hasattr(spawner, "owns_token") and spawner.owns_token(token))
    return next(found, None) or adopting_spawner(token)


class PortHandler(APIHandler):  # type: ignore[misc]
    """``POST /hub/api/batchspawner``: the launcher says that the server listens, and where.

    Takes ``{"port": 1..65535}`` from the token of a session that is starting, and nothing else: batchspawner's own handler sets any
    attribute of the spawner to whatever a user sends (jupyterhub.md R1).
    """

    async def post(self) -> None:
        user, token = self.current_user, self.get_auth_token()
        session = spawner_with(self, token) if token else None
        if session is None and user is None:
            raise web.HTTPError(403, "Send the session's token.")
        if session is None or token is None:
            self.log.warning("A port was reported with a token of no session (%s)", getattr(user, "name", "?"))
            raise web.HTTPError(404, "This token belongs to no session.")
        body = self.get_json_body()
        port = body.get("port") if isinstance(body, dict) else None
        if not isinstance(body, dict) or set(body) != {"port"} or type(port) is not int or not 1 <= port <= 65535:
            self.log.warning("A report of a port that is none was refused, from %s", session.log_name)
            raise web.HTTPError(400, 'Expected {"port": 1-65535} and nothing else.')
        if not await session.server_listens(port, token):
            self.log.warning("A port was reported by %s, which is not waiting for one", session.log_name)
            raise web.HTTPError(409, "This session is not waiting for a port.")
        self.set_status(201)
        self.finish(json.dumps({"message": "The Hub knows the port."}))


class StaticHandler(web.StaticFileHandler):
    """``/hub/resource-form/static/…``: our stylesheet and script."""

    def parse_url_path(self, url_path: str) -> str:
        if "\0" in url_path:
            raise web.HTTPError(404)
        return str(super().parse_url_path(url_path))

    def set_extra_headers(self, path: str) -> None:  # noqa: ARG002 - tornado's signature
        self.set_header("X-Content-Type-Options", "nosniff")


API_HANDLERS = [
    (r"/api/resource-form/cluster", ClusterHandler),
    (r"/api/batchspawner", PortHandler),
]
PAGE_HANDLERS = [
    (r"/resource-form/availability", AvailabilityHandler),
    (r"/resource-form/static/(.*)", StaticHandler, {"path": str(STATIC)}),
]
