"""What the administrator is told to change."""

from __future__ import annotations

import pytest

from spawner.slurm.precautions import of_slurm, of_sudo
from spawner.slurm.scontrol import parse_config

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


@pytest.mark.parametrize(
    ("flags", "is_told"),
    [
        ("(null)", False),
        ("", False),
        ("job_comment", False),
        ("job_script", False),
        ("job_env", True),
        ("job_comment,job_env,job_script", True),
        ("JOB_COMMENT, JOB_ENV", True),
    ],
)
def test_what_slurmdbd_keeps(flags: str, is_told: bool) -> None:
    """Variables of jobs are told of, comments and scripts are not: no secret stands in them."""
    told = of_slurm(parse_config(f"ClusterName = x\nAccountingStoreFlags    = {flags}\n"))
    assert ("AccountingStoreFlags has job_env" in told) is is_told
    assert bool(told) is is_told
