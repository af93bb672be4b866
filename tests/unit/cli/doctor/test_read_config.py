"""What the doctor reads of a configuration: what cannot be, what nobody reads, what says nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from spawner.cli.doctor.read_config import Loaded, load


def loaded(folder: Path, text: str) -> Loaded:
    """The configuration of this text, behind the one line that sets a Hub up."""
    path = folder / "jupyterhub_config.py"
    path.write_text(f"import spawner\nc = get_config()\nspawner.configure(c)\n{text}")
    return load(path)


def test_a_configuration_that_is_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Lists that are added to, settings of a base class, another authenticator's section; what it prints is not in the JSON."""
    found = loaded(
        tmp_path,
        'print("hello")\nc.JupyterHub.services.append({"name": "x"})\nc.Spawner.port_range = "2000-3000"\n'
        'c.PAMAuthenticator.encoding = "x"\n',
    )
    facts = found.facts
    assert (facts.error, facts.wrong, facts.unknown, facts.without_effect, facts.renamed) == ("", (), (), (), ())
    assert (facts.spawner_class, facts.is_ours, facts.cleanup_servers, facts.concurrent_spawn_limit) == (
        "ResourceFormSpawner",
        True,
        False,
        0,
    )
    assert found.configured is not None
    assert found.configured.settings.port_range == "2000-3000"
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("1 / 0\n", "line 4: ZeroDivisionError: division by zero"),
        ("\nfor\n", "line 5: SyntaxError: invalid syntax"),
        ("import sys\nsys.exit(1)\n", "line 5: SystemExit: 1"),
        ("def f():\n    raise ValueError('a\\nb')\nf()\n", "line 5: ValueError: a b"),
    ],
)
def test_a_configuration_that_fails(tmp_path: Path, text: str, error: str) -> None:
    """The line and the reason, in one line."""
    assert loaded(tmp_path, text).facts.error == error


def test_no_configuration(tmp_path: Path) -> None:
    """It is told of, and nothing else is."""
    assert load(tmp_path / "nowhere.py").facts.error == "there is no such file"


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("c.SlurmCluster.nodes_interval = -1\n", "nodes_interval"),
        ("c.JupyterHub.port = 'no port'\n", "port"),
        ("c.JupyterHub.spawner_class = 'no.such.Spawner'\n", "no.such.Spawner"),
        ("c.ResourceFormSpawner.port_range = '9-1'\n", "port_range"),
        ("c.ResourceFormSpawner.fields = {'nocores': {}}\n", "nocores"),
        ("c.ResourceFormBounds.starts = 0\n", "starts"),
    ],
)
def test_a_value_that_cannot_be(tmp_path: Path, text: str, wrong: str) -> None:
    """It is named."""
    (sentence,) = loaded(tmp_path, text).facts.wrong
    assert wrong in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("c.SlurmCluster.node_interval = 1\n", ("c.SlurmCluster.node_interval", "c.SlurmCluster.nodes_interval")),
        ("c.Cluster.bindir = 'x'\n", ("c.Cluster.bindir", "c.Cluster.bin_dir")),
        ("c.ResourceFormSpawner.zzz = 1\n", ("c.ResourceFormSpawner.zzz", "")),
        ("c.JupyterHub.hub_ips = 'x'\n", ("c.JupyterHub.hub_ips", "c.JupyterHub.hub_ip")),
        ("c.ResourceFormBounds.start = 9\n", ("c.ResourceFormBounds.start", "c.ResourceFormBounds.starts")),
        ("c.SlurmClusters.bin_dir = 'x'\n", ("c.SlurmClusters", "c.SlurmCluster")),
    ],
)
def test_a_name_that_nobody_reads(tmp_path: Path, text: str, unknown: tuple[str, str]) -> None:
    """With the one that may be meant."""
    assert loaded(tmp_path, text).facts.unknown == (unknown,)


def test_what_says_nothing_to_this_spawner(tmp_path: Path) -> None:
    """batchspawner's settings and other spawners' sections; the older name of a section is no such thing."""
    facts = loaded(tmp_path, "c.Spawner.req_qos = 'x'\nc.MOSlurmSpawner.partitions = {}\nc.Cluster.bin_dir = ''\n").facts
    assert [name for name, _instead in facts.without_effect] == ["c.Spawner.req_qos", "c.MOSlurmSpawner.partitions"]
    assert facts.renamed == ("c.Cluster.bin_dir",)
    assert facts.unknown == ()


def test_another_spawner(tmp_path: Path) -> None:
    """Then ours are the settings that say nothing, and those of the other one are not looked at."""
    text = (
        "c.JupyterHub.spawner_class = 'simple'\nc.ResourceFormSpawner.language = 'it'\nc.Spawner.whatever = 1\nc.SbatchForm.memory = {}\n"
    )
    facts = loaded(tmp_path, text).facts
    assert (facts.is_ours, facts.spawner_class) == (False, "SimpleLocalProcessSpawner")
    assert facts.without_effect == (("c.ResourceFormSpawner.language", 'c.JupyterHub.spawner_class = "resource-form"'),)
    assert facts.unknown == ()
