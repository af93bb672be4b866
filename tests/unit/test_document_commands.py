"""Every command of the documents is run by a test, or says why not; the terminal takes each; what they show of a configuration exists."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import pytest
import yaml
from batchspawner import SlurmSpawner
from jupyterhub.app import JupyterHub
from jupyterhub.auth import Authenticator, LocalAuthenticator, PAMAuthenticator
from jupyterhub.proxy import ConfigurableHTTPProxy
from jupyterhub.spawner import Spawner

from spawner import ResourceFormSpawner
from spawner.cli.main import parser_of
from spawner.cluster.cluster import SlurmCluster
from spawner.hub.settings.bounds import ResourceFormBounds
from spawner.hub.settings.other_spawners import OTHER_SPAWNERS
from tests.support.document_commands import BLOCK, CHECKOUT, DOCUMENTS, WHOLE, blocks, commands

RUN_AS_THEY_ARE = CHECKOUT / "tests" / "real" / "test_document_commands.py"

ELSEWHERE = {
    "scripts/demo": "tests/real/test_demo.py",
    "scripts/test": "is what runs this test",
    "scripts/compare_forms": "needs the three products and a browser, for minutes: by hand, when a version is compared",
    "scripts/mutants": "runs the tests of a room hundreds of times: by hand",
    "pip install jupyterhub-resource-form": "tests/package/test_wheel.py",
    "pip install --upgrade jupyterhub-resource-form": "tests/package/test_wheel.py",
    "install ": "tests/real/test_sudo.py",
    'cp "$(resource-form files': "tests/package/test_wheel.py",
    "visudo": "tests/package/test_example_config.py",
    "systemctl restart jupyterhub": "needs systemd and a site; tests/package/test_units.py reads the unit, and real tests restart Hubs",
    "python3 -m venv /opt/resource-form": "tests/package/test_reporter_alone.py",
    "/opt/resource-form/bin/pip install": "tests/package/test_reporter_alone.py",
    "sudo -u jupyterhub resource-form doctor": "tests/real/test_doctor.py",
    "resource-form doctor -f /etc/jupyterhub/jupyterhub_config.py": "tests/real/test_doctor.py",
    "resource-form kernel": "tests/real/test_own_kernels.py",
    "resource-form releases check": "tests/real/test_release_check.py",
    "resource-form completion fish": "tests/real/test_completion.py",
    "#!/bin/sh\n# The preset scipy-ml": "tests/real/test_terminal_sessions.py",
}
"""By how a command begins: the test that runs it with other words, or why there is none."""

EVERY = [
    pytest.param(document, command, id=f"{document.name}: {command[:60]!r}") for document in DOCUMENTS for command in commands(document)
]
CLASSES = {
    kind.__name__: kind
    for kind in (
        *(JupyterHub, Authenticator, LocalAuthenticator, PAMAuthenticator, ConfigurableHTTPProxy, Spawner),
        *(ResourceFormSpawner, SlurmSpawner, SlurmCluster, ResourceFormBounds),
    )
}


def test_there_are_commands() -> None:
    assert len(EVERY) > 35
    for document in DOCUMENTS:
        assert "" not in [found["language"] for found in BLOCK.finditer(document.read_text())], f"{document}: a block without a language"


@pytest.mark.parametrize(("document", "command"), EVERY)
def test_it_is_run(document: Path, command: str) -> None:
    """By the test that takes it out of the document, or by another."""
    if document.name in WHOLE:
        assert (CHECKOUT / WHOLE[document.name]).exists()
        return
    run = ast.literal_eval(next(re.finditer(r"^RUN = (\(.*?^\))$", RUN_AS_THEY_ARE.read_text(), re.MULTILINE | re.DOTALL))[1])
    where = (
        ["as it is"]
        if command in {text for text, _printed in run}
        else [by for start, by in ELSEWHERE.items() if command.startswith(start)]
    )
    assert where, f"{document.name}: nothing runs this command"
    assert not where[0].startswith("tests/") or (CHECKOUT / where[0]).exists()


def test_nothing_is_listed_in_vain() -> None:
    every = [str(entry.values[1]) for entry in EVERY]
    assert [start for start in ELSEWHERE if not any(command.startswith(start) for command in every)] == []


CALL = re.compile(r"(?:^|/bin/|[ (]|[;&] )resource-form ([a-z][^|;&>)\n]*)", re.MULTILINE)
OURS = [
    entry
    for entry in EVERY
    if CALL.search(str(entry.values[1])) and "scripts/" not in str(entry.values[1]) and Path(str(entry.values[0])).name not in WHOLE
]


@pytest.mark.parametrize(("document", "command"), OURS)
def test_the_terminal_takes_it(document: Path, command: str) -> None:
    """Each call of ours in it has options that there are."""
    assert document.exists()
    for call in CALL.findall(re.sub(r"^#.*$", "", command, flags=re.MULTILINE)):
        words = [word for word in shlex.split(call, comments=True) if word != "$@"]
        parser_of(words[:1]).parse_args(words)


PYTHON = [pytest.param(document, text, id=document.name) for document in DOCUMENTS for text in blocks(document, "python")]


@pytest.mark.parametrize(("document", "text"), PYTHON)
def test_settings_that_are_shown(document: Path, text: str) -> None:
    """They are Python, and each is one of ours or of JupyterHub's; none is another spawner's."""
    assert document.exists()
    ast.parse(text)
    for section, name in re.findall(r"^\s*c\.(\w+)\.(\w+)", text, re.MULTILINE):
        assert section not in OTHER_SPAWNERS
        if section in CLASSES:
            assert name in CLASSES[section].class_trait_names(config=True), f"c.{section}.{name}"


@pytest.mark.parametrize("document", [pytest.param(document, id=document.name) for document in DOCUMENTS])
def test_data_that_is_shown(document: Path) -> None:
    """YAML and JSON can be read; dots stand for what is left out."""
    for text in blocks(document, "yaml", "json"):
        yaml.safe_load(text)


def test_every_page_is_in_a_list() -> None:
    """Of the pages of the site: whoever adds a document says below which heading of docs/index.md it stands."""
    lists = "\n".join(blocks(CHECKOUT / "docs" / "index.md", "{toctree}")) + "\n".join(
        blocks(CHECKOUT / "docs/howto/index.md", "{toctree}")
    )
    listed = {line.removeprefix("howto/") for line in lists.split()}
    assert [path.stem for path in DOCUMENTS if path.parent != CHECKOUT and path.stem not in {*listed, "index"}] == []
