"""How a Hub that is not root has a command run as a user: through sudo, with variables that act on nothing on this machine. Pure.

The rule that we ship (share/resource_form/sudoers) lets the Hub set no variable: where slurm.conf is, the rule says. The job's own
variables go to sbatch on the standard input of a small program (share/resource_form/submit.py) that the administrator installs. Where it is
not installed the rule is an older one, with SETENV: then variables pass through sudo by ``--preserve-env``, as that rule allows.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

INSTALLED_SUBMITTER = "/usr/local/libexec/jupyterhub-resource-form/submit"
"""Where the rule for sudo expects a copy of the submitter, owned by root."""

SUBMITTING = "sbatch"

BLANK = "\x1f"
"""Stands for a blank in an option of sbatch on its way through sudo. A pattern of the rule cannot tell a blank in a name (an account
``genome lab``) from one between two arguments, so the rule allows none; the submitter puts them back. No name holds this character."""


@dataclass(frozen=True, slots=True)
class Started:
    """A process to start: its argv, its environment, its standard input."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    stdin: bytes


def submitter_is_installed() -> bool:
    """Tell whether the rule may be the one that we ship now. Looked up each time: it may be installed while the Hub runs."""
    return os.access(INSTALLED_SUBMITTER, os.X_OK)


def through_sudo(
    sudo: Sequence[str],
    user: str,
    argv: Sequence[str],
    *,
    base: Mapping[str, str],
    own: Mapping[str, str],
    stdin: bytes,
    has_submitter: bool,
) -> Started:
    """Return what is started so that ``argv`` runs as ``user``.

    Parameters
    ----------
    sudo
        The first arguments, ``-u`` and the user not among them.
    argv
        The command with its absolute path, and its arguments.
    base
        What every command gets: PATH, SLURM_CONF and the like.
    own
        The command's own variables; of sbatch those of the job.
    has_submitter
        Whether the submitter is installed (:func:`submitter_is_installed`).

    Raises
    ------
    ValueError
        A variable cannot stand in an environment.
    """
    if not has_submitter:
        variables = {**base, **own}
        names = ",".join(sorted(name for name in variables if name != "PATH"))
        return Started((*sudo, f"--preserve-env={names}", "-u", user, "--", *argv), variables, stdin)
    # What sudo itself says is read by us, and is to be in English.
    quiet = {"PATH": base["PATH"], "LC_ALL": "C"} if "PATH" in base else {"LC_ALL": "C"}
    if Path(argv[0]).name == SUBMITTING:
        options = (option.replace(" ", BLANK) for option in argv[1:])
        return Started((*sudo, "-u", user, "--", INSTALLED_SUBMITTER, argv[0], *options), quiet, packed(own) + stdin)
    return Started((*sudo, "-u", user, "--", *argv), {**own, **quiet}, stdin)


def packed(variables: Mapping[str, str]) -> bytes:
    """Return the variables as the submitter reads them: their length in eight digits and a newline, then each with a NUL behind it.

    Raises
    ------
    ValueError
        A name or a value cannot stand in an environment: it would be taken for another variable.
    """
    for name, value in variables.items():
        if not name or "=" in name or "\0" in name or "\0" in value:
            raise ValueError(f"{name!r} cannot be a variable of a job")
    text = b"".join(os.fsencode(f"{name}={value}") + b"\0" for name, value in variables.items())
    return b"%08d\n" % len(text) + text
