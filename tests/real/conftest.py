"""A real cluster and a real Hub for the tests, made once; every test begins with no session, no job and all nodes in service."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from private_slurm import packages
from private_slurm.cluster import PrivateCluster
from private_slurm.newer_slurm import slurm_of
from private_slurm.releases import DEMO_RELEASES, Release, catalogue_text, ensure_release
from private_slurm.spec import SlurmInstallation
from private_slurm.users import available_users

from tests.support.real_hub import CHECKOUT, Environments, cluster_spec, needs_users, open_site
from tests.support.site_under_test import Site
from tests.support.slurm_versions import MAIN

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
OLDEST_JUPYTERHUB = "5.5.4"
OLDEST_RELEASE = Release("2024.04", "Release of an older Hub", "2024-04-15", ("jupyter-server",), ("lab",))
USERS = ("demo-ada", "demo-grace", "demo-alan")
"""The first has two accounts and a reservation, the second one account, the third none."""


@pytest.fixture(scope="session")
def installed() -> Path:
    """Kept between runs for its virtual environments; where every user can read, since sessions run from it."""
    default = Path(tempfile.gettempdir()) / f"jupyterhub-resource-form-tests-{os.geteuid()}"
    folder = Path(os.environ.get("RESOURCE_FORM_TEST_DIR", default))
    folder.mkdir(parents=True, exist_ok=True)
    assert folder.stat().st_uid == os.geteuid(), f"{folder} belongs to somebody else"
    folder.chmod(0o755)
    return folder


@pytest.fixture(scope="session")
def test_folder(installed: Path) -> Path:
    """Where this worker has its clusters and Hubs."""
    folder = installed / os.environ.get("PYTEST_XDIST_WORKER", "main")
    folder.mkdir(mode=0o755, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def slurm(installed: Path) -> SlurmInstallation:
    """The Slurm of every cluster, but of those that are there for another version's sake."""
    packages.ensure_debian_packages(packages.SLURM_PACKAGES)
    return slurm_of(MAIN, installed)


@pytest.fixture(scope="session")
def environments(installed: Path, test_folder: Path, slurm: SlurmInstallation) -> Environments:
    """Two releases, the proxy, and the Hub of the environment that pytest runs in."""
    packages.ensure_debian_packages([*packages.SLURM_PACKAGES, *packages.PYTHON_PACKAGES])
    for release in DEMO_RELEASES:
        ensure_release(release, installed / "releases")
    proxy = packages.ensure_node_package(packages.PROXY_PACKAGE, installed / "node")
    catalogue = test_folder / "releases.yaml"
    catalogue.write_text(catalogue_text(DEMO_RELEASES, installed / "releases"))
    return Environments(test_folder, installed, Path(sys.prefix) / "bin", proxy, catalogue, slurm)


@pytest.fixture(scope="session")
def users() -> tuple[str, ...]:
    """Real users of the system, where the tests run as root."""
    return tuple(available_users(USERS))


@pytest.fixture(scope="session")
def cluster(environments: Environments, users: tuple[str, ...]) -> Iterator[PrivateCluster]:
    """The demo's cluster."""
    cluster = PrivateCluster(cluster_spec(users, environments.slurm), environments.folder / "slurm")
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, headless, with a new profile; for one module: while it is open no other event loop can run in this thread."""
    packages.ensure_debian_packages(["chromium", "fonts-dejavu-core"])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def pages_are_closed(browser: Browser) -> Iterator[None]:
    """An open form goes on asking for the table; after its test nobody looks at it any more."""
    yield
    for context in browser.contexts:
        # What a test has put in the way of requests may be at work for one of them still: its end is nobody's error.
        for page in context.pages:
            page.unroute_all(behavior="ignoreErrors")
        context.unroute_all(behavior="ignoreErrors")
        context.close()


@pytest.fixture
def screenshots(installed: Path) -> Path:
    """Where screenshots go: RESOURCE_FORM_SCREENSHOTS (relative to the checkout), else beside what the tests install."""
    folder = CHECKOUT / os.environ.get("RESOURCE_FORM_SCREENSHOTS", str(installed / "screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def shared_site(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...]) -> Iterator[Site]:
    """The cluster with a Hub, for all files whose tests do not change the Hub's configuration."""
    with open_site("hub-6", environments, cluster, users) as site:
        yield site


@pytest.fixture(scope="session")
def older_environments(environments: Environments) -> Environments:
    """A Hub of JupyterHub 5, with a release that brings the same version."""
    bin_dir = packages.ensure_venv(environments.installed / "jupyterhub-5", [f"jupyterhub=={OLDEST_JUPYTERHUB}"])
    packages.ensure_checkout(bin_dir, CHECKOUT)
    ensure_release(OLDEST_RELEASE, environments.installed / "releases-5", OLDEST_JUPYTERHUB)
    catalogue = environments.folder / "releases-5.yaml"
    catalogue.write_text(catalogue_text([OLDEST_RELEASE], environments.installed / "releases-5"))
    return Environments(environments.folder, environments.installed, bin_dir, environments.proxy, catalogue, environments.slurm)


@pytest.fixture(scope="module")
def site_5(older_environments: Environments, cluster: PrivateCluster, users: tuple[str, ...]) -> Iterator[Site]:
    """A Hub of JupyterHub 5 on the same cluster."""
    with open_site("hub-5", older_environments, cluster, users) as site:
        yield site


@pytest.fixture(scope="module")
def running_site(shared_site: Site) -> Site:
    """The shared site with new users of the Hub: the form has a user's last values, and which file came before is a matter of luck."""
    shared_site.clean()
    for user in shared_site.users:
        for method, expected in (("DELETE", 204), ("POST", 201)):
            status, answer = shared_site.call(method, f"/users/{user}")
            assert status == expected, f"{method} of {user}: HTTP {status}: {answer}"
    return shared_site


@pytest.fixture
def site(running_site: Site) -> Iterator[Site]:
    """The site with nothing running on it."""
    running_site.clean()
    yield running_site
    running_site.clean()


@pytest.fixture
def two_running(site: Site) -> Iterator[Site]:
    """Two users, each with a running session."""
    needs_users(site.users, 2)
    for user in site.users[:2]:
        site.start(user=user)
    yield site
    if not site.hub.is_running():
        site.hub.start()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):  # type: ignore[no-untyped-def]
    """Show the Hub's and Slurm's logs under a test that failed."""
    report = yield
    site = getattr(item, "funcargs", {}).get("site") or getattr(item, "funcargs", {}).get("running_site")
    if report.failed and site is not None:
        report.sections.append(("the Hub and Slurm", site.logs()))
    return report
