"""``scripts/release`` refuses what must not be uploaded; what it builds is tested in test_distribution.py."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with the script as it is in the checkout, all of it committed, the address of the repository with it."""
    subprocess.run(["git", "clone", "--quiet", "--shared", str(CHECKOUT), str(tmp_path / "clone")], check=True)
    path = tmp_path / "clone"
    (path / "scripts" / "release").write_bytes((CHECKOUT / "scripts" / "release").read_bytes())
    (path / "scripts" / "release").chmod(0o755)
    (path / "setup.cfg").write_text("[metadata]\nurl = https://forge.example.org/ada/form\n")
    (path / "CHANGELOG.md").write_text("# Changes\n\n## 3.2.1 (2026-11-30)\n\n- All.\n")
    (path / "spawner" / "_version.py").write_text('__version__ = "3.2.1"\n')
    return path


def refused(clone: Path, *, commit: bool = True) -> str:
    """What the script says before it ends, and that it has built nothing."""
    if commit:
        who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
        subprocess.run(["git", *who, "commit", "--quiet", "--all", "--message", "Release"], cwd=clone, check=True)
    bare = clone.parent / "bare"
    bare.mkdir()
    (bare / "python3").write_text("#!/bin/sh\nexit 1\n")  # one that has none of the tools
    (bare / "python3").chmod(0o755)
    environment = {"PATH": f"{bare}:/usr/bin:/bin", "HOME": str(clone)}
    done = subprocess.run(["scripts/release"], cwd=clone, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert not (clone / "dist").exists()
    return done.stderr


def test_what_is_not_committed_is_not_released(clone: Path) -> None:
    assert "not committed" in refused(clone, commit=False)


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("spawner/_version.py", '__version__ = "3.2.2.dev0"\n', "3.2.2.dev0 is a version of development"),
        ("setup.cfg", "[metadata]\n# url = https://forge.example.org/ada/form\n", "does not say where the repository is"),
        ("CHANGELOG.md", "# Changes\n\n## Unreleased\n\n- All.\n", '## 3.2.1"'),
    ],
    ids=["a version of development", "no address", "no section of the changelog"],
)
def test_what_is_not_ready_is_not_released(clone: Path, file: str, text: str, words: str) -> None:
    (clone / file).write_text(text)
    assert words in refused(clone)


def test_what_is_ready_is_held_up_by_none_of_these(clone: Path) -> None:
    """Then the tools are looked for, which an installation without the extra has not."""
    assert "pip install -e '.[release]'" in refused(clone)
