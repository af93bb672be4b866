"""Whatever the configuration imports, and in whatever order: the address that jobs call is answered by our handler."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

# A process loads all of JupyterHub for it.
pytestmark = pytest.mark.thorough

ADDRESS = "/hub/api/batchspawner"
NEIGHBOURS = ("/hub/api/batchspawner/", "/hub/api/batchspawner/x", "/hub/api//batchspawner", "/hub//api/batchspawner")

PROGRAM = """
import json, os, sys

from jupyterhub.app import JupyterHub
from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.web import Application


class Connection:
    context = None


def answer(file):
    assert "spawner" not in sys.modules and "batchspawner" not in sys.modules
    app = JupyterHub(config_file=file)
    app.load_config_file(app.config_file)
    app.authenticator = app.authenticator_class(parent=app)
    app.init_handlers()
    application = Application(app.handlers)
    for address in json.loads(sys.argv[1]):
        request = HTTPServerRequest("POST", address, headers=HTTPHeaders(), connection=Connection())
        print(os.path.basename(file), address, application.find_handler(request).handler_class.__module__)


for file in sys.argv[2:]:
    child = os.fork()
    if not child:
        answer(file)
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(child, 0)
"""
"""JupyterHub is loaded once; each configuration then gets a process in which nobody has imported anything else yet."""

CONFIGURATIONS = {
    "one-line": "import spawner\nspawner.configure(c)",
    "entry-point-only": 'c.JupyterHub.spawner_class = "resource-form"',
    "class-by-its-path": 'c.JupyterHub.spawner_class = "spawner.ResourceFormSpawner"',
    "batchspawner-before": "import batchspawner\nimport batchspawner.api\nimport spawner\nspawner.configure(c)",
    "batchspawner-before-the-entry-point": 'import batchspawner.api\nc.JupyterHub.spawner_class = "resource-form"',
    "batchspawner-after": "import spawner\nspawner.configure(c)\nimport batchspawner\nimport batchspawner.api",
    "batchspawner-once-more": "import importlib, spawner, batchspawner.api\nspawner.configure(c)\nimportlib.reload(batchspawner.api)",
    "batchspawner-as-its-documentation-says": 'import batchspawner\nc.JupyterHub.spawner_class = "resource-form"',
    "batchspawner-as-an-extra-handler": (
        "import spawner\nspawner.configure(c)\nfrom batchspawner.api import BatchSpawnerAPIHandler\n"
        'c.JupyterHub.extra_handlers = [(r"/api/batchspawner", BatchSpawnerAPIHandler)]'
    ),
    "handlers-emptied-of-it": (
        "import batchspawner.api, spawner\nfrom jupyterhub.apihandlers import default_handlers\n"
        "default_handlers.append((r'/api/batchspawner', batchspawner.api.BatchSpawnerAPIHandler))\nspawner.configure(c)"
    ),
    "subclass": "import spawner\nclass Ours(spawner.ResourceFormSpawner):\n    pass\nc.JupyterHub.spawner_class = Ours",
    "submodule": "from spawner.spawner import ResourceFormSpawner\nc.JupyterHub.spawner_class = ResourceFormSpawner",
    "plain-batchspawner-beside-us": 'import batchspawner\nc.JupyterHub.spawner_class = "batchspawner.SlurmSpawner"',
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], str]:
    """Configuration and address to the module of the handler that answers."""
    folder = tmp_path_factory.mktemp("configurations")
    files = []
    for name, text in CONFIGURATIONS.items():
        files.append(folder / name)
        files[-1].write_text(f"c = get_config()\n{text}\n")
    argv = [sys.executable, "-c", PROGRAM, json.dumps([ADDRESS, *NEIGHBOURS]), *map(str, files)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False, cwd=folder)
    rows = [line.split() for line in done.stdout.splitlines()]
    assert len(rows) == len(files) * (1 + len(NEIGHBOURS)), done.stderr
    return {(name, address): module for name, address, module in rows}


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_our_handler_answers(configuration: str, answers: dict[tuple[str, str], str]) -> None:
    """No order of imports, and no way to name the class, lets batchspawner's own handler answer."""
    assert answers[configuration, ADDRESS] == "spawner.hub.apihandlers.callback"


@pytest.mark.parametrize("address", NEIGHBOURS)
def test_addresses_beside_it_are_nobodys(address: str, answers: dict[tuple[str, str], str]) -> None:
    """Nothing answers at an address that only looks like it."""
    assert {answers[configuration, address].split(".")[0] for configuration in CONFIGURATIONS} == {"jupyterhub"}
