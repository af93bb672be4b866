"""Links that may start a session, where the admin allows them: only from pages of the Hub's own site."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urljoin

import pytest
from private_slurm.cluster import PrivateCluster

from tests.support.real_hub import Environments, open_site
from tests.support.site_under_test import Site, wait_for


@pytest.fixture(scope="module")
def site(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...]) -> Iterator[Site]:
    """A Hub whose admin allows such links."""
    with open_site("hub-links", environments, cluster, users, "c.ResourceFormSpawner.links_may_start = True\n") as site:
        yield site


@pytest.mark.parametrize("where", ["cross-site", "none", "", "Same-Origin", "same-origin, cross-site"])
def test_a_link_from_elsewhere_fills_the_form(site: Site, where: str) -> None:
    """From a foreign page, a mail, the address bar, or where the browser does not say: the form is shown, nothing is submitted."""
    jobs = site.cluster.active_jobs()
    visitor = site.visitor()
    headers = {"Sec-Fetch-Site": where} if where else {}
    answer = visitor.session.get(urljoin(site.hub.url, "hub/spawn?opt-cores=3&cores=3"), headers=headers, timeout=60)
    assert answer.status_code == 200
    assert visitor._page(answer).values()["cores"] == "3"
    assert site.cluster.active_jobs() == jobs
    assert not site.server(site.users[0])


def pressed(where: str, referer: str = "") -> dict[str, str]:
    """What a browser sends where a person has pressed a link on a page."""
    headers = {"Sec-Fetch-Site": where, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-User": "?1"}
    return {**headers, **({"Referer": referer} if referer else {})}


def test_a_link_on_another_users_page(site: Site) -> None:
    """It has the Hub's own host, and calls itself whatever page of that it likes: the form is shown."""
    visitor = site.visitor()
    for page in ("user/mallory/files/x.html", "hub/home"):
        headers = pressed("same-origin", urljoin(site.hub.url, page))
        answer = visitor.session.get(urljoin(site.hub.url, "hub/spawn?opt-cores=3"), headers=headers, timeout=60)
        assert answer.status_code == 200
        assert visitor._page(answer).values()["cores"] == "3"
    assert site.cluster.active_jobs() == []
    assert not site.server(site.users[0])


def test_links_that_may_start(site: Site) -> None:
    """From a page of the same site the link starts the session that it asks for; what cannot be had is refused as from the form."""
    visitor = site.visitor()
    assert visitor.form().status == 200, "the Hub has asked Slurm; a refusal that takes over a second comes on the waiting page"
    headers = pressed("same-site", "https://portal.example.org/")
    answer = visitor.session.get(urljoin(site.hub.url, "hub/spawn?opt-cores=9999"), headers=headers, timeout=60)
    assert answer.status_code == 400
    assert "Number of cores" in visitor._page(answer).alert
    assert site.cluster.active_jobs() == []
    visitor.session.get(urljoin(site.hub.url, "hub/spawn?opt-cores=3&opt-walltime=90"), headers=headers, timeout=60, allow_redirects=False)
    wait_for(lambda: site.server(site.users[0]).get("ready"), f"the session to be ready\n{site.logs()}", 60)
    assert site.job_of()["NumCPUs"] == "3"
    assert site.job_of()["TimeLimit"] == "01:30:00", "a number is minutes in a link, as for sbatch"
    site.stop()
