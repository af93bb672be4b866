"""What an administrator should change, by what sudo's list of rules says. Pure; for the Hub's log at its start."""

from __future__ import annotations

import re

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
