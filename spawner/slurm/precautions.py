"""What an administrator should change, by what sudo's list of rules and Slurm's configuration say. Pure; for the Hub's log at its start."""

from __future__ import annotations

import re

from .model import SlurmConfig
from .sudo import INSTALLED_SUBMITTER

_SETENV = re.compile(r"(?<![A-Z])SETENV:")

OLDER_RULE = (
    "The rule for sudo lets the Hub's user set any variable (SETENV): with LD_PRELOAD whoever has the Hub's account runs any program "
    "on this machine as its users, and sudo logs another one. Take the rule of share/resource_form/sudoers, and install the "
    "submitter of which it speaks (docs/security.md)."
)
NO_SUBMITTER = (
    f"The rule for sudo names {INSTALLED_SUBMITTER}, which is not there or cannot be run: no session can start. Install "
    "share/resource_form/submit.py in its place, owned by root."
)

KEPT_ENVIRONMENTS = (
    "Slurm's AccountingStoreFlags has job_env: slurmdbd keeps the variables of each job, the session's token and what users set among "
    "them, and shows them to its operators. Take job_env out of it in slurm.conf, and clear what is kept already (docs/security.md)."
)


def of_sudo(listing: str, *, has_submitter: bool) -> str:
    """Return what to change in the rule for sudo, by what ``sudo -l`` prints; empty for nothing (sudoers(5), SETENV).

    Parameters
    ----------
    has_submitter
        Whether the submitter is installed (:func:`.sudo.submitter_is_installed`).
    """
    if _SETENV.search(listing):
        return OLDER_RULE
    return NO_SUBMITTER if INSTALLED_SUBMITTER in listing and not has_submitter else ""


def of_slurm(configuration: SlurmConfig) -> str:
    """Return what to change in Slurm; empty for nothing (docs/slurm-facts.md#kept-environments)."""
    flags = configuration.get("AccountingStoreFlags").lower().replace(" ", "").split(",")
    return KEPT_ENVIRONMENTS if "job_env" in flags else ""
