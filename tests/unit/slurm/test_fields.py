"""docs/slurm-fields.md says of every field of partitions and nodes what is made of it: held against recorded answers and the reader."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from spawner.slurm import scontrol
from tests.support.fake_slurm import FIXTURES

DOCUMENT = (Path(__file__).parents[3] / "docs" / "slurm-fields.md").read_text()
ROW = re.compile(r"^\| `(\w+)` \| (.+) \|$", re.MULTILINE)
KEY = re.compile(r"(?:^| )([A-Za-z_]+)=")
FREE_TEXT = re.compile(r" (?:Reason|Comment|Extra)=.*?(?= (?:InstanceId|InstanceType|ResumeAfterTime|Comment|Extra|ReservationName)=|$)")
SOURCE = Path(scontrol.__file__).read_text()


def rows(title: str) -> dict[str, str]:
    """The table under a heading."""
    return dict(ROW.findall(DOCUMENT.split(f"## {title}\n")[1].split("\n## ")[0]))


def printed(pattern: str) -> set[str]:
    """The fields of all recorded answers; what stands in free text is none."""
    found: set[str] = set()
    for path in FIXTURES.parent.glob(pattern):
        for line in path.read_text().splitlines():
            found |= {entry.strip().partition("=")[0] for entry in FREE_TEXT.findall(line)}
            found |= set(KEY.findall(FREE_TEXT.sub("", re.sub(r" OS=.*?(?= RealMemory=)", " OS=x", line))))
    return found


@pytest.mark.parametrize(("title", "pattern"), [("Partitions", "*/*partitions.txt"), ("Nodes", "*/*nodes*.txt")])
def test_every_field_is_there(title: str, pattern: str) -> None:
    """A field of a later version has to be judged before its answer can be a fixture."""
    assert printed(pattern)
    assert printed(pattern) - rows(title).keys() == set()


@pytest.mark.parametrize("title", ["Partitions", "Nodes"])
def test_what_is_read(title: str) -> None:
    """What the table calls read is named by the reader; what does not matter is not, unless it is read of the other kind."""
    other = rows("Nodes" if title == "Partitions" else "Partitions")
    for field, said in rows(title).items():
        assert said.startswith(("read", "does not matter")), field
        is_named = re.search(rf"\b{field}\b", SOURCE) is not None
        assert is_named or not said.startswith("read"), field
        if said.startswith("does not matter") and field not in ("Comment", "Extra", "InstanceId", "InstanceType", "OS", "ReservationName"):
            assert not is_named or other.get(field, "").startswith("read"), field
