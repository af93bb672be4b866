"""The GPU table against the truth: nodes with 0, 1 and 2 free GPUs, one drained, one under somebody else's reservation."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator

import pytest

from tests.support.real_hub import needs_users
from tests.support.site_under_test import Site, Visitor, wait_for


def truth(site: Site, partition: str = "g100_int", left_out: tuple[str, ...] = ()) -> dict[str, int]:
    """The table as ``scontrol show node`` has it, counted by hand."""
    table = {"no free GPU": 0, "1 free GPU": 0, "2 free GPUs": 0}
    rows = list(table)
    for name in ("g001", "g002", "g003", "g004"):
        if name not in left_out:
            node = site.cluster.node(name)
            used = int(node["GresUsed"].split("(")[0].rsplit(":", 1)[1])
            total = int(node["Gres"].split("(")[0].rsplit(":", 1)[1])
            table[rows[total - used]] += 1
    return table


@pytest.fixture
def open_nodes(site: Site) -> Iterator[Site]:
    """All four GPU nodes for everybody: the demo's reservation is taken away, and put back afterwards."""
    site.cluster.delete_reservation("s_tra_school")
    yield site
    site.clean()
    for node in ("g001", "g002", "g003", "g004"):
        if "DRAIN" in site.cluster.node(node)["State"]:
            site.cluster.resume(node)
    site.cluster.create_reservation("s_tra_school", f"Nodes=g004 Users={site.users[0]} StartTime=now Duration=30-00:00:00")
    site.hub.restart()


def table_of(user: Visitor) -> dict[str, int]:
    """The table on the user's form now."""
    return user.form().table()


def fill(site: Site, node: str, gpus: int) -> int:
    """Take GPUs of one node and wait until Slurm counts them as used."""
    job = site.cluster.submit(
        f"--nodelist={node}", f"--gres=gpu:{gpus}", "--mem=1G", "--account=cin_train", "--partition=g100_int", user=site.users[0]
    )
    site.cluster.wait_for_job_state(job, "RUNNING")
    return job


def test_table_counts_nodes_by_free_gpus(open_nodes: Site) -> None:
    """Nodes with 2, 1 and 0 free GPUs are counted each in its row, as scontrol has them; a job that ends moves its node back."""
    site = open_nodes
    site.hub.restart()
    user = site.visitor()
    assert table_of(user) == {"no free GPU": 0, "1 free GPU": 0, "2 free GPUs": 4} == truth(site)
    full = fill(site, "g001", 2)
    fill(site, "g002", 1)
    expected = {"no free GPU": 1, "1 free GPU": 1, "2 free GPUs": 2}
    assert truth(site) == expected
    wait_for(lambda: table_of(user) == expected, f"the table to be {expected}", 15, every=0.5)
    site.cluster.run("scancel", str(full))
    wait_for(lambda: table_of(user) == {"no free GPU": 0, "1 free GPU": 1, "2 free GPUs": 3}, "the node to be free again", 30, every=0.5)


def test_table_leaves_out_what_cannot_be_used(open_nodes: Site) -> None:
    """A drained node and one under somebody else's reservation look idle to Slurm; the table leaves them out and says so."""
    site = open_nodes
    needs_users(site.users, 2)
    fill(site, "g001", 1)
    site.cluster.drain("g002", "bad dimm")
    site.cluster.create_reservation("for_grace", f"Nodes=g003 Users={site.users[1]}")
    try:
        site.hub.restart()
        page = site.visitor().form()
        expected = {"no free GPU": 0, "1 free GPU": 1, "2 free GPUs": 1}
        assert page.table() == expected == truth(site, left_out=("g002", "g003"))
        assert "2 nodes left out" in page.text
        assert "drained" in page.text
        assert "reserved" in page.text
        rows = {str(row["data-node"]): row.get_text(" ", strip=True) for row in page.soup.select("tr[data-node]")}
        assert "drained" in rows["g002"]
        assert "reserved" in rows["g003"]
        answer = site.visitor().api("GET", "resource-form/cluster").json()
        assert answer["partitions"]["g100_int"]["gpu_table"] == {"v100": {"0": 0, "1": 1, "2": 1}}
        assert answer["partitions"]["g100_int"]["nodes_left_out"] == 2
        nodes = {node["name"]: node for node in answer["nodes"]}
        assert not nodes["g002"]["usable"]
        assert nodes["g002"]["why_not"] == "drained"
        assert nodes["g001"]["gpus"] == [{"type": "v100", "total": 2, "free": 1}]
    finally:
        site.cluster.delete_reservation("for_grace")


def test_own_reservation_shows_its_own_nodes(site: Site) -> None:
    """With one's own reservation chosen the table counts its nodes and no other; somebody else's name changes nothing."""
    user = site.visitor()
    inside = user.api("GET", "resource-form/cluster?reservation=s_tra_school").json()
    assert inside["partitions"]["g100_int"]["gpu_table"] == {"v100": {"0": 0, "1": 0, "2": 1}}
    outside = user.api("GET", "resource-form/cluster").json()
    assert outside["partitions"]["g100_int"]["gpu_table"] == {"v100": {"0": 0, "1": 0, "2": 3}}
    if len(site.users) > 1:
        other = site.visitor(site.users[1]).api("GET", "resource-form/cluster?reservation=s_tra_school").json()
        assert other["partitions"] == outside["partitions"]


def test_a_link_to_a_reservation_shows_its_nodes(site: Site) -> None:
    """The table beside a form that a link has filled is that of the reservation from the first moment."""
    page = site.visitor().form(query="opt-reservation=s_tra_school")
    assert page.values()["reservation"] == "s_tra_school"
    assert page.table() == {"no free GPU": 0, "1 free GPU": 0, "2 free GPUs": 1}


def test_the_table_of_somebody_elses_form(site: Site) -> None:
    """What the open page fetches is what the one may have whom the form is for; nobody sees that of others whom they cannot start for."""
    needs_users(site.users, 2)
    ada, grace = site.users[:2]
    path = "hub/resource-form/availability?reservation=s_tra_school&user="
    assert site.visitor(grace).get(f"{path}{ada}").status == 404
    own = site.visitor(ada).get(f"{path}{ada}")
    assert own.table() == {"no free GPU": 0, "1 free GPU": 0, "2 free GPUs": 1}
    assert site.visitor(grace).get(f"{path}{grace}").table() == {"no free GPU": 0, "1 free GPU": 0, "2 free GPUs": 3}


def test_cluster_answer_follows_the_contract(site: Site) -> None:
    """The JSON has the contract's keys and no user's name in it; without a log-in there is none."""
    site.start({"gpus": 1})
    response = site.visitor().api("GET", "resource-form/cluster")
    answer = response.json()
    assert {"as_of", "age", "stale", "partitions", "nodes"} <= set(answer)
    datetime.datetime.fromisoformat(answer["as_of"].replace("Z", "+00:00"))
    assert answer["stale"] is False
    assert {"gpu_table", "nodes_usable"} <= set(answer["partitions"]["g100_int"])
    keys = {
        "name",
        "state",
        "usable",
        "why_not",
        "partitions",
        "gpus",
        "cores_total",
        "cores_free",
        "memory_mb_total",
        "memory_mb_free",
        "devices",
    }
    assert all(set(node) == keys for node in answer["nodes"])
    assert not any(user in response.text for user in site.users)
    status, _ = site.hub.api("GET", "/resource-form/cluster")
    assert status == 403


def test_form_stays_usable_while_slurm_is_away(site: Site) -> None:
    """With the controller stopped the form shows the last data, marked old, says that Slurm does not answer, and keeps its fields."""
    user = site.visitor()
    assert user.form().soup.select(".resource-form-stale") == []
    site.cluster.stop_controller()
    try:
        page = wait_for(
            lambda: ((page := user.form()) and "Slurm does not answer" in page.text and page) or None, "the form to say so", 60, every=1
        )
        assert page.status == 200
        assert page.soup.select(".resource-form-stale")
        assert "old data" in page.text
        assert page.table() == {"no free GPU": 0, "1 free GPU": 0, "2 free GPUs": 3}
        assert page.choices("account")
        assert page.soup.select_one("button[type=submit]")
    finally:
        site.cluster.start_controller()
    wait_for(lambda: user.form().soup.select(".resource-form-stale") == [], "the table to be fresh again", 60, every=1)


def test_a_controller_that_hangs(site: Site) -> None:
    """Table, verdict and bars say together that nobody knows any more, no check waits for Slurm, and home does not complain of it."""
    user = site.visitor()
    user.form()

    def said() -> tuple[bool, bool, bool]:
        """What a page of this moment is made of: whether each part is old."""
        began = time.monotonic()
        answer = user.api("POST", "resource-form/check?panel=1&script=0", json={"cores": 1, "memory": "1G", "gpus": 0}).json()
        took.append(time.monotonic() - began)
        table = user.get("hub/resource-form/availability")
        bars = [entry["overall"]["used"] for entry in answer["holdings"]]
        return answer["verdict"] == "unknown", all(used is None for used in bars), bool(table.soup.select(".resource-form-stale"))

    took: list[float] = []
    assert said() == (False, False, False)
    site.cluster.pause_controller()
    try:
        seen = set()
        wait_for(lambda: seen.add(found := said()) or found == (True, True, True), "all parts to be old", 90, every=1)
        assert max(took) < 2.0, took
        home = user.api("GET", "resource-form/sessions?limit=0").json()
        assert home["stale"] is False
        assert {session["state"] for session in home["sessions"]} <= {"ended"}
    finally:
        site.cluster.resume_controller()
    wait_for(lambda: said() == (False, False, False), "all parts to be fresh again", 90, every=1)
