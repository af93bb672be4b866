"""The distribution: built as a wheel, installed into a fresh virtual environment, with everything it needs inside."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from private_slurm.checkout import copy_of_checkout, wheel_of

from spawner.cli.files import FILES, path_of
from spawner.cli.main import COMMANDS

CHECKOUT = Path(__file__).resolve().parents[2]

RENDER = """
from spawner.hub.form.render import render_availability, render_form
from spawner.hub.static import static_version
from spawner.job.sbatch import job_script
from spawner.site.catalogue import parse_catalogue
import spawner, spawner._data
release = parse_catalogue({"releases": [{"tag": "a", "date": "2026-01-01"}]}).releases[0]
assert "END_OF_RESOURCE_FORM_LAUNCHER" in job_script(release)
html = render_form({"fields": (), "problem": "", "notes": (), "availability": render_availability(None, sentence="Nothing is known."),
                    "has_page": True, "hub_url": "/hub/", "support_text": ""})
assert "/hub/resource-form/static/" + static_version() + "/form/main.js" in html
assert "Nothing is known." in html
print(spawner._data.folder("templates"))
"""

HUB = """
from jupyterhub.app import JupyterHub
hub = JupyterHub()
hub.load_config_file(CONFIG)
assert hub.spawner_class.__name__ == "ResourceFormSpawner", hub.spawner_class
"""


HUB_COMMANDS = ()
"""Commands that need what the Hub needs, for its machine."""

EVERY_MODULE = """
import importlib, pkgutil, spawner
for module in pkgutil.walk_packages(spawner.__path__, "spawner."):
    importlib.import_module(module.name)
    print(module.name)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout's files alone."""
    folder = tmp_path_factory.mktemp("wheel")
    return wheel_of(copy_of_checkout(CHECKOUT, folder / "source"), folder)


def modules_of_the_checkout() -> set[str]:
    """The names of all modules and packages below ``spawner``, itself left out."""
    files = (path.relative_to(CHECKOUT).with_suffix("") for path in (CHECKOUT / "spawner").rglob("*.py"))
    return {".".join(path.parts).removesuffix(".__init__") for path in files} - {"spawner"}


def test_wheel_has_all_templates_and_files(wheel: Path) -> None:
    """Every template and every shared file of the checkout is in the wheel, and no test is."""
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("templates", "share"):
        for path in (CHECKOUT / folder).rglob("*"):
            if path.is_file():
                assert f"spawner/{path.relative_to(CHECKOUT)}" in names
    assert not [name for name in names if name.startswith(("tests/", "scripts/"))]
    assert "spawner/py.typed" in names


def test_form_renders_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    """Installed from the wheel into a fresh environment, the form renders with its templates and assets, and the Hub finds the class."""
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    install = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-input", str(wheel)]
    subprocess.run(install, check=True)
    rendered = subprocess.run([str(python), "-I", "-c", RENDER], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert rendered.returncode == 0, rendered.stderr
    assert str(environment) in rendered.stdout
    config = tmp_path / "jupyterhub_config.py"
    config.write_text('c = get_config()\nc.JupyterHub.spawner_class = "resource-form"\n')
    code = HUB.replace("CONFIG", repr(str(config)))
    loaded = subprocess.run([str(python), "-I", "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert loaded.returncode == 0, loaded.stderr
    imported = subprocess.run([str(python), "-I", "-c", EVERY_MODULE], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert imported.returncode == 0, imported.stderr
    assert set(imported.stdout.split()) == modules_of_the_checkout()


def test_the_command_line_in_a_bare_environment(wheel: Path, tmp_path: Path) -> None:
    """Without JupyterHub and all else: on a login node a wheel and Python are enough. The manual page is where ``man`` looks for it."""
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=True)
    python, command = environment / "bin" / "python", environment / "bin" / "resource-form"
    install = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-input", "--no-deps", str(wheel)]
    subprocess.run(install, check=True)

    def called(*words: str) -> subprocess.CompletedProcess[str]:
        clean = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
        return subprocess.run([str(command), *words], env=clean, cwd=tmp_path, capture_output=True, text=True, check=False)

    listed = called("--help").stdout
    commands = [name for name in COMMANDS if name not in HUB_COMMANDS]
    assert all(f"\n    {name}" in listed for name in commands)
    for name in commands:
        helped = called(name, "--help")
        assert (helped.returncode, helped.stderr) == (0, ""), name
        assert helped.stdout.startswith(f"usage: resource-form {name}")
    assert called("login", "--list").returncode == 0
    nowhere = called("gpus", "--hub-api-url", "http://127.0.0.1:9/hub/api", "--token-file", "/etc/hostname")
    assert nowhere.returncode != 0
    assert "cannot be reached" in nowhere.stderr
    missing = called("completion", "bash")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "pip install argcomplete" in missing.stderr
    page = environment / "share" / "man" / "man1" / "resource-form.1"
    assert page.read_text() == (CHECKOUT / "share" / "man" / "man1" / "resource-form.1").read_text()


@pytest.mark.parametrize("where", ["environment", "user"])
def test_the_files_of_a_site_are_found(wheel: Path, tmp_path: Path, where: str) -> None:
    """``resource-form files`` names files of the very installation that answers: of a virtual environment, or ``pip install --user``."""
    install = ["install", "--quiet", "--no-input", "--no-deps", "--disable-pip-version-check"]
    clean = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONUSERBASE": str(tmp_path / "installed")}
    if where == "environment":
        venv.create(tmp_path / "installed", with_pip=False)
        python = tmp_path / "installed" / "bin" / "python"
    else:
        python = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
        install += ["--user", "--break-system-packages"]
    subprocess.run([sys.executable, "-m", "pip", "--python", str(python), *install, str(wheel)], env=clean, check=True)
    command = [str(tmp_path / "installed" / "bin" / "resource-form"), "files"]
    listed = subprocess.run([*command, "--json"], env=clean, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (listed.returncode, listed.stderr) == (0, "")
    paths = {entry["name"]: Path(entry["path"]) for entry in json.loads(listed.stdout)["files"]}
    assert set(paths) == set(FILES)
    for name, path in paths.items():
        assert path.is_relative_to(tmp_path / "installed"), name
        assert path.read_bytes() == path_of(name).read_bytes(), name
