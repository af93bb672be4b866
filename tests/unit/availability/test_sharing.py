"""Which jobs of partitions that share cores go together on a node."""

from __future__ import annotations

import pytest

from spawner.availability.sharing import do_not_mix
from spawner.slurm.model import Partition

MODES = {
    "plain": Partition("plain"),
    "twice": Partition("twice", oversubscribe="YES", oversubscribe_count=2),
    "once": Partition("once", oversubscribe="YES", oversubscribe_count=1),
    "forced": Partition("forced", oversubscribe="FORCE", oversubscribe_count=2),
    "whole": Partition("whole", oversubscribe="EXCLUSIVE"),
}


@pytest.mark.parametrize(
    ("own", "other", "before", "since"),
    [
        ("plain", "plain", False, False),
        ("plain", "once", False, False),
        ("plain", "twice", True, False),
        ("twice", "twice", True, False),
        ("twice", "forced", True, True),
        ("plain", "forced", True, True),
        ("forced", "plain", True, True),
        ("forced", "twice", True, True),
        ("forced", "forced", False, False),
        ("plain", "whole", True, True),
        ("forced", "whole", True, True),
    ],
)
def test_jobs_of_two_partitions(own: str, other: str, *, before: bool, since: bool) -> None:
    """Before 23.11.7 a partition that lets jobs share cores keeps all others off; since then only jobs that share do."""
    for version, expected in (((22, 5, 8), before), ((23, 11, 6), before), ((23, 11, 7), since), ((26, 5, 5), since), ((), since)):
        partition = Partition(
            **{**{name: getattr(MODES[own], name) for name in ("name", "oversubscribe", "oversubscribe_count")}, "version": version}
        )
        assert do_not_mix(partition, MODES[other]) is expected


def test_a_partition_that_is_not_known() -> None:
    """Its jobs hold nobody off."""
    assert do_not_mix(MODES["plain"], None) is False
