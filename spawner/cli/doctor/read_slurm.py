"""Asks Slurm through the Hub's own rooms: each question once, with the Hub's readers, runner and time limits."""

from __future__ import annotations

import asyncio
import re
import shutil
import time
from collections.abc import Awaitable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from ...cluster.cluster import SlurmCluster
from ...errors import ResourceFormError
from ...hub.class_settings import ClassSettings
from ...job.sbatch import forced_partitions
from ...request.policy import parse_policies
from ...request.presets import parse_presets
from ...slurm import commands
from ...slurm.runner import read
from .addresses import place_of
from .facts import SlurmFacts
from .read_config import Configured

COMMANDS = ("sbatch", "scancel", "scontrol", "squeue", "sacctmgr")
VERSION_SECONDS = 20.0
MAX_PLACES = 3
"""Of so many nodes the address is looked up: it may take seconds each where names do not resolve."""

_AS_OF = re.compile(r"^Configuration data as of ([0-9]{9,11})\s*$", re.MULTILINE | re.ASCII)

Answer = TypeVar("Answer")


async def read_controller(cluster: SlurmCluster) -> SlurmFacts:
    """Read what the Hub itself asks the controller for; nothing else."""
    missing = tuple(name for name in COMMANDS if not _is_there(cluster, name))
    if missing:
        return SlurmFacts(missing=missing)
    try:
        configuration = (await cluster.configuration.get(cluster.command_timeout)).value
        nodes = (await cluster.nodes.get(cluster.command_timeout)).value
        partitions = (await cluster.all_partitions.get(cluster.command_timeout)).value
    except ResourceFormError as error:
        return SlurmFacts(error=error.log)
    allowed = [entry.name for entry in partitions if (entry.name in cluster.partitions if cluster.partitions else not entry.hidden)]
    offered = frozenset(allowed)
    there = [node for node in nodes if offered.intersection(node.partitions)]
    spread = there[:: max(1, len(there) // MAX_PLACES)][:MAX_PLACES]
    places = await asyncio.gather(*(place_of(node.address or node.name) for node in spread))
    return SlurmFacts(
        configuration=configuration,
        nodes=nodes,
        partitions=partitions,
        offered=tuple(allowed),
        places={node.name: place for node, place in zip(spread, places, strict=True)},
    )


async def read_slurm(configured: Configured) -> SlurmFacts:
    """Ask for all of it."""
    cluster = configured.cluster
    known = replace(await read_controller(cluster), named=tuple(_named(cluster, configured.settings)))
    if not known.is_there:
        return known
    try:
        before = time.time()
        text = await read(cluster.runner, commands.show_config(), timeout=cluster.command_timeout)
        after = time.time()
    except ResourceFormError as error:
        return replace(known, error=error.log)
    # Only now: without a configuration even these look for one, and take their time.
    versions = dict(zip(COMMANDS, await asyncio.gather(*(_version(cluster, name) for name in COMMANDS)), strict=True))
    # Its clock counts whole seconds.
    told = _AS_OF.search(text)
    ahead = None if told is None else max(int(told[1]) - after, min(0.0, int(told[1]) + 1 - before))
    accounting, accounting_error = await _or_why(cluster.accounting.get(cluster.command_timeout))
    hidden, hidden_error = await _or_why(cluster.visibility.what_to_change())
    return replace(
        known,
        versions=versions,
        ahead=ahead,
        accounting=accounting.value if accounting is not None else None,
        accounting_error=accounting_error,
        hidden=hidden or hidden_error,
        unread=tuple(sorted({*cluster.readings.rows_left_out, *cluster.readings.values_unknown})),
    )


async def _or_why(question: Awaitable[Answer]) -> tuple[Answer | None, str]:
    try:
        return await question, ""
    except ResourceFormError as error:
        return None, error.log


def _is_there(cluster: SlurmCluster, name: str) -> bool:
    return Path(cluster.bin_dir, name).exists() if cluster.bin_dir else shutil.which(name) is not None


async def _version(cluster: SlurmCluster, name: str) -> str:
    """All that a command prints for its version: one line of the real ones."""
    try:
        said = await cluster.runner.run((name, "--version"), timeout=VERSION_SECONDS)
    except ResourceFormError as error:
        return error.log
    return said.stdout + said.stderr


def _named(cluster: SlurmCluster, settings: ClassSettings) -> Iterator[tuple[str, str]]:
    """Each partition that the configuration names, with where."""
    for name in cluster.partitions:
        yield "c.SlurmCluster.partitions", name
    for name in sorted(forced_partitions(settings.sbatch_options)):
        yield "c.ResourceFormSpawner.sbatch_options", name
    if isinstance(settings.fields, dict) and "partition" in settings.fields:
        policy = parse_policies({"partition": settings.fields["partition"]})["partition"]
        for value in dict.fromkeys(filter(None, (policy.default, *(policy.choices or ())))):
            yield 'c.ResourceFormSpawner.fields["partition"]', str(value)
    if isinstance(settings.presets, (list, tuple)):
        for preset in parse_presets(settings.presets):
            if preset.values.get("partition"):
                yield f"c.ResourceFormSpawner.presets: {preset.name}", str(preset.values["partition"])
