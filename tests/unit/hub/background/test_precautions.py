"""What the Hub tells its administrator at its start, and that nothing keeps it from telling the rest."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from spawner.errors import ResourceFormError, SlurmTimeout, SlurmUnavailable
from spawner.hub.background import precautions
from spawner.slurm.precautions import KEPT_ENVIRONMENTS, OLDER_RULE
from spawner.slurm.runner import Result
from spawner.slurm.scontrol import parse_config

OLD_RULE = "    (%hpc-users) NOPASSWD: SETENV: /usr/bin/sbatch\n"
KEEPS = parse_config("ClusterName = x\nAccountingStoreFlags = job_env\n")
KEEPS_NOT = parse_config("ClusterName = x\nAccountingStoreFlags = (null)\n")


class FakeCluster:
    """What sudo prints, and what Slurm answers, one thing after the other."""

    def __init__(self, listed: Result | Exception, *answers: Any) -> None:
        self.listed, self.answers = listed, list(answers)
        self.sudo = ["true", "-n"]
        self.argv: list[tuple[str, ...]] = []
        self.runner = self.configuration = self.visibility = self
        self.hidden: list[Any] = [""]

    async def what_to_change(self) -> str:
        answer = self.hidden.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    async def run(self, argv: Sequence[str], *, timeout: float) -> Result:
        self.argv.append(tuple(argv))
        if isinstance(self.listed, Exception):
            raise self.listed
        return self.listed

    async def get(self, patience: float) -> Any:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return SimpleNamespace(value=answer)


def printed(text: str, code: int = 0) -> Result:
    """What sudo left."""
    return Result(("sudo",), code, text, "", 0.0)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Any:
    """Have the Hub, which is not root, advise its admin; returns the log's warnings."""
    monkeypatch.setattr(precautions.os, "geteuid", lambda: 12345)
    monkeypatch.setattr(precautions, "AGAIN_SECONDS", 0)

    async def advise(cluster: FakeCluster) -> list[str]:
        monkeypatch.setattr(precautions, "cluster_of", lambda app: cluster)
        await precautions.advise_admin(SimpleNamespace(log=logging.getLogger("tests.precautions")))  # type: ignore[arg-type]
        return [record.getMessage() for record in caplog.records]

    return advise


@pytest.mark.parametrize(
    ("listed", "answer", "sentences"),
    [
        pytest.param(printed(OLD_RULE), KEEPS, [OLDER_RULE, KEPT_ENVIRONMENTS], id="both"),
        pytest.param(printed(OLD_RULE), KEEPS_NOT, [OLDER_RULE], id="sudo"),
        pytest.param(printed(""), KEEPS, [KEPT_ENVIRONMENTS], id="slurm"),
        pytest.param(printed(""), KEEPS_NOT, [], id="neither"),
        pytest.param(printed(OLD_RULE, 1), KEEPS, [KEPT_ENVIRONMENTS], id="sudo-lists-nothing"),
        pytest.param(SlurmTimeout("x"), KEEPS, [KEPT_ENVIRONMENTS], id="sudo-hangs"),
    ],
)
async def test_what_is_told(told: Any, listed: Result | Exception, answer: Any, sentences: list[str]) -> None:
    """Each thing that should be changed is told once; what nobody can tell is no reason to be silent of the rest."""
    cluster = FakeCluster(listed, answer)
    assert await told(cluster) == sentences
    assert [argv[1:] for argv in cluster.argv] == [("-n", "-l")]


async def test_slurm_that_does_not_answer_yet(told: Any) -> None:
    """It is asked again until it does; what sudo says is told before."""
    silence: ResourceFormError = SlurmUnavailable("x")
    assert await told(FakeCluster(printed(OLD_RULE), silence, silence, KEEPS)) == [OLDER_RULE, KEPT_ENVIRONMENTS]


async def test_what_slurm_hides(told: Any) -> None:
    """It is told as well, once Slurm has said who the Hub is to it."""
    cluster = FakeCluster(printed(""), KEEPS_NOT)
    cluster.hidden = [SlurmUnavailable("x"), "Slurm's PrivateData hides …"]
    assert await told(cluster) == ["Slurm's PrivateData hides …"]


async def test_a_hub_that_is_root_needs_no_sudo(told: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does one that has no such program ask what it may."""
    monkeypatch.setattr(precautions.os, "geteuid", lambda: 0)
    cluster = FakeCluster(printed(OLD_RULE), KEEPS_NOT)
    assert await told(cluster) == []
    monkeypatch.setattr(precautions.os, "geteuid", lambda: 12345)
    cluster.answers, cluster.hidden, cluster.sudo = [KEEPS_NOT], [""], ["/nowhere/sudo"]
    assert await told(cluster) == []
    assert cluster.argv == []
