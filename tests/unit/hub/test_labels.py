"""What the catalogue calls releases and interfaces, without a spawner and without a question to Slurm."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

from traitlets.config import Config

from spawner.hub.class_settings import class_settings
from spawner.hub.labels import LOOK_SECONDS, CatalogueFiles, KnownLabels, labels_of
from spawner.hub.state import HubState
from spawner.i18n import using

CATALOGUE: dict[str, Any] = {
    "interfaces": {"vscode": {"label": "VS Code", "url": "/vscode"}},
    "releases": [{"tag": "2026.10", "label": "October 2026", "date": "2026-10-01", "interfaces": ["lab", "vscode"]}],
}


def hub(**settings: Any) -> HubState:
    """A Hub with these settings of the spawner's."""
    return HubState({"config": Config({"ResourceFormSpawner": settings})})


def test_the_configurations_catalogue() -> None:
    """Labels for what it has, the name for what it has not, and none for none."""
    state = hub(catalogue=CATALOGUE)
    labels = labels_of(state)
    assert (labels.interface("vscode"), labels.interface("lab"), labels.release("2026.10")) == ("VS Code", "JupyterLab", "October 2026")
    assert (labels.interface("gone"), labels.release("2024.04"), labels.interface(None), labels.release("")) == ("gone", "2024.04", "", "")
    assert labels_of(state) is labels


def test_no_catalogue() -> None:
    """The one release that there is then, in the language in use."""
    labels = labels_of(hub())
    assert (labels.release("default"), labels.interface("terminal")) == ("Default", "Terminal")
    with using("it"):
        assert (labels.release("default"), labels.interface("terminal")) == ("Predefinita", "Terminale")


def test_a_file_that_changes(tmp_path: Path) -> None:
    """It is looked at again after some seconds; one that breaks leaves the last good labels."""
    path, seconds = tmp_path / "catalogue.yaml", [1000.0]
    labels = KnownLabels(class_settings(hub(catalogue_file=str(path))), CatalogueFiles(logging.getLogger("hub")), lambda: seconds[0])

    def shown(text: str, *, after: float) -> str:
        path.write_text(text)
        seconds[0] += after
        os.utime(path, (seconds[0], seconds[0]))
        return labels.now().interface("vscode")

    def called(label: str) -> str:
        return json.dumps({**CATALOGUE, "interfaces": {"vscode": {"label": label, "url": "/vscode"}}})

    assert shown("releases: [", after=0) == "Visual Studio Code"
    assert shown(called("Code"), after=LOOK_SECONDS) == "Code"
    assert shown(called("Codium"), after=LOOK_SECONDS - 1) == "Code"
    assert shown(called("Codium"), after=1) == "Codium"
    assert shown("releases: [", after=LOOK_SECONDS) == "Codium"
