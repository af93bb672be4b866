"""Reads all there is to know, and has it judged. Needs what the Hub needs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from ...cluster.hub_user import HubUser
from .checks import judged
from .facts import Facts
from .findings import Finding
from .read_config import Loaded, load
from .read_hub import read_hub
from .read_job import read_job
from .read_site import read_site
from .read_slurm import read_slurm
from .read_user import read_sudo, read_user


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
    if not loaded.facts.error:
        facts = asyncio.run(_read(loaded, user, with_job=with_job, patience=patience, say=say))
    return list(judged(facts))


async def _read(loaded: Loaded, user: str, *, with_job: bool, patience: float, say: Callable[[str], object]) -> Facts:
    site = await read_site(loaded)
    slurm = await read_slurm(loaded)
    has_slurm = slurm is not None and slurm.is_there
    hub = await read_hub(loaded, has_slurm=has_slurm)
    asks = user or ("" if os.geteuid() == 0 else HubUser().name)
    sudo = None if loaded.cluster is None else await read_sudo(loaded.cluster, "" if user == HubUser().name else user)
    own = await read_user(loaded, asks, has_slurm=has_slurm) if asks else None
    job = None
    if with_job and own is not None and not own.error and has_slurm and loaded.settings is not None:
        job = await read_job(loaded, asks, hub.api_url if hub is not None else "", patience=patience, say=say)
    return Facts(loaded.facts, site, hub, slurm, sudo, own, job)
