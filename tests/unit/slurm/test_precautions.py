"""What the administrator is told to change."""

from __future__ import annotations

import pytest

from spawner.slurm.precautions import of_sudo

DEFAULTS = """Matching Defaults entries for jupyterhub on login:
    env_reset, mail_badpass, use_pty

User jupyterhub may run the following commands on login:
"""
OLD = DEFAULTS + "    (%hpc-users) NOPASSWD: SETENV: /usr/bin/sbatch ^--parsable$\n"
NEW = DEFAULTS + "    (%hpc-users) NOSETENV: NOPASSWD: /usr/local/libexec/jupyterhub-resource-form/submit ^/usr/bin/sbatch --parsable$\n"


@pytest.mark.parametrize(
    ("listing", "has_submitter", "words"),
    [
        pytest.param(OLD, False, "lets the Hub's user set any variable (SETENV)", id="older-rule"),
        pytest.param(OLD + NEW, True, "lets the Hub's user set any variable (SETENV)", id="older-rule-left-beside-the-new-one"),
        pytest.param(NEW, False, "jupyterhub-resource-form/submit, which is not there", id="submitter-not-installed"),
        pytest.param(NEW, True, "", id="all-is-well"),
        pytest.param(DEFAULTS, False, "", id="other-rules"),
    ],
)
def test_the_rule_for_sudo(listing: str, has_submitter: bool, words: str) -> None:
    """A rule with SETENV is told of, and one whose submitter is missing; nothing else."""
    told = of_sudo(listing, has_submitter=has_submitter)
    assert bool(told) == bool(words)
    assert words in told
