"""``GET /hub/api/resource-form/partitions``: where the caller may start a session, how large one may be, and what is free there."""

from __future__ import annotations

import json
import time
from typing import Any

from jupyterhub.apihandlers import APIHandler
from tornado import web

from ...accounting.partition_limits import PartitionLimits
from ...advice.service import patience_of_open_page
from ...availability.table import Availability, PartitionAvailability
from ...cache import countdown
from ...errors import ResourceFormError
from ...humanize import iso_time
from ...i18n import using
from ...request.choices import Choices
from ...worker import run_in_worker
from ..form.free import availability_to
from ..known import name_of
from ..locale import language_of
from ..logged_in import TellsPages, require_log_in
from ..reach import spawner_asked_about


def partitions_answer(choices: Choices, free: Availability) -> list[dict[str, Any]]:
    """Return the partitions of the user's choices, each with the largest session of any of their accounts, and what nobody holds of it.

    ``closed`` is why it takes no new sessions, empty where it does. Numbers of a partition of which nothing is known are None.
    """
    known = {entry.name: entry for entry in free.partitions}
    default = choices.entitlement.default_partition
    return [_partition(entry, known.get(entry.name), free, choices, is_default=entry.name == default) for entry in choices.partitions]


def _partition(
    limits: PartitionLimits, found: PartitionAvailability | None, free: Availability, choices: Choices, *, is_default: bool
) -> dict[str, Any]:
    usable = [entry for entry in free.nodes if entry.usable and limits.name in entry.node.partitions]
    return {
        "name": limits.name,
        "default": is_default,
        "closed": choices.closed.get(limits.name, ""),
        "accounts": list(choices.accounts_in(limits)),
        "most": {
            "cores": limits.max_cores,
            "memory_mb": limits.max_memory_mb,
            "gpus": dict(limits.gpus),
            "minutes": limits.max_minutes,
        },
        "nodes_usable": found.nodes_usable if found is not None else None,
        "nodes_left_out": found.nodes_left_out if found is not None else None,
        "cores_free": sum(entry.cores_free for entry in usable) if found is not None else None,
        "gpus_free": _gpus_free(found) if found is not None else None,
    }


def _gpus_free(found: PartitionAvailability) -> dict[str, int]:
    """How many GPUs of each type no job holds, on all usable nodes together."""
    return {gpu_type: sum(int(free) * nodes for free, nodes in rows.items()) for gpu_type, rows in found.gpu_table.items()}


class PartitionsHandler(TellsPages, APIHandler):  # type: ignore[misc]
    """``GET``: ``{"as_of", "age", "stale", "partitions": […]}``; ``?user=`` says for whom, ``?server=`` for which server."""

    async def get(self) -> None:
        require_log_in(self)
        spawner = spawner_asked_about(self)
        left = countdown(patience_of_open_page(spawner.cluster))
        with using(language_of(self, spawner)):
            try:
                choices = await spawner.choices(patience=left())
                snapshot = await availability_to(spawner, patience=left())
            except ResourceFormError as error:
                self.log.warning("No partitions for %s: %s", name_of(spawner.user), error.log)
                raise web.HTTPError(503 if error.status >= 500 else error.status, error.sentence) from None
            rows = await run_in_worker(lambda: partitions_answer(choices, snapshot.value))
        age = {"as_of": iso_time(snapshot.as_of), "age": round(max(0.0, time.time() - snapshot.as_of), 1), "stale": snapshot.stale}
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps({**age, "partitions": rows}))
