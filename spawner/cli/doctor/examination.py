"""Reads all there is to know, and has it judged. Needs what the Hub needs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ...cluster.hub_user import HubUser
from .checks import judged
from .facts import Facts
from .findings import Finding
from .read_config import Configured, load
from .read_hub import read_hub
from .read_job import read_job
from .read_site import read_site
from .read_slurm import read_slurm
from .read_user import read_sudo, read_user

SETTLE_SECONDS = 20.0


def examine(path: Path, *, user: str, with_job: bool, patience: float, say: Callable[[str], object]) -> list[Finding]:
    """Return what is found with the configuration of this path.

    Parameters
    ----------
    user
        Whose requests are tried; empty for one's own, or nobody's where one is root.
    with_job
        Whether a job is run.
    patience
        Seconds that it may wait.
    say
        Is told what takes long.
    """
    loaded = load(path)
    facts = Facts(loaded.facts)
    if loaded.configured is not None:
        facts = asyncio.run(_read(facts, loaded.configured, user, with_job=with_job, patience=patience, say=say))
    return list(judged(facts))


async def _read(known: Facts, configured: Configured, user: str, *, with_job: bool, patience: float, say: Callable[[str], object]) -> Facts:
    try:
        return await _all_read(known, configured, user, with_job=with_job, patience=patience, say=say)
    finally:
        # A question that nobody waits for any more is let come to its end: a command that is cancelled while it starts holds asyncio up.
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=SETTLE_SECONDS)


async def _all_read(
    known: Facts, configured: Configured, user: str, *, with_job: bool, patience: float, say: Callable[[str], object]
) -> Facts:
    site = await read_site(configured)
    slurm = await read_slurm(configured)
    has_slurm = slurm.is_there
    hub = await read_hub(configured, has_slurm=has_slurm)
    asks = user or ("" if os.geteuid() == 0 else HubUser().name)
    sudo = await read_sudo(configured.cluster, "" if user == HubUser().name else user)
    own = await read_user(configured, asks, has_slurm=has_slurm) if asks else None
    if own is not None and own.error and not user and not with_job:
        # The Hub's own user need not have an account: nobody has asked for a session of theirs.
        own = None
    job = None
    if with_job and own is not None and not own.error and has_slurm:
        job = await read_job(configured, asks, hub.api_url, patience=patience, say=say)
    return replace(known, site=site, hub=hub, slurm=slurm, sudo=sudo, user=own, job=job)
