"""What is free, as the form shows it: the same for the page as it comes and for what the open page fetches in its place."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from pathlib import Path

from ...availability.table import Availability
from ...cache import Snapshot, countdown
from ...cluster.cluster import SlurmCluster
from ...errors import ResourceFormError
from ...worker import run_in_worker
from ..protocol import FormSpawner
from .render import render_availability


async def availability_to(spawner: FormSpawner, *, reservation: str = "", patience: float | None = None) -> Snapshot[Availability]:
    """Return what is free where the spawner's user can start a session now; a reservation that is not theirs counts as none.

    Raises
    ------
    ResourceFormError
        Slurm has never answered.
    """
    left = countdown(patience)
    partitions, reservations = await spawner.open_to_user(patience=left())
    own = reservation if reservation in reservations else ""
    return await spawner.cluster.availability_in(partitions, reservation=own, patience=left())


async def free_gpus(
    spawner: FormSpawner, *, partition: str = "", reservation: str = "", all_devices: bool = False, patience: float | None = None
) -> str:
    """Return the table of free GPUs and the nodes as HTML, for a user who has chosen a partition and perhaps a reservation."""
    found = availability_to(spawner, reservation=reservation, patience=patience)
    return await table_of(found, spawner.cluster, partition=partition, all_devices=all_devices, template_paths=spawner.template_paths)


async def table_of(
    found: Awaitable[Snapshot[Availability]],
    cluster: SlurmCluster,
    *,
    partition: str = "",
    all_devices: bool = False,
    template_paths: Sequence[str | Path] = (),
) -> str:
    """Return the table of what is ``found`` free as HTML, or why it is not known."""
    try:
        snapshot = await cluster.excerpt_of(await found, partition)
    except ResourceFormError as error:
        return render_availability(None, sentence=error.sentence, template_paths=template_paths)
    reported = cluster.reported(entry.node.name for entry in snapshot.value.nodes)
    return await run_in_worker(
        lambda: render_availability(
            snapshot, reported=reported, all_devices=all_devices, template_paths=template_paths, now=cluster.clock()
        )
    )
