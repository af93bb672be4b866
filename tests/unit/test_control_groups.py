"""Which machines let a private cluster confine its jobs, and how Slurm is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from private_slurm import control_groups

V1 = "".join(f"cgroup /sys/fs/cgroup/{name} cgroup rw,relatime,{name} 0 0\n" for name in control_groups.CONTROLLERS)


@pytest.mark.parametrize(
    ("mounts", "missing"),
    [
        pytest.param(V1, set(), id="v1"),
        pytest.param("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n", set(control_groups.CONTROLLERS), id="v2"),
        pytest.param(V1.replace("rw,relatime,devices", "ro,relatime,devices"), {"devices"}, id="read-only"),
        pytest.param(V1.replace("/sys/fs/cgroup/memory", "/other/memory"), {"memory"}, id="elsewhere"),
        pytest.param("/dev/vda / ext4 rw 0 0\n", set(control_groups.CONTROLLERS), id="none"),
    ],
)
def test_what_is_mounted(mounts: str, missing: set[str]) -> None:
    """Each hierarchy has to be cgroup v1's own, writable, and where Slurm looks."""
    assert set(control_groups.CONTROLLERS) - control_groups.mounted(mounts) == missing


@pytest.mark.parametrize(("release", "automount"), [((22, 5), True), ((23, 11), True), ((24, 11), False), ((26, 5), False)])
def test_cgroup_conf(release: tuple[int, int], automount: bool) -> None:
    """Memory, devices and cores are constrained; CgroupAutomount is unknown to 24.05 and newer."""
    text = control_groups.cgroup_conf(release)
    assert {"ConstrainRAMSpace=yes", "ConstrainDevices=yes", "ConstrainCores=yes"} <= set(text.split())
    assert ("CgroupAutomount=no" in text) is automount
    assert control_groups.is_used(text)
    assert not control_groups.is_used("CgroupPlugin=disabled\n")


def test_what_is_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty folders of our nodes go, whatever is in use and others' stay."""
    root = tmp_path
    for folder in ("memory/slurm_k1/uid_1/job_2", "memory/slurm_k2", "memory/other"):
        (root / folder).mkdir(parents=True)
    (root / "memory/slurm_k2/tasks").touch()
    monkeypatch.setattr(control_groups, "ROOT", root)
    control_groups.clean(["k1", "k2"])
    assert sorted(path.name for path in (root / "memory").iterdir()) == ["other", "slurm_k2"]
