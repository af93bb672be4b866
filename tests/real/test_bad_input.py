"""A user's mistake: HTTP 400, a sentence that names field, value, limit and remedy, all typed values kept, and no job."""

# ruff: noqa: E501 - a row of a table is one line

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
    assert "500" not in answer.alert.replace("500M", "")
    assert site.cluster.active_jobs() == []


FIELDS = (
    "The fields are: reservation, account, partition, qos, constraint, cores, memory, gpus, nodes, tasks, walltime, release, interface, preset, environment, "
    "start_folder, shared_memory, name, color."
)
A_NAME = "is not a name that Slurm could have. Choose one from the list."


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        pytest.param({"account": "cin_other"}, "account", "Slurm account: “cin_other” is not one of your accounts. Choose one of: cin_staff, cin_train.", id="somebody-elses-account"),
        pytest.param({"partition": "debug"}, "partition", "Partition: “debug” is not a partition that you may use. Choose one of: g100_int, g100_cpu.", id="unknown-partition"),
        pytest.param({"cores": "99"}, "cores", "Number of cores: 99 is more than the 48 that one session can have in partition g100_int. Ask for at most 48.", id="more-cores-than-a-node-has"),
        pytest.param({"cores": "0"}, "cores", "Number of cores: “0” is not a number of cores. At least 1 is needed. Type a number such as 4.", id="no-core"),
        pytest.param({"cores": "four"}, "cores", "Number of cores: “four” is not a whole number. Type a number of cores such as 4.", id="cores-in-words"),
        pytest.param({"memory": "900G"}, "memory", "Memory: 900 GB is more than the 366.5 GB that one session can have in partition g100_int. Ask for at most 366.5 GB.", id="more-memory-than-a-node-has"),
        pytest.param({"memory": "12 bananas"}, "memory", "Memory: “12 bananas” is not an amount of memory. It has to be a number, with K, M, G or T for the unit. Type for example 8G or 500M.", id="unknown-unit"),
        pytest.param({"gpus": "3"}, "gpus", "GPU configuration: 3 GPUs are more than the 2 that one session can have in partition g100_int. Ask for at most 2.", id="more-gpus-than-a-node-has"),
        pytest.param({"gpus": "h100:1"}, "gpus", "GPU configuration: partition g100_int has no GPU of type “h100”. Choose one of: v100.", id="unknown-type-of-gpu"),
        pytest.param({"partition": "g100_cpu", "gpus": "1"}, "gpus", "GPU configuration: partition g100_cpu has no GPUs. Choose None, or another partition.", id="gpu-where-there-is-none"),
        pytest.param({"walltime": "9h"}, "walltime", "Time: 9 h is more than the limit of 8 h of partition g100_int. Choose at most 8 h.", id="longer-than-maxtime"),
        pytest.param({"walltime": "soon"}, "walltime", "Time: “soon” is not a time. It has to be minutes, hours:minutes:seconds, days-hours:minutes:seconds, or a number with m, h or d. Type for example 2h, 90m or 1-12:00:00.", id="time-in-words"),
        pytest.param({"release": "1999.01"}, "release", "Release: “1999.01” is not a release of this service. Choose one of: 2026.10 (JupyterLab 4.6), 2025.10 (JupyterLab 4.4).", id="unknown-release"),
        pytest.param({"interface": "vscode"}, "interface", "User interface: “Visual Studio Code” is not offered by 2026.10 (JupyterLab 4.6). Choose one of: JupyterLab (lab), Jupyter Notebook (notebook), Terminal (terminal).", id="unknown-interface"),
        pytest.param({"reservation": "theirs"}, "reservation", "Slurm reservation: “theirs” cannot be used: it is over, has not begun, or is not for you. Choose None or one of: s_tra_school.", id="unknown-reservation"),
        pytest.param({"nodelist": "g001"}, "", f"“nodelist” is not a field of a request. Leave it out. {FIELDS}", id="unknown-key"),
        pytest.param({"cmd": "touch /tmp/owned"}, "", f"“cmd” is not a field of a request. Leave it out. {FIELDS}", id="key-of-the-base-class"),
        pytest.param({"account": "cin_staff\n#SBATCH --reservation=y"}, "account", f"Slurm account: “cin_staff�#SBATCH --reservation=y” {A_NAME}", id="newline"),
        pytest.param({"cores": ["1", "2"]}, "cores", "Number of cores must be given once, as text.", id="twice"),
    ],
)  # fmt: skip
def test_bad_value(site: Site, changes: dict[str, str | list[str]], field: str, sentence: str) -> None:
    """Each bad value is refused by name, in one sentence that leads to its field, and what else was typed stands in the form again."""
    user = site.visitor()
    page = user.form()
    typed = {"walltime": "2h", "cores": "3", "memory": "5G", **changes}
    answer = user.start(typed, page=page)
    assert_refused(site, answer, sentence)
    assert [" ".join(entry.get_text(" ").split()) for entry in answer.soup.select(".spawn-error-msg li")] == [sentence]
    values = answer.values()
    # The unit stands behind the field.
    shown = {"walltime": typed["walltime"], "cores": typed["cores"], "memory": str(typed["memory"]).removesuffix("G")}
    assert {name: values[name] for name, text in shown.items() if isinstance(text, str)} == {
        name: text for name, text in shown.items() if isinstance(text, str)
    }
    place = [f"resource-form-{field}"] if field else []
    assert [marked["id"] for marked in answer.soup.select("[aria-invalid=true]")] == place
    links = [str(link["href"]) for link in answer.soup.select(".spawn-error-msg a")]
    assert links == [f"#{name}" for name in place]


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
