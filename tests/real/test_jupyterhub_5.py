"""The oldest JupyterHub that we support: form, refusal, spawn and stop."""

from __future__ import annotations

import requests

from tests.support.site_under_test import Site, memory_of, wait_for


def test_form_spawn_and_stop(site_5: Site) -> None:
    """The form is filled and posted, the job is what it asked for, the server answers, and Stop gives everything back."""
    site = site_5
    assert site.hub.api("GET", "/")[1]["version"].startswith("5.")
    user = site.visitor()
    page = user.form()
    assert page.table() == {"no free GPU": 0, "1 free GPU": 0, "2 free GPUs": 3}
    assert user.start({"cores": "2", "memory": "3", "gpus": "1"}, page=page).status == 302
    wait_for(lambda: site.server(user.name).get("ready"), "the session to be ready", 90)
    job = site.job_of()
    assert job["CPUs/Task"] == "2"
    assert memory_of(job) == "3G"
    assert "gpu:1" in job["TresPerNode"]
    headers = {"Authorization": f"token {site.token}"}
    answer = requests.get(f"{site.hub.url}user/{user.name}/api/status", headers=headers, timeout=30)
    assert answer.status_code == 200
    site.stop()
    assert site.cluster.active_jobs() == []
    assert user.form().table() == page.table()


def test_refusals(site_5: Site) -> None:
    """A bad form is HTTP 400 with the sentence and the typed values; a link fills the form; REST is refused alike."""
    site = site_5
    user = site.visitor()
    answer = user.start({"cores": "99", "walltime": "9h"})
    assert answer.status == 400
    assert "99 is more than the 48" in answer.alert
    assert answer.values()["cores"] == "99"
    assert "Traceback" not in answer.text
    page = user.form(query="cores=7")
    assert page.status == 200
    assert page.alert == ""
    assert page.values()["cores"] == "7"
    status, refused = site.call("POST", f"/users/{user.name}/server", {"cmd": "id"})
    assert status == 400
    assert "cmd" in refused["message"]
    assert site.cluster.active_jobs() == []
    assert "Traceback" not in site.hub.log()
