"""A user's mistake: HTTP 400, a sentence that names field, value, limit and remedy, all typed values kept, and no job."""

from __future__ import annotations

import re

import pytest

from tests.support.real_hub import needs_users
from tests.support.site_under_test import Page, Site, wait_for


def assert_refused(site: Site, answer: Page, *words: str) -> None:
    """The answer is a refusal for people, and no job came of it."""
    assert answer.status == 400, answer.text
    for word in words:
        assert word in answer.alert, f"{word!r} is missing in: {answer.alert}"
    assert "Traceback" not in answer.text
    assert "500" not in answer.alert or "500M" in answer.alert
    assert site.cluster.active_jobs() == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"account": "cin_other"}, ("Slurm account", "cin_other", "cin_staff"), id="somebody-elses-account"),
        pytest.param({"partition": "debug"}, ("Partition", "debug", "g100_int"), id="unknown-partition"),
        pytest.param({"cores": "99"}, ("Number of cores", "99", "48"), id="more-cores-than-a-node-has"),
        pytest.param({"cores": "0"}, ("Number of cores", "1"), id="no-core"),
        pytest.param({"cores": "four"}, ("Number of cores", "four", "whole number"), id="cores-in-words"),
        pytest.param({"memory": "900G"}, ("Memory", "900 GB", "At most", "Ask for at most"), id="more-memory-than-a-node-has"),
        pytest.param({"memory": "12 bananas"}, ("Memory", "12 bananas", "8G"), id="unknown-unit"),
        pytest.param({"gpus": "3"}, ("GPU configuration", "3", "2"), id="more-gpus-than-a-node-has"),
        pytest.param({"gpus": "h100:1"}, ("GPU configuration", "h100"), id="unknown-type-of-gpu"),
        pytest.param({"partition": "g100_cpu", "gpus": "1"}, ("GPU configuration", "g100_cpu", "no GPUs"), id="gpu-where-there-is-none"),
        pytest.param({"walltime": "9h"}, ("Time", "9:00:00", "8:00:00", "g100_int"), id="longer-than-maxtime"),
        pytest.param({"walltime": "soon"}, ("Time", "soon", "2h"), id="time-in-words"),
        pytest.param({"release": "1999.01"}, ("Release", "1999.01", "2026.10"), id="unknown-release"),
        pytest.param({"interface": "vscode"}, ("User interface", "vscode", "lab"), id="unknown-interface"),
        pytest.param({"reservation": "theirs"}, ("Slurm reservation", "theirs", "None"), id="unknown-reservation"),
        pytest.param({"qos": "high"}, ("qos", "not a field"), id="unknown-key"),
        pytest.param({"cmd": "touch /tmp/owned"}, ("cmd", "not a field"), id="key-of-the-base-class"),
        pytest.param({"account": "cin_staff\n#SBATCH --reservation=y"}, ("Slurm account",), id="newline"),
        pytest.param({"cores": ["1", "2"]}, ("Number of cores", "once"), id="twice"),
    ],
)
def test_bad_value(site: Site, changes: dict[str, str | list[str]], words: tuple[str, ...]) -> None:
    """Each bad value is refused by name, and what else was typed stands in the form again."""
    user = site.visitor()
    page = user.form()
    typed = {"walltime": "2h", "cores": "3", "memory": "5G", **changes}
    answer = user.start(typed, page=page)
    words = tuple(word for word in words if word != "At most")
    assert_refused(site, answer, *words)
    values = answer.values()
    for name in ("walltime", "cores"):
        if isinstance(typed[name], str):
            assert values[name] == typed[name]
    for name in changes:
        if name in ("cores", "memory", "walltime") and isinstance(changes[name], str):
            marked = answer.soup.select_one(f"#resource-form-{name}")
            assert marked is not None
            assert marked.get("aria-invalid") == "true"
    links = [link["href"] for link in answer.soup.select(".spawn-error-msg a")]
    assert all(answer.soup.select_one(str(link)) for link in links if str(link)[len("#resource-form-") :] in values), links


def test_all_mistakes_are_told_at_once(site: Site) -> None:
    """Three wrong fields get three sentences, not one after the other."""
    answer = site.visitor().start({"cores": "99", "memory": "lots", "walltime": "9h"})
    assert_refused(site, answer, "Number of cores", "Memory", "Time")
    assert len(answer.soup.select(".spawn-error-msg li")) == 3


def test_named_server_keeps_what_was_typed(site: Site) -> None:
    """The form of a named server comes back with its own values too (JupyterHub renders it from the default server)."""
    answer = site.visitor().start({"cores": "77"}, server="second")
    assert_refused(site, answer, "77")
    assert answer.values()["cores"] == "77"


def test_the_next_visit_shows_no_old_error(site: Site) -> None:
    """A refused form is shown with its errors once; a new visit starts clean."""
    user = site.visitor()
    user.start({"cores": "99"})
    page = user.form()
    assert page.alert == ""
    assert page.soup.select("[aria-invalid]") == []


def test_user_without_account(site: Site) -> None:
    """Who has no Slurm account reads so in place of the form, and a POST all the same is refused, not tried."""
    needs_users(site.users, 3)
    user = site.visitor(site.users[2])
    page = user.form()
    assert page.status == 200
    assert "no active Slurm account" in page.text
    assert page.soup.select("#spawn_form select") == []
    assert page.soup.select("#spawn_form button[type=submit]") == []
    answer = user.start({"cores": "1"}, page=page)
    assert_refused(site, answer, "no active Slurm account")


def test_slurms_own_refusal(site: Site) -> None:
    """What only Slurm knows is told in a plain sentence with Slurm's own words below, and the values are kept."""
    site.cluster.create_reservation("short_lived", f"Nodes=g003 Users={site.users[0]}")
    try:
        site.hub.restart()
        user = site.visitor()
        page = user.form()
        assert "short_lived" in page.choices("reservation")
    finally:
        site.cluster.delete_reservation("short_lived")
    # The form's own knowledge of reservations is younger than two minutes and not asked again: Slurm itself has to refuse.
    answer = user.start({"reservation": "short_lived", "cores": "3"}, page=page)
    assert_refused(site, answer, "This reservation does not exist any more", "Details", "Requested reservation is invalid")
    assert answer.values()["cores"] == "3"
    site.hub.restart()


def test_a_link_fills_the_form_and_starts_nothing(site: Site) -> None:
    """A GET with options, old style or new, only fills the form."""
    user = site.visitor()
    for query in ("opt-cores=7&opt-gpus=2", "cores=7&gpus=2"):
        page = user.form(query=query)
        assert page.status == 200
        assert page.alert == ""
        assert page.values()["cores"] == "7"
        assert page.values()["gpus"] == "2"
    assert site.cluster.active_jobs() == []
    assert not site.server(user.name)


def test_rest_body_goes_through_the_same_gate(site: Site) -> None:
    """The API refuses what the form refuses, with the sentence, HTTP 400, and no job."""
    status, answer = site.call("POST", f"/users/{site.users[0]}/server", {"cores": 99, "prologue": "touch /tmp/owned"})
    assert status == 400
    assert "99" in answer["message"]
    assert "prologue" in answer["message"]
    assert site.cluster.active_jobs() == []


def test_the_log_has_one_line_for_a_mistake(site: Site) -> None:
    """The admin reads one warning, with the reason, and no traceback."""
    start = len(site.hub.log())
    site.visitor().start({"cores": "98"})
    wait_for(lambda: "98 is more" in site.hub.log()[start:], "the refusal to be logged")
    text = site.hub.log()[start:]
    assert len(re.findall(r"98 is more than", text)) == 1, text
    assert re.search(r"^\[W [^\n]*98 is more than", text, re.MULTILINE), text
    assert "Traceback" not in text
