"""What the Hub serves for us: the cluster's answer, the page's table, the launcher's callback, our static files."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from itertools import islice
from typing import Any

from jupyterhub.apihandlers import APIHandler
from tornado import web
from tornado.iostream import StreamClosedError

from ...availability.table import Availability, NodeAvailability
from ...cache import Snapshot
from ...errors import ResourceFormError
from ...gpu.describe import device_json
from ...gpu.device_matching import NO_REPORTS, Reported
from ...humanize import iso_time
from ...worker import run_in_worker
from ..common import PATIENCE_SECONDS, cluster_of
from ..form.free import availability_to
from ..own_spawner import own_spawner
from ..protocol import HubHandler
from ..reach import has_to_do_with_sessions

NODES_AT_ONCE = 500
"""So many nodes with all their devices are put into words at a time, and sent: then it is the turn of whoever waits for the same thread."""

BETWEEN_NODES = ",\n"


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
    """Return the contract's answer to ``GET /hub/api/resource-form/cluster``. It names no user.

    The nodes are made one by one, when they are asked for."""
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


def around_nodes(answer: Mapping[str, Any]) -> tuple[str, str]:
    """Return the cluster's answer as text, what stands before its nodes and what behind them; the nodes are sent in pieces."""
    rest = json.dumps({key: value for key, value in answer.items() if key != "nodes"})
    return f'{rest[:-1]}, "nodes": [', "]}"


async def visible_availability(handler: HubHandler) -> Snapshot[Availability]:
    """Return the availability that the caller may see: the partitions in which a user can start a session now, in their reservations;
    a service sees all.

    Raises
    ------
    HTTPError
        403: a token that has nothing to do with servers.
    ResourceFormError
        Slurm has never answered.
    """
    cluster, user = cluster_of(handler), handler.current_user
    if getattr(user, "kind", "user") != "user":
        if "read:servers" not in handler.parsed_scopes:
            raise web.HTTPError(403, "This takes the scope read:servers.")
        return await cluster.availability(patience=PATIENCE_SECONDS)
    if not has_to_do_with_sessions(handler):
        raise web.HTTPError(403, "This takes the scope read:servers, or access:servers.")
    own, reservation = own_spawner(user.spawner), handler.get_argument("reservation", "")
    if own is not None:
        return await availability_to(own, reservation=reservation, patience=PATIENCE_SECONDS)
    return await cluster.availability_for(user.name, reservation=reservation, patience=PATIENCE_SECONDS)


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
        before, after = around_nodes(answer)
        between = ""
        # A large answer is sent piece by piece; one whose reader has gone ends there.
        with suppress(StreamClosedError):
            self.write(before)
            while texts := await run_in_worker(lambda: [json.dumps(node) for node in islice(answer["nodes"], NODES_AT_ONCE)]):
                if between:
                    await self.flush()
                self.write(between + BETWEEN_NODES.join(texts))
                between = BETWEEN_NODES
            self.finish(after)
