"""A Hub adopts jobs that carry its tag and have no session; a tag is only a comment, which any user can write on any job of theirs."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from private_slurm.cluster import PrivateCluster

from spawner.job.sbatch import Tag, new_tag, signing_key
from tests.support.attacks import Witness, watched
from tests.support.real_hub import Environments, needs_users, open_site
from tests.support.site_under_test import Site, run_in_kernel, wait_for

HUB = "hub-adoption"
NO_HISTORY = "c.ResourceFormSpawner.history_length = 0\n"

REPORT = """
import http.server, json, os, threading, urllib.request
server = http.server.HTTPServer(("0.0.0.0", 0), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
while True:
    request = urllib.request.Request(os.environ["HUB"] + "/batchspawner", json.dumps({"port": server.server_address[1]}).encode(),
                                     {"Authorization": "token " + os.environ["CHOSEN"], "Content-Type": "application/json"})
    try:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5).close()
    except OSError:
        pass
    threading.Event().wait(0.3)
"""
"""A job of the attacker's own making: it serves what it likes, and tells the Hub so with a token that it chose itself."""


@pytest.fixture(scope="module")
def running_site(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...]) -> Iterator[Site]:
    """A Hub that looks for jobs without a session every other second, allows one partition, and each user one named server."""
    more = watched(environments.folder / HUB) + (
        "c.SlurmCluster.sweep_interval = 2\nc.SlurmCluster.partitions = ['g100_int']\nc.JupyterHub.named_server_limit_per_user = 1\n"
        "c.ResourceFormSpawner.listen_timeout = 20\n"
    )
    with open_site(HUB, environments, cluster, users, more) as site:
        yield site


def forged(user: str, server: str, token: str) -> str:
    """A comment that says that a job is a session whose token is ``token``: as a session's own is made, as far as users can know."""
    digest = hashlib.sha256(token.encode()).hexdigest()[:32]
    return Tag(HUB, user, server, f"{int(time.time()):x}.{secrets.token_hex(8)}.{digest}.{secrets.token_hex(16)}").comment


def submit_by_hand(site: Site, comment: str, token: str, *more: str, partition: str = "g100_cpu") -> int:
    """A job of the first user's own making that serves what it likes and reports with ``token``; the Hub does not allow its partition."""
    script = f"trap '' USR1\nexport HUB={site.hub.api_url} CHOSEN={token}\nexec /usr/bin/python3 -I - <<'END'\n{REPORT}\nEND"
    options = (f"--partition={partition}", "--account=cin_train", "--mem=100M", "--time=5", *more)
    job = site.cluster.submit(f"--comment={comment}", *options, user=site.users[0], script=script)
    if "--hold" not in more:
        site.cluster.wait_for_job_state(job, "RUNNING")
    return job


def forget_ended_jobs(site: Site) -> None:
    """Have Slurm forget the jobs that are over, as it does by itself after MinJobAge."""
    site.cluster.reconfigure(MinJobAge="2")
    ended = ("squeue", "--noheader", "--states=CANCELLED,COMPLETED,FAILED,TIMEOUT", "--format=%i")
    wait_for(lambda: not site.cluster.run(*ended).stdout.strip(), "Slurm to forget the jobs that are over", 150, every=1)
    site.cluster.reconfigure(MinJobAge="300")


def release(site: Site, job: int) -> None:
    """Let a job run that was held."""
    site.cluster.run("scontrol", "release", str(job))
    site.cluster.wait_for_job_state(job, "RUNNING")


def signed(site: Site, token: str, script: str) -> str:
    """A comment that the Hub itself has made for a start of its own, of which it knows nothing any more."""
    secret = bytes.fromhex((site.hub.folder / "cookie_secret").read_text().strip())
    return new_tag(HUB, site.users[0], "", script, token=token, key=signing_key(secret), clock=time.time).comment


def wait_for_sweeps(site: Site, number: int = 3) -> None:
    """Let the Hub look for jobs without a session some more times."""
    since = Witness.of(site).mark()

    def looked() -> bool:
        lists = Witness.of(site).named("squeue", since)
        return len([words for words in lists if "Comment" in words[-1] and not any("--user" in word for word in words)]) >= number

    wait_for(looked, "the Hub to look for jobs without a session", 60)


def servers(site: Site, user: str) -> dict[str, object]:
    """Every server that the Hub has of a user, stopped ones too."""
    status, model = site.call("GET", f"/users/{user}?include_stopped_servers=1")
    assert status == 200, model
    found: dict[str, object] = model["servers"]
    return found


@pytest.mark.parametrize("server", ["", "evil"], ids=["default", "named"])
def test_a_job_of_ones_own_making_becomes_no_session(site: Site, server: str) -> None:
    """A user submits a job by hand, in a partition that the Hub does not allow, and writes a session's tag on it: the Hub gives it neither
    a server nor a route, and does not take the token that the user chose for one of its own.
    """
    token = f"a-token-that-the-user-chose-{server}"
    assert_no_session_comes_of(site, submit_by_hand(site, forged(site.users[0], server, token), token), server, token)


def test_the_tag_of_a_session_that_is_over_makes_no_other(site: Site) -> None:
    """The same with the tag and the token of a session that the user really had: what it was good for is over."""
    user = site.users[0]
    site.start()
    comment = site.job_of()["Comment"]
    token = run_in_kernel(site, "import os; print(os.environ['JUPYTERHUB_API_TOKEN'])")[0].strip()
    site.stop()
    assert Tag.parse(comment) is not None
    assert_no_session_comes_of(site, submit_by_hand(site, comment, token), "", token)
    assert site.server(user) == {}


@pytest.mark.parametrize(("server", "more"), [("", ""), ("gone", NO_HISTORY)], ids=["default", "removed, and no history"])
def test_another_run_of_the_hub_remembers_what_is_over(site: Site, server: str, more: str) -> None:
    """The same, with a job that is held until the Hub was restarted; also where the server's own row is gone from the database, and where
    the admin keeps no past sessions. The log says once why it is no session.
    """
    user = site.users[0]
    site.hub.restart(config=site.hub.config.replace(NO_HISTORY, "") + more)
    site.start(server=server)
    comment = site.job_of()["Comment"]
    token = run_in_kernel(site, "import os; print(os.environ['JUPYTERHUB_API_TOKEN'])", server=server)[0].strip()
    job = submit_by_hand(site, comment, token, "--hold")
    site.stop(server=server)
    if server:
        status, answer = site.call("DELETE", f"/users/{user}/servers/{server}", {"remove": True})
        assert status == 204, answer
    forget_ended_jobs(site)
    site.hub.restart()
    log = len(site.hub.log())
    release(site, job)
    assert_no_session_comes_of(site, job, server, token)
    assert site.hub.log()[log:].count(f"Job {job} of {user}") == 1
    assert "its session has ended" in site.hub.log()[log:]
    if server:
        assert server not in servers(site, user)


@pytest.mark.parametrize(
    ("partition", "why"),
    [
        ("g100_cpu", "sessions may not run in its partition g100_cpu"),
        ("g100_int", "its script is not the one that this Hub has submitted"),
    ],
)
def test_what_was_really_submitted_decides(site: Site, partition: str, why: str) -> None:
    """A tag of the Hub's own whose session nobody remembers, on a job of the user's own making: in a partition that the Hub does not allow,
    or with another script than the Hub's.
    """
    token = f"a-token-of-a-start-{partition}"
    log = len(site.hub.log())
    job = submit_by_hand(site, signed(site, token, "#!/bin/bash\nthe Hub's own\n"), token, partition=partition)
    assert_no_session_comes_of(site, job, "", token)
    assert site.hub.log()[log:].count(why) == 1


def test_the_job_that_was_first_is_the_session(site: Site) -> None:
    """The Hub has lost its database while the session ran, and its job was cancelled meanwhile: a copy of its tag is not taken for it, also
    not once Slurm has forgotten the job and the Hub was restarted.
    """
    user = site.users[0]
    site.start()
    comment, number = site.job_of()["Comment"], int(site.job_of()["JobId"])
    token = run_in_kernel(site, "import os; print(os.environ['JUPYTERHUB_API_TOKEN'])")[0].strip()
    job = submit_by_hand(site, comment, token, partition="g100_int")
    site.hub.kill()
    for path in Path(site.hub.folder).glob("jupyterhub.sqlite*"):
        path.unlink()
    site.cluster.run("scancel", str(number))
    site.cluster.wait_for_job_state(number, "CANCELLED")
    site.hub.start()
    log = len(site.hub.log())
    site.call("POST", f"/users/{user}")
    assert_no_session_comes_of(site, job, "", token)
    assert f"Job {job} of {user} carries a tag of this Hub's and is no session: job {number} was submitted before it" in site.hub.log()
    forget_ended_jobs(site)
    site.hub.restart()
    log = len(site.hub.log())
    assert_no_session_comes_of(site, job, "", token)
    assert "its session has ended" in site.hub.log()[log:]


def assert_no_session_comes_of(site: Site, job: int, server: str, token: str) -> None:
    """After some sweeps, and some reports of the job's own: the Hub has nothing of it, and Slurm has it still."""
    user, log = site.users[0], len(site.hub.log())
    wait_for_sweeps(site)
    wait_for(lambda: site.hub.log()[log:].count("POST /hub/api/batchspawner") > 5, "the job to report itself", 30)
    assert site.server(user, server) == {}, "a session of the user's own making, where the Hub allows none"
    assert site.hub.api("GET", "/user", token)[0] == 403
    _, routes = site.call("GET", "/proxy")
    assert not [route for route in routes if route.startswith(f"/user/{user}/")]
    assert site.cluster.job_state(job) == "RUNNING", "nor does it end what is not its own"
    assert "Traceback" not in site.hub.log()[log:]


def test_names_and_limits_hold_for_adopted_jobs(site: Site) -> None:
    """Tags with names that the Hub would refuse for a server, and with more servers than a user may have: none of them is made."""
    user = site.users[0]
    odd = [
        "x\n[W 2026-11-21 00:00:00.000 JupyterHub a:1] forged",
        "..",
        "../..",
        "a/b",
        "UPPER",
        "<script>alert(1)</script>",
        "x" * 200,
        "-x",
        "a b",
        "\u0430",
        "x\ny",
        "user@host",
        "%2e%2e",
    ]
    before, log = set(servers(site, user)), len(site.hub.log())
    for name in [*odd, "one", "two", "three", "four"]:
        site.cluster.submit(f"--comment={forged(user, name, name * 9)}", "--account=cin_train", "--mem=10M", "--hold", user=user)
    wait_for_sweeps(site)
    made = set(servers(site, user)) - before
    assert made & set(odd) == set()
    assert len(made) <= 1, "c.JupyterHub.named_server_limit_per_user"
    assert not [line for line in site.hub.log()[log:].split("\n") if line.startswith("[W 2026-11-21 00:00:00.000")]
    assert "Traceback" not in site.hub.log()[log:], "one odd tag must not end the look at all others"


def test_no_tag_of_an_attackers_keeps_a_session_from_being_found(site: Site) -> None:
    """The attacker has copied the tag of the victim's session to jobs of their own, with the victim's name and with theirs, and written odd
    tags on others, which Slurm lists before and after it; the Hub loses its database: the victim's session is found again, it is the
    victim's, and the attacker gets nothing of it.
    """
    needs_users(site.users, 2)
    victim, attacker = site.users[:2]

    def submit(comment: str, *options: str) -> None:
        site.cluster.submit(f"--comment={comment}", "--account=cin_train", "--mem=10M", "--time=5", *options, user=attacker)

    odd = [forged(attacker, name, name * 9) for name in ("evil", "..", "\ufffd", "x" * 200)] + [f"jupyterhub:{HUB}:{attacker}:%ff%00:%0a"]
    for comment in odd:
        submit(comment, "--hold")
    site.start(user=victim)
    job = site.job_of(victim)
    tag = Tag.parse(job["Comment"])
    assert tag is not None
    _, kernel = run_in_kernel(site, "kept = 7", user=victim)
    copies = [Tag(tag.hub, owner, tag.server, tag.nonce).comment for owner in (victim, attacker)]
    for comment in [*copies, *odd]:
        for options in (["--hold"], ["--partition=g100_cpu"], ["--partition=g100_int"], ["--partition=g100_cpu", "--hold"]):
            submit(comment, *options)
    site.hub.kill()
    for path in Path(site.hub.folder).glob("jupyterhub.sqlite*"):
        path.unlink()
    site.hub.start()
    wait_for(lambda: site.server(victim).get("ready"), f"the victim's session to be found\n{site.logs()}", 40)
    assert run_in_kernel(site, "print(kept)", user=victim, kernel=kernel)[0].strip() == "7"
    assert site.job_of(victim)["JobId"] == job["JobId"]
    assert not site.server(attacker).get("ready")
    token = run_in_kernel(site, "import os; print(os.environ['JUPYTERHUB_API_TOKEN'])", user=victim, kernel=kernel)[0].strip()
    assert site.hub.api("GET", "/user", token)[1]["name"] == victim, "the session's token is the victim's and nobody else's"
    site.stop(user=victim)
    assert site.cluster.job_state(int(job["JobId"])) == "CANCELLED"
