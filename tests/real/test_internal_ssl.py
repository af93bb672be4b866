"""A Hub with ``internal_ssl``: every connection between Hub, proxy, launcher and server shows certificates on both sides."""

from __future__ import annotations

import json
import ssl
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from private_slurm.cluster import PrivateCluster

from tests.support.invariant import assert_kept, kernels, tagged_jobs
from tests.support.real_hub import Environments, needs_users, open_site
from tests.support.site_under_test import Site, run_in_kernel, wait_for


@pytest.fixture(scope="module")
def site(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...]) -> Iterator[Site]:
    """Its own Hub, with its certificates in its own folder."""
    needs_users(users, 2)
    folder = environments.folder / "hub-internal-ssl" / "internal-ssl"
    more = (
        "c.JupyterHub.internal_ssl = True\n"
        f"c.JupyterHub.internal_certs_location = {str(folder)!r}\n"
        "c.JupyterHub.hub_bind_url = c.JupyterHub.hub_bind_url.replace('http:', 'https:')\n"
        "c.ConfigurableHTTPProxy.api_url = c.ConfigurableHTTPProxy.api_url.replace('http:', 'https:')\n"
    )
    with open_site("hub-internal-ssl", environments, cluster, users, more) as site:
        yield site


def test_a_session_with_certificates(site: Site) -> None:
    """Start, a kernel, a restart of the Hub and Stop work; the server refuses whoever shows no certificate; the key is readable by its
    user alone and is gone with the session.
    """
    for user in site.users[:2]:
        site.start(user=user)
    code = (
        "import json, os, stat\n"
        "path = os.environ['JUPYTERHUB_SSL_KEYFILE']\n"
        "print(json.dumps([path, stat.S_IMODE(os.stat(path).st_mode), stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode),\n"
        "    os.environ['JUPYTERHUB_SERVICE_URL'], [name for name in os.environ if name.startswith('RESOURCE_FORM_CERT')]]))"
    )
    path, mode, folder_mode, url, left = json.loads(run_in_kernel(site, code)[0])
    assert (mode, folder_mode, left) == (0o600, 0o700, [])
    assert url.startswith("https://")
    key = Path(path).read_text()
    assert "PRIVATE KEY" in key

    (job,) = [number for user, _, number in tagged_jobs(site) if user == site.users[0]]
    without_certificate = ssl.create_default_context()
    without_certificate.check_hostname, without_certificate.verify_mode = False, ssl.CERT_NONE
    with pytest.raises(OSError, match=r"(?i)certificate|ssl|reset|eof"):
        urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=without_certificate)).open(
            f"https://127.0.0.1:{urllib.parse.urlsplit(url).port}/user/{site.users[0]}/api", timeout=20
        ).read()
    assert key.splitlines()[1] not in site.cluster.run("scontrol", "write", "batch_script", str(job), "-").stdout
    assert key.splitlines()[1] not in site.hub.log()

    kernel_of, jobs = kernels(site), tagged_jobs(site)
    site.hub.restart(kill=True)
    wait_for(lambda: all(site.server(user).get("ready") for user in site.users[:2]), f"both sessions to be ready\n{site.logs()}", 60)
    assert_kept(site, kernel_of, jobs)
    site.stop()
    wait_for(lambda: not Path(path).exists(), "the key to be gone with the session", 30)
    assert [user for user, _, _ in tagged_jobs(site)] == [site.users[1]]
