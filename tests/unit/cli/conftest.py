"""What the commands find around them: no log-in of the developer's, no Hub of the environment, English."""

from __future__ import annotations

from pathlib import Path

import pytest

from spawner.cli.language import VARIABLES
from spawner.cli.which_hub import API_URL, HUB, TOKEN_FILE


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
    for name in (HUB, API_URL, TOKEN_FILE, "LANGUAGE", *VARIABLES):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def settings_of_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder of the user's settings, which is not there yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path / "resource-form"
