"""Users' own kernels in every release, with a real ``module`` command, and a home whose Python packages are broken (T34)."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from private_slurm import packages
from private_slurm.cluster import PrivateCluster
from private_slurm.releases import DEMO_RELEASES, JUPYTERHUB_VERSION, Release, catalogue_text
from private_slurm.users import credentials, ensure_system_users

from tests.support.own_python import ensure_own_python
from tests.support.real_hub import CHECKOUT, Environments, open_site
from tests.support.site_under_test import Site, run_in_kernel, wait_for

USER = "demo-barbara"
"""Whose home is spoiled: nobody else's test starts sessions of theirs."""
SMALL = {"gpus": 0, "cores": 1, "memory": "1G", "walltime": "10m", "account": "cin_train"}
OWN_PYTHON = Release("own-python", "A Python of its own", "2026-01-15", ("jupyter-server", "ipykernel"), ("lab",))
WITH_HOME = replace(OWN_PYTHON, tag="with-home", label="The same, with ~/.local")
"""As it would be without our configuration: a release that sets PYTHONNOUSERSITE is left alone (site(3): empty counts as not set)."""
PROGRAM = "import sys; from spawner.cli.main import main; sys.exit(main())"
KERNELS_OF_THE_MACHINE = Path("/usr/share/jupyter/kernels")
BROKEN = ("tornado", "traitlets", "zmq")
POISON = "a package in the home of this user is broken"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: a user whose home can be spoiled")


@dataclass(frozen=True)
class Home:
    """The user's home, and what is called in it."""

    folder: Path
    program: Path
    modules: Path

    def kernel(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """``resource-form kernel`` as this user, with a Python that has nothing but its standard library."""
        return subprocess.run(
            [packages.SYSTEM_PYTHON, "-s", "-c", PROGRAM, "kernel", *map(str, arguments)],
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "PYTHONPATH": str(self.program), "MODULEPATH": str(self.modules)},
            cwd="/",
            capture_output=True,
            text=True,
            **credentials(USER),
        )


@pytest.fixture(scope="module")
def modules(environments: Environments) -> Path:
    """A site's modules: two versions that do not go together."""
    packages.ensure_debian_packages(packages.MODULE_PACKAGES)
    folder = environments.folder / "modules"
    (folder / "chemistry").mkdir(parents=True, exist_ok=True)
    for version in ("1.0", "2.0"):
        (folder / "chemistry" / version).write_text(f"#%Module1.0\nconflict chemistry\nsetenv CHEMISTRY {version}\n")
    return folder


@pytest.fixture(scope="module")
def prefix(environments: Environments) -> Path:
    """An environment of a user's that wants what is in ~/.local as well, and whose own packages come first."""
    folder = packages.ensure_venv(environments.installed / "kernel-environment", ["ipykernel"]).parent
    settings = folder / "pyvenv.cfg"
    settings.write_text(settings.read_text().replace("include-system-site-packages = false", "include-system-site-packages = true"))
    return folder


@pytest.fixture(scope="module")
def running_site(environments: Environments, cluster: PrivateCluster, modules: Path) -> Iterator[Site]:
    """A Hub with this user, and a release beside the demo's whose Python looks into ~/.local."""
    pip = environments.installed / "releases" / DEMO_RELEASES[0].tag / "bin" / "pip"
    own = environments.installed / "own-python"
    bin_dir = ensure_own_python(own, OWN_PYTHON.requirements(JUPYTERHUB_VERSION), pip)
    catalogue = yaml.safe_load(catalogue_text([*DEMO_RELEASES, OWN_PYTHON, WITH_HOME], environments.installed / "releases"))
    for entry in catalogue["releases"]:
        entry["prologue"] = f"module use {modules}\nmodule load chemistry/1.0\n"
        if entry["tag"] in (OWN_PYTHON.tag, WITH_HOME.tag):
            entry["path"] = str(bin_dir)
        if entry["tag"] == WITH_HOME.tag:
            entry["environment"] = {"PYTHONNOUSERSITE": ""}
    file = environments.folder / "releases-own-kernels.yaml"
    file.write_text(json.dumps(catalogue))
    ensure_system_users([USER])
    cluster.run("sacctmgr", "--immediate", "add", "user", f"name={USER}", "account=cin_train")
    with open_site("hub-own-kernels", replace(environments, catalogue=file), cluster, (USER,)) as site:
        yield site
    cluster.run("sacctmgr", "--immediate", "delete", "user", f"name={USER}")


@pytest.fixture
def home(running_site: Site, environments: Environments, modules: Path) -> Iterator[Home]:
    """A home with broken packages in ~/.local, and a good one that is nowhere else; in order again afterwards."""
    entry = pwd.getpwnam(USER)
    folder = Path(entry.pw_dir)
    put_in_order(folder, entry)
    version = subprocess.run(
        [packages.SYSTEM_PYTHON, "-I", "-c", "import sys; print('python%d.%d' % sys.version_info[:2])"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    packages_of_user = folder / ".local" / "lib" / version / "site-packages"
    for name in BROKEN:
        (packages_of_user / name).mkdir(parents=True)
        (packages_of_user / name / "__init__.py").write_text(f"raise RuntimeError({POISON!r})\n")
    (packages_of_user / "thesis.py").write_text("ANSWER = 42\n")
    for path in [folder / ".local", *(folder / ".local").rglob("*")]:
        os.chown(path, entry.pw_uid, entry.pw_gid)
    program = environments.folder / "kernel-command"
    shutil.rmtree(program, ignore_errors=True)
    shutil.copytree(CHECKOUT / "spawner", program / "spawner", ignore=shutil.ignore_patterns("__pycache__"))
    for path in [program, *program.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    yield Home(folder, program, modules)
    running_site.clean()
    put_in_order(folder, entry)


def put_in_order(folder: Path, entry: pwd.struct_passwd) -> None:
    """Make it a folder of the user's with nothing in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o755)
    os.chown(folder, entry.pw_uid, entry.pw_gid)


def kernels(site: Site) -> dict[str, str]:
    """The kernels that the session offers with their labels, but for those of the machine itself: Debian's packages bring some."""
    url, headers = f"{site.hub.url}user/{USER}/api/kernelspecs", {"Authorization": f"token {site.token}"}
    specs = requests.get(url, headers=headers, timeout=60).json()["kernelspecs"]
    machine = {path.name for path in KERNELS_OF_THE_MACHINE.glob("*")} - {"python3"}
    return {name: each["spec"]["display_name"] for name, each in specs.items() if name not in machine}


def cell(site: Site, code: str, spec: str) -> Any:
    """What a new kernel says to some code that prints JSON."""
    return json.loads(run_in_kernel(site, f"import json, os, shutil, site, sys\n{code}", user=USER, spec=spec)[0])


SEEN = """
try:
    from thesis import ANSWER
except ModuleNotFoundError:
    ANSWER = None
print(json.dumps({
    "module": os.environ.get("CHEMISTRY"), "loaded": os.environ.get("LOADEDMODULES"), "prefix": sys.prefix,
    "python": shutil.which("python"), "answer": ANSWER, "looks into the home": site.ENABLE_USER_SITE,
}))
"""


@pytest.mark.parametrize("release", [*(release.tag for release in DEMO_RELEASES), OWN_PYTHON.tag])
def test_a_kernel_of_ones_own_is_in_every_release(site: Site, home: Home, prefix: Path, release: str) -> None:
    """T34: whatever is in ~/.local, the server comes up; the user's kernel has its own module, its own Python, and what is in ~/.local."""
    made = home.kernel("add", "mine", "--prefix", prefix, "--module", "chemistry/2.0", "--label", "My thesis")
    assert made.returncode == 0, made.stderr
    assert (home.folder / ".local/share/jupyter/kernels/mine/kernel.json").stat().st_uid == pwd.getpwnam(USER).pw_uid

    site.start({**SMALL, "release": release}, user=USER)
    assert {name: label for name, label in kernels(site).items() if name != "python3"} == {"mine": "My thesis"}
    assert cell(site, SEEN, "mine") == {
        "module": "2.0",
        "loaded": "chemistry/2.0",
        "prefix": str(prefix),
        "python": str(prefix / "bin" / "python"),
        "answer": 42,
        "looks into the home": True,
    }


@pytest.mark.parametrize("release", [release.tag for release in DEMO_RELEASES])
def test_a_virtual_environment_never_looks_into_the_home(site: Site, home: Home, release: str) -> None:
    """T34: what the release brings is all there is in its own kernel, with the release's module."""
    site.start({**SMALL, "release": release}, user=USER)
    seen = cell(site, SEEN, "python3")
    assert (seen["module"], seen["answer"], seen["looks into the home"]) == ("1.0", None, False)


def test_without_our_configuration_the_home_would_break_the_server(site: Site, home: Home) -> None:
    """T34: the same release that looks into ~/.local ends at once; so the tests above show something."""
    status, answer = site.call("POST", f"/users/{USER}/server", {**SMALL, "release": WITH_HOME.tag})
    assert status in (202, 400), f"HTTP {status}: {answer}"
    logs = home.folder / ".local" / "state" / "jupyterhub-resource-form"
    wait_for(lambda: any(POISON in log.read_text() for log in logs.glob("*.log")), f"the server to break\n{site.logs()}", 60)
    wait_for(lambda: not site.server(USER).get("pending"), "the start to be over", 60)
    assert not site.server(USER).get("ready")


def test_a_kernel_is_listed_and_goes_again(site: Site, home: Home, prefix: Path) -> None:
    """T34: as a session has them; a module that is not there makes none."""
    refused = home.kernel("add", "other", "--prefix", prefix, "--module", "chemistry/3.0")
    assert refused.returncode == 1
    assert "chemistry/3.0 cannot be loaded" in refused.stderr
    assert "Unable to locate a modulefile" in refused.stderr
    assert home.kernel("add", "mine", "--prefix", prefix).returncode == 0
    site.start({**SMALL, "release": DEMO_RELEASES[0].tag}, user=USER)
    assert set(kernels(site)) == {"python3", "mine"}
    assert [entry["name"] for entry in json.loads(home.kernel("list", "--json").stdout)] == ["mine"]
    assert home.kernel("remove", "mine", "--yes").returncode == 0
    assert set(kernels(site)) == {"python3"}


def test_a_module_that_is_gone_is_told_in_the_sessions_log(site: Site, home: Home, prefix: Path) -> None:
    """T34: such a kernel does not start with less than it was made for, and says why."""
    module = home.modules / "chemistry" / "9.0"
    module.write_text("#%Module1.0\n")
    assert home.kernel("add", "mine", "--prefix", prefix, "--module", "chemistry/9.0").returncode == 0
    module.unlink()
    site.start({**SMALL, "release": DEMO_RELEASES[0].tag}, user=USER)
    log = home.folder / ".local" / "state" / "jupyterhub-resource-form" / f"{site.job_of(USER)['JobId']}.log"
    kernels = f"{site.hub.url}user/{USER}/api/kernels"
    requests.post(kernels, headers={"Authorization": f"token {site.token}"}, json={"name": "mine"}, timeout=60)
    wait_for(lambda: "resource-form: the module chemistry/9.0 cannot be loaded" in log.read_text(), f"the words in {log}", 30)
