"""What an exit code says of why a job failed, where it is one of our own launcher's, or one that Slurm gives by itself. Pure.

The log may be in the very home directory that is not there, so the code has to tell it. share/resource_form/launcher.py and
templates/resource_form/job_script.sh give the codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ..i18n import N_

_ASK = N_("Ask the administrators, or try later.")


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a job failed: of which kind that is, the sentence, and what to do, both in English for the catalogue."""

    category: Literal["home", "node_failure", "never_started", "release"]
    sentence: str
    what_to_do: str


CAUSES: Mapping[int, Cause] = {
    80: Cause(
        "release",
        N_("The software of this release could not be set up on the node."),
        N_("Choose another release, and tell the support."),
    ),
    81: Cause("home", N_("Your home directory does not exist on the node."), _ASK),
    82: Cause("home", N_("In the place of your home directory there is a file."), _ASK),
    83: Cause("home", N_("You may not enter your own home directory."), N_("Give yourself the rights (chmod u+rwx ~), and start again.")),
    84: Cause("home", N_("Your home directory is read-only on the node."), _ASK),
    85: Cause(
        "home",
        N_("You may not write into your home directory, or into a folder in it that the server needs."),
        N_("See that ~ and ~/.local, with all that is in it, belong to you and can be written; then start again."),
    ),
    86: Cause(
        "home",
        N_("Your home directory is full, or what you may store there is used up."),
        N_("Delete what you do not need, or ask for more room; then start again."),
    ),
    87: Cause("home", N_("Your home directory does not answer on the node."), _ASK),
    88: Cause("node_failure", N_("The node has no room for temporary files."), N_("Start again: Slurm may choose another node.")),
    # docs/slurm-facts.md#jobs-that-cannot-begin
    128 + 53: Cause(
        "never_started",
        N_("Slurm could not begin the job: as a rule because the file for its output cannot be opened."),
        _ASK,
    ),
}
"""By the exit code as a shell has it."""
