"""The section of the configuration, c.SlurmCluster, and its name of before."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from jupyterhub.app import JupyterHub
from traitlets import TraitError
from traitlets.config import Config

from spawner.cluster.cluster import SlurmCluster

LOG = logging.getLogger("tests.settings")


def made_with(config: Config, caplog: pytest.LogCaptureFixture) -> tuple[SlurmCluster, list[str]]:
    """The cluster of a Hub with this configuration, and what the Hub's log says of it."""
    with caplog.at_level(logging.INFO, LOG.name):
        cluster = SlurmCluster(config=config, log=LOG)
    return cluster, [record.getMessage() for record in caplog.records]


def of_command_line(*arguments: str) -> Config:
    """The configuration that the Hub reads from its command line."""
    hub = JupyterHub()
    hub.parse_command_line(list(arguments))
    return hub.config


def test_section_of_before_still_works_and_log_names_the_new_one(caplog: pytest.LogCaptureFixture) -> None:
    """c.Cluster of an older configuration is obeyed; one warning says what to write instead."""
    config = Config()
    config.Cluster.partitions = ["g100_int"]
    config.Cluster.jobs_interval = 5.0
    cluster, said = made_with(config, caplog)
    assert cluster.partitions == ["g100_int"]
    assert cluster.jobs_interval == 5.0
    assert len(said) == 1
    assert "section Cluster is called SlurmCluster now" in said[0]
    assert "write c.SlurmCluster.jobs_interval, c.SlurmCluster.partitions instead" in said[0]
    assert caplog.records[0].levelno == logging.WARNING


def test_new_section_wins_and_the_rest_of_the_old_one_counts(caplog: pytest.LogCaptureFixture) -> None:
    """Where both sections set a trait the new one wins, in whichever order they are written."""
    config = Config()
    config.SlurmCluster.jobs_interval = 7.0
    config.Cluster.jobs_interval = 5.0
    config.Cluster.bin_dir = "/opt/slurm/bin"
    cluster, said = made_with(config, caplog)
    assert cluster.jobs_interval == 7.0
    assert cluster.bin_dir == "/opt/slurm/bin"
    assert len(said) == 1


@pytest.mark.parametrize("touched", [False, True])
def test_new_section_is_silent(touched: bool, caplog: pytest.LogCaptureFixture) -> None:
    """A configuration of the new name makes no warning, nor does a look at the old section that sets nothing."""
    config = Config()
    config.SlurmCluster.jobs_interval = 7.0
    if touched:
        assert not config.Cluster
    cluster, said = made_with(config, caplog)
    assert cluster.jobs_interval == 7.0
    assert said == []


@pytest.mark.parametrize(
    ("arguments", "interval", "partitions", "warnings"),
    [
        (["--Cluster.jobs_interval=5", "--Cluster.partitions=a", "--Cluster.partitions=b"], 5.0, ["a", "b"], 1),
        (["--SlurmCluster.jobs_interval=7", "--Cluster.jobs_interval=5"], 7.0, [], 1),
        (["--SlurmCluster.jobs_interval=7", "--SlurmCluster.partitions=a"], 7.0, ["a"], 0),
    ],
    ids=["the old name", "both", "the new name"],
)
def test_both_names_work_on_the_command_line(
    arguments: list[str], interval: float, partitions: list[str], warnings: int, caplog: pytest.LogCaptureFixture
) -> None:
    """The Hub's command line takes both names, and values in the traits' own notation."""
    cluster, said = made_with(of_command_line(*arguments), caplog)
    assert cluster.jobs_interval == interval
    assert cluster.partitions == partitions
    assert len(said) == warnings


def test_hub_warns_once(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever asks for the Hub's one cluster gets the same, and the log one warning."""
    config = Config({"Cluster": {"hub_name": "old"}})
    SlurmCluster.clear_instance()
    try:
        with caplog.at_level(logging.INFO, LOG.name):
            found: list[Any] = [SlurmCluster.instance(config=config, log=LOG) for _ in range(3)]
    finally:
        SlurmCluster.clear_instance()
    assert {each.hub_name for each in found} == {"old"}
    assert len(caplog.records) == 1


@pytest.mark.parametrize("section", ["Cluster", "SlurmCluster"])
def test_values_of_both_sections_are_checked(section: str) -> None:
    """A value that cannot be is refused, by the new name."""
    with pytest.raises(TraitError, match=r"SlurmCluster\.jobs_interval must be a number of seconds above 0"):
        SlurmCluster(config=Config({section: {"jobs_interval": 0}}))
