"""What a session is called: by its user, else as what it is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from spawner.hub.sessions.options import display_name, given_name, shown_name
from spawner.i18n import using
from spawner.site.catalogue import Labels

REQUEST = {"partition": "g100_int", "cores": 4, "gpus": "v100:1", "interface": "lab"}


def server(name: str = "", shown: str = "") -> Any:
    """A server as the Hub's database has it."""
    return SimpleNamespace(name=name, display_name=shown)


@pytest.mark.parametrize(
    ("of", "options", "given", "shown"),
    [
        pytest.param(server("fit", "Other"), {**REQUEST, "name": "Folding"}, "Folding", "Folding", id="in the form"),
        pytest.param(server("fit", "Other"), REQUEST, "Other", "Other", id="JupyterHub's display name"),
        pytest.param(server("fit"), REQUEST, "fit", "fit", id="the server's name"),
        pytest.param(server("session"), REQUEST, "", "JupyterLab · 1 × V100 · g100_int", id="a name that we made"),
        pytest.param(server("session-12"), REQUEST, "", "JupyterLab · 1 × V100 · g100_int", id="with a number"),
        pytest.param(server("session-one"), REQUEST, "session-one", "session-one", id="one that only begins like it"),
        pytest.param(server(), REQUEST, "", "JupyterLab · 1 × V100 · g100_int", id="none"),
        pytest.param(server(), {**REQUEST, "gpus": "0"}, "", "JupyterLab · 4 cores · g100_int", id="no GPU"),
        pytest.param(server(), {**REQUEST, "interface": "own-page"}, "", "own-page · 1 × V100 · g100_int", id="an interface of the site's"),
        pytest.param(server(), {**REQUEST, "interface": ""}, "", "1 × V100 · g100_int", id="no interface"),
        pytest.param(server(), {**REQUEST, "gpus": "1"}, "", "JupyterLab · 1 GPU · g100_int", id="any type"),
        pytest.param(server(), {}, "", "Default server", id="never asked for"),
        pytest.param(server("session-2"), {}, "", "session-2", id="never asked for, a name that we made"),
        pytest.param(server(), {**REQUEST, "cores": "many"}, "", "Default server", id="what cannot be read"),
        pytest.param(server(), None, "", "Default server", id="no options"),
    ],
)  # fmt: skip
def test_names(of: Any, options: dict[str, Any] | None, given: str, shown: str) -> None:
    """What the user said comes first; what nobody said is what the session is."""
    assert given_name(of, options) == given
    assert display_name(of, options) == shown


def test_the_label_of_an_interface() -> None:
    """What the site's catalogue calls it, and not the name by which programs ask for it."""
    labels = Labels({"vscode": "VS Code", "terminal": "Console"}, {})
    assert display_name(server(), {**REQUEST, "interface": "vscode"}, labels) == "VS Code · 1 × V100 · g100_int"
    assert shown_name("", {**REQUEST, "interface": "terminal"}, "", labels) == "Console · 1 × V100 · g100_int"


def test_in_the_language_in_use() -> None:
    """What it is, is said in the language of the page; a name is as its user wrote it."""
    with using("it"):
        assert shown_name("", {**REQUEST, "interface": "terminal"}) == "Terminale · 1 × V100 · g100_int"
        assert shown_name("Terminal", REQUEST) == "Terminal"


def test_a_name_of_an_older_record() -> None:
    """Where the name that we made was kept as if it were the user's."""
    assert shown_name("session-3", REQUEST, "session-3") == "JupyterLab · 1 × V100 · g100_int"
