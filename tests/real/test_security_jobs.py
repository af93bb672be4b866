"""What users can do to Slurm's lists and to their own jobs, by hand and behind the Hub's back: it changes nothing for anybody else, and
Stop still gives back what the Hub started.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from private_slurm.cluster import PrivateCluster

from spawner.slurm.squeue import SEPARATOR
from tests.support.attacks import Witness, watched
from tests.support.real_hub import Environments, needs_users, open_site
from tests.support.site_under_test import Site, run_in_kernel, wait_for


@pytest.fixture(scope="module")
def running_site(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...]) -> Iterator[Site]:
    """A Hub that looks at the jobs every second, and whose commands are recorded."""
    with open_site("hub-jobs", environments, cluster, users, watched(environments.folder / "hub-jobs")) as site:
        yield site


def looks(site: Site, number: int, since: int) -> bool:
    """Whether the Hub has listed all jobs so many times since then."""
    return len([words for words in Witness.of(site).named("squeue", since) if not any("--user" in word for word in words)]) >= number


def wait_for_looks(site: Site, number: int = 3) -> None:
    """Let the Hub look at all jobs some more times, and its sessions' pollers with it."""
    since = Witness.of(site).mark()
    wait_for(lambda: looks(site, number, since), "the Hub to list the jobs", 30)


def tag_of(site: Site, job: str) -> str:
    """A job's comment, which every user of the cluster can read."""
    return site.cluster.job(int(job))["Comment"]


FORGED_STATES = ("CANCELLED", "FAILED", "COMPLETED", "PENDING", "RUNNING")


def forged_rows(argv: list[str], victim: str, job: str) -> list[str]:
    """Rows as squeue prints them for this very question, mark and all, that say of a job what is not so."""
    columns = next(word for word in argv if word.startswith("--Format=")).removeprefix("--Format=").split(",")
    mark = re.search(rf"{re.escape(SEPARATOR)}(\w+){re.escape(SEPARATOR)}", columns[0])
    assert mark is not None, "whoever sees the Hub's processes sees the mark"
    names = [column.partition(":")[0] for column in columns[1:]]
    values = {"UserName": victim, "BatchHost": "g003", "Partition": "g100_int"}
    return [SEPARATOR.join([job, mark[1], *({**values, "State": state}.get(name, "0") for name in names)]) for state in FORGED_STATES]


def test_forged_rows_are_nobodys(site: Site) -> None:
    """A job submitted by hand, with newlines in its name and comment and rows after them that look like the Hub's own lists of jobs, mark
    included: neither the victim's session nor the attacker's own is believed to be over, moved or waiting.
    """
    needs_users(site.users, 2)
    victim, attacker = site.users[:2]
    for user in (victim, attacker):
        site.start(user=user)
    jobs = {user: site.job_of(user)["JobId"] for user in (victim, attacker)}
    mark, log = Witness.of(site).mark(), len(site.hub.log())
    wait_for(lambda: looks(site, 1, mark), "the Hub to list the jobs")
    question = next(words for words in Witness.of(site).named("squeue") if not any("--user" in word for word in words))
    rows = [row for user, job in jobs.items() for row in forged_rows(question, user, job)]
    # Rows of the same kind for the question after one user's jobs, which does ask for comments.
    rows += [SEPARATOR.join([job, "0123456789abcdef", user, "CANCELLED", "0", tag_of(site, job)]) for user, job in jobs.items()]
    text = "x\n" + "\n".join(rows)
    backwards = "x\n" + "\n".join(reversed(rows))
    for name, comment in ((text[:1000], text[:1000]), ("x\n" + rows[0], backwards[:1000]), ("\n", "\n\n")):
        options = (f"--job-name={name}", f"--comment={comment}", f"--wckey={rows[0]}", "--account=cin_train", "--mem=10M", "--hold")
        site.cluster.submit(*options, user=attacker)
    shown = site.cluster.run("squeue", "--noheader", "--all", "--Format=Comment:").stdout.splitlines()
    assert rows[0] in shown, "Slurm does print the forged row as a row of its own: the attack is real"
    wait_for_looks(site)
    for user, job in jobs.items():
        assert site.server(user).get("ready"), user
        assert site.cluster.job_state(int(job)) == "RUNNING"
        assert run_in_kernel(site, "print(1)", user=user)[0].strip() == "1"
    told = [line for line in site.hub.log()[log:].splitlines() if re.search(rf"\b(Job |job_id=)({'|'.join(jobs.values())})\b", line)]
    assert told == [], "nothing has happened to either job that the Hub would have to tell"
    site.stop(user=victim)
    assert site.cluster.job_state(int(jobs[victim])) == "CANCELLED"
    assert site.cluster.job_state(int(jobs[attacker])) == "RUNNING"
    site.stop(user=attacker)
    assert site.cluster.job_state(int(jobs[attacker])) == "CANCELLED"
    for user, job in jobs.items():
        assert f"session cancelled user={user} job_id={job} " in site.hub.log()[log:], (
            "the Hub tells of these jobs in the words that were looked for"
        )
    # Slurm itself then spares a job that is somebody else's by now.
    orders = Witness.of(site).named("scancel", mark)
    assert [words[1:] for words in orders] == [[f"--user={user}", jobs[user]] for user in (victim, attacker)]


def start_several(site: Site, servers: list[str]) -> dict[str, int]:
    """Start servers of the first user side by side; server to job."""
    user = site.users[0]
    for server in servers:
        status, answer = site.call("POST", f"/users/{user}/servers/{server}", {})
        assert status in (201, 202), answer
    wait_for(lambda: all(site.server(user, server).get("ready") for server in servers), f"the sessions to be ready\n{site.logs()}", 120)
    names = {site.cluster.job(number)["JobName"]: number for number in site.cluster.active_jobs()}
    return {server: names[f"jupyterhub-{server}"] for server in servers}


def stop_each(site: Site, servers: list[str]) -> None:
    """Stop the servers, and wait until the Hub says that they are stopped."""
    user = site.users[0]
    for server in servers:
        status, answer = site.call("DELETE", f"/users/{user}/servers/{server}")
        assert status in (202, 204), answer
    wait_for(lambda: not any(site.server(user, server) for server in servers), "the stops", 120)


def test_another_users_tag_is_worth_nothing(site: Site) -> None:
    """A job of the attacker's with the victim's own comment and name: the victim's Stop ends the victim's job, the attacker's is left
    alone, and a Hub that comes back takes up the right one.
    """
    needs_users(site.users, 2)
    victim, attacker = site.users[:2]
    site.start(user=victim)
    job = site.job_of(victim)["JobId"]
    decoy = site.cluster.submit(
        f"--comment={tag_of(site, job)}", "--job-name=jupyterhub", "--account=cin_train", "--mem=10M", "--time=5", user=attacker
    )
    site.cluster.wait_for_job_state(decoy, "RUNNING")
    site.hub.restart(kill=True)
    wait_for(lambda: site.server(victim).get("ready"), "the session to be taken up", 60)
    assert run_in_kernel(site, "import os; print(os.environ['SLURM_JOB_ID'])", user=victim)[0].strip() == job
    site.stop(user=victim)
    assert site.cluster.job_state(int(job)) == "CANCELLED"
    assert site.cluster.job_state(decoy) == "RUNNING"


COMMENTS = {"a": "", "b": "jupyterhub:hub-jobs:root::0123456789abcdef", "c": "x\njupyterhub:::::"}


def test_stop_finds_a_job_whose_comment_was_changed(site: Site) -> None:
    """A user may write what they like on their own jobs: Stop ends them all the same, and says so only when they are gone."""
    user = site.users[0]
    jobs = start_several(site, list(COMMENTS))
    for server, comment in COMMENTS.items():
        site.cluster.run("scontrol", "update", f"JobId={jobs[server]}", f"Comment={comment}", "Name=mine", user=user)
    wait_for_looks(site, 2)
    assert all(site.server(user, server).get("ready") for server in COMMENTS), "the sessions live on"
    stop_each(site, list(COMMENTS))
    assert {server: site.cluster.job_state(job) for server, job in jobs.items()} == dict.fromkeys(COMMENTS, "CANCELLED")


def test_stop_is_not_led_to_another_job(site: Site) -> None:
    """A user moves a session's comment to another job of theirs, which runs, waits or is over: Stop ends the session's own job."""
    user = site.users[0]
    # The lower ids come first in Slurm's lists.
    decoys = {
        kind: site.cluster.submit("--mem=10M", "--account=cin_train", *(["--hold"] if kind == "waiting" else []), user=user)
        for kind in ("running", "waiting", "over")
    }
    jobs = start_several(site, list(decoys))
    for kind, decoy in decoys.items():
        tag = tag_of(site, str(jobs[kind]))
        site.cluster.run("scontrol", "update", f"JobId={jobs[kind]}", "Comment=mine", user=user)
        site.cluster.run("scontrol", "update", f"JobId={decoy}", f"Comment={tag}", user=user)
    site.cluster.run("scancel", str(decoys["over"]), user=user)
    site.cluster.wait_for_job_state(decoys["over"], "CANCELLED")
    stop_each(site, list(decoys))
    left = {kind: site.cluster.job_state(job) for kind, job in jobs.items()}
    assert left == dict.fromkeys(decoys, "CANCELLED"), "Stop said that it was over, and the job still holds what it has"


def test_two_servers_whose_comments_are_swapped(site: Site) -> None:
    """A user swaps the comments of their two sessions: stopping one ends that one, and not the other."""
    user = site.users[0]
    jobs = start_several(site, ["first", "second"])
    tags = {server: tag_of(site, str(job)) for server, job in jobs.items()}
    for server, other in (("first", "second"), ("second", "first")):
        site.cluster.run("scontrol", "update", f"JobId={jobs[server]}", f"Comment={tags[other]}", user=user)
    stop_each(site, ["second"])
    assert {server: site.cluster.job_state(job) for server, job in jobs.items()} == {"first": "RUNNING", "second": "CANCELLED"}
    assert site.server(user, "first").get("ready")
