"""Templates and shared files are found beside the package or at the top of a checkout, or the installation is called incomplete."""

from __future__ import annotations

from pathlib import Path

import pytest

from spawner import _data


@pytest.mark.parametrize("name", ["templates", "share"])
def test_found(name: str) -> None:
    """The folder that holds our files."""
    assert (_data.folder(name) / "resource_form").is_dir()


def test_beside_the_package_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package has its own; a folder of that name above it is somebody else's."""
    for place in (tmp_path / "spawner" / "share", tmp_path / "share"):
        (place / "resource_form").mkdir(parents=True)
    monkeypatch.setattr(_data, "PACKAGE", tmp_path / "spawner")
    assert _data.folder("share") == tmp_path / "spawner" / "share"


def test_incomplete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is missing, or holds nothing of ours, is named."""
    (tmp_path / "share").mkdir()
    monkeypatch.setattr(_data, "PACKAGE", tmp_path / "spawner")
    with pytest.raises(FileNotFoundError, match="installed without its share"):
        _data.folder("share")
