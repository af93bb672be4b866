"""A release that is an Apptainer image: a session runs within it, is told of what it has as any other, and gives everything back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urljoin

import pytest
from private_slurm.apptainer import PREFIX, ensure_apptainer, ensure_image
from private_slurm.cluster import PrivateCluster
from private_slurm.releases import DEMO_RELEASES

from tests.support.real_hub import Environments, open_site
from tests.support.site_under_test import Site, run_in_kernel, wait_for

WITHIN = """
import json, os, sys
print(json.dumps({
    "image": os.environ.get("APPTAINER_CONTAINER"),
    "python": sys.prefix,
    "debian": open("/etc/debian_version").read(),
    "home": os.path.expanduser("~"),
    "data": sorted(os.listdir("/data")),
    "mine": os.environ.get("MINE"),
    "memory": os.environ.get("MEM_LIMIT"),
    "of_the_node": os.path.exists("/usr/bin/sbatch"),
}))
"""


@pytest.fixture(scope="module")
def running_site(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...]) -> Iterator[Site]:
    """A Hub whose one release is an image, with a folder of the node bound to /data."""
    program = ensure_apptainer(environments.installed / "apptainer")
    image = ensure_image(environments.installed / "image", environments.installed / "releases" / DEMO_RELEASES[1].tag)
    data = environments.folder / "data"
    data.mkdir(exist_ok=True)
    (data / "set.csv").write_text("1,2\n")
    release = {
        "tag": "image",
        "date": "2026-10-01",
        "tested": True,
        "interfaces": ["lab"],
        "container": {"image": str(image), "command": str(program), "binds": [f"{data}:/data:ro"]},
    }
    file = environments.folder / "releases-image.yaml"
    file.write_text(json.dumps({"releases": [release]}))
    with open_site("hub-image", replace(environments, catalogue=file), cluster, users) as site:
        yield site


def test_a_session_within_an_image(site: Site) -> None:
    """The kernel's Python and its system are the image's; home, binds, variables and limits are there; Stop leaves nothing behind."""
    value = 'odd "value"\n$HOME'
    site.start({"release": "image", "memory": "2G", "gpus": 0, "environment": {"MINE": value}})
    printed, _ = run_in_kernel(site, WITHIN)
    told = json.loads(printed)
    assert str(told["image"]).endswith("/image/image")
    assert told["python"] == PREFIX
    assert told["debian"].startswith("12.")
    assert told["data"] == ["set.csv"]
    assert (told["mine"], told["memory"]) == (value, str(2 << 30))
    assert told["of_the_node"] is False
    site.stop()
    assert site.cluster.active_jobs() == []


def test_an_image_that_is_not_there(site: Site, environments: Environments) -> None:
    """The session ends with a sentence of its own, and Apptainer's words in the log."""
    file = environments.folder / "releases-image.yaml"
    catalogue = json.loads(file.read_text())
    missing = {**catalogue["releases"][0], "tag": "gone", "date": "2026-09-01"}
    missing["container"] = {**missing["container"], "image": "/nowhere/image.sif"}
    file.write_text(json.dumps({"releases": [*catalogue["releases"], missing]}))
    wait_for(lambda: "gone" in site.visitor().form().choices("release"), "the release to be offered")
    site.call("POST", f"/users/{site.users[0]}/server", {"release": "gone", "gpus": 0})
    user = site.visitor()

    def ended() -> dict[str, Any]:
        found = user.api("GET", "resource-form/sessions").json()["sessions"]
        return next((entry for entry in found if entry["request"]["release"] == "gone" and entry["state"] == "ended"), {})

    wait_for(ended, "the session to be over", 90)
    assert site.cluster.active_jobs() == []
    log = user.session.get(urljoin(site.hub.url, ended()["log_url"].replace("/log?", "/log/download?")), timeout=60).text
    assert "/nowhere/image.sif" in log
    assert ended()["sentence"] == "The software of this release could not be set up on the node."
    assert ended()["exit_code"] == 80
