"""What the Hub tells its administrator once, at its start: what should be changed in the rule for sudo and in Slurm."""

from __future__ import annotations

import asyncio
import os
import shutil

from ...errors import ResourceFormError
from ...slurm.precautions import of_slurm, of_sudo
from ...slurm.sudo import submitter_is_installed
from ..class_settings import class_settings
from ..common import PATIENCE_SECONDS, cluster_of
from ..protocol import HubApplication
from ..settings.other_spawners import settings_of_other_spawners
from ..settings.replaced import settings_without_effect

SUDO_TIMEOUT_SECONDS = 15.0
AGAIN_SECONDS = 600.0
"""After so long Slurm is asked again that did not answer."""


async def warn_of_settings(app: HubApplication) -> None:
    """Write into the Hub's log each setting that has no effect on this spawner, and what to use instead."""
    sections = class_settings(app).sections
    for name, instead in (*settings_without_effect(app.config, sections), *settings_of_other_spawners(app.config, sections)):
        app.log.warning("%s has no effect on this spawner. Use instead: %s", name, instead)


async def advise_admin(app: HubApplication) -> None:
    """Write into the Hub's log what should be changed; nothing where all is well, or where nobody can tell."""
    for what_to_change in (_of_sudo, _of_slurm, _of_privacy):
        if sentence := await what_to_change(app):
            app.log.warning("%s", sentence)


async def _of_sudo(app: HubApplication) -> str:
    cluster = cluster_of(app)
    program = shutil.which(cluster.sudo[0]) if cluster.sudo else None
    if os.geteuid() == 0 or program is None:
        return ""
    try:
        listed = await cluster.runner.run((program, *cluster.sudo[1:], "-l"), timeout=SUDO_TIMEOUT_SECONDS)
    except ResourceFormError:
        return ""
    return of_sudo(listed.stdout, has_submitter=submitter_is_installed()) if listed.ok else ""


async def _of_slurm(app: HubApplication) -> str:
    while True:
        try:
            return of_slurm((await cluster_of(app).configuration.get(PATIENCE_SECONDS)).value)
        except ResourceFormError:
            await asyncio.sleep(AGAIN_SECONDS)


async def _of_privacy(app: HubApplication) -> str:
    while True:
        try:
            return await cluster_of(app).visibility.what_to_change()
        except ResourceFormError:
            await asyncio.sleep(AGAIN_SECONDS)
