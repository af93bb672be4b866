"""What the doctor can tell of a Hub that has just started, for its log: what keeps sessions from starting, in a line each."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from ...hub.class_settings import class_settings
from ...hub.common import cluster_of
from ...hub.protocol import HubApplication
from . import check_config, check_hub, check_slurm
from .checks import OF_SITE
from .facts import HubFacts, SiteFacts, SlurmFacts
from .findings import Finding, Level
from .printing import one_line
from .read_config import Configured
from .read_hub import read_addresses
from .read_site import read_site
from .read_slurm import read_controller

AT_START = tuple(check for check in OF_SITE if check is not check_config.templates)
"""Of the site's own pages the Hub itself says at its start what they take away."""


async def tell_at_start(app: HubApplication) -> None:
    """Write into the Hub's log what is wrong around it. Slurm is asked what the Hub asks it anyway."""
    configured = Configured(Path.cwd() / "jupyterhub_config.py", app.config, app, class_settings(app), cluster_of(app))
    site, hub = await read_site(configured), await read_addresses(configured)
    slurm = await read_controller(configured.cluster)
    for finding in found_at_start(site, hub, slurm):
        app.log.log(logging.ERROR if finding.level is Level.ERROR else logging.WARNING, "%s", line_of(finding))


def found_at_start(site: SiteFacts, hub: HubFacts, slurm: SlurmFacts) -> Iterator[Finding]:
    """Yield what is wrong; nothing where all is well."""
    findings = [finding for check in AT_START for finding in check(site)]
    findings += [*check_slurm.commands(slurm), *(check_slurm.answers(slurm) if not slurm.missing else ()), *check_hub.hub_url(hub, slurm)]
    for finding in findings:
        if finding.is_trouble:
            yield finding


def line_of(finding: Finding) -> str:
    """Return a finding as one line: what is wrong, what to do, what to write where, and the page about it."""
    written = f" In {finding.place}: {'; '.join(finding.lines)}." if finding.lines else ""
    return one_line(f"{finding.sentence} {finding.advice}{written} See {finding.page}.")
