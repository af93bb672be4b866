"""What a Hub's log has of the doctor's at its start."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spawner.cli.doctor.at_start import found_at_start, line_of
from spawner.cli.doctor.facts import HubFacts, Place, SiteFacts, SlurmFacts
from spawner.cli.doctor.findings import Level, error, note

HERE = Place("127.0.0.1", is_here=True, is_loopback=True)
WELL = SiteFacts(releases=(2, 1))
HUB = HubFacts("http://127.0.0.1:8081/hub/api", HERE, HERE, "jupyterhub")
SLURM = SlurmFacts(places={"g001": HERE})


def test_nothing_where_all_is_well() -> None:
    """A Hub whose site is in order says nothing."""
    assert list(found_at_start(WELL, HUB, SLURM)) == []


@pytest.mark.parametrize(
    ("site", "hub", "slurm", "check", "level"),
    [
        (replace(WELL, has_catalogue=False), HUB, SLURM, "catalogue", Level.NOTE),
        (replace(WELL, catalogue="r.yaml: there is no such file", releases=None), HUB, SLURM, "catalogue", Level.ERROR),
        (replace(WELL, folders=(("c.SlurmCluster.bin_dir", "/x"),)), HUB, SLURM, "folders", Level.ERROR),
        (replace(WELL, form_file="line 2"), HUB, SLURM, "form-file", Level.ERROR),
        (WELL, HUB, replace(SLURM, error="connect failure"), "slurm", Level.ERROR),
        (WELL, HUB, SlurmFacts(missing=("sbatch",)), "slurm-commands", Level.ERROR),
        (WELL, HUB, SlurmFacts(places={"g001": Place("192.0.2.7")}), "hub-url", Level.ERROR),
    ],
)
def test_each_is_one_finding(site: SiteFacts, hub: HubFacts, slurm: SlurmFacts, check: str, level: Level) -> None:
    """With its level, and nothing else beside it."""
    (finding,) = found_at_start(site, hub, slurm)
    assert (finding.check, finding.level) == (check, level)
    line = line_of(finding)
    assert line.startswith(finding.sentence)
    assert finding.advice in line
    assert line.endswith(f"docs/doctor.md#{check}.")


def test_a_line_is_one_line() -> None:
    """Whatever a file or Slurm has said; with what to write where."""
    made = line_of(error("slurm", "It says: a\nb", "Why.", "Look.", "scontrol ping", place="sh"))
    assert made == "It says: a b Look. In sh: scontrol ping. See docs/doctor.md#slurm."
    assert line_of(note("clock", "A.", "B.", "C.")) == "A. C. See docs/doctor.md#clock."
