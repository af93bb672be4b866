"""``GET /hub/api/resource-form/sessions`` and its stream of events, with the real cluster and a real Hub."""

from __future__ import annotations

import datetime
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import requests

from tests.support.real_hub import needs_users
from tests.support.site_under_test import Site, Visitor, wait_for

ADDRESS = "resource-form/sessions"
SOON_SECONDS = 5
"""Within so long a user who waits knows why."""
SLURM_PLANS_SECONDS = 90
"""Backfill looks every half minute."""
HEARTBEAT_SECONDS = 15
CHANGE_SECONDS = 30
"""The list of jobs is read every few seconds, a job starts within seconds."""
REASONS = ("Resources", "Priority")


def moment(text: str) -> float:
    """Seconds since the epoch, of a moment in UTC."""
    assert text.endswith("Z"), text
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def sessions(visitor: Visitor) -> list[dict[str, Any]]:
    """What the visitor is told."""
    answer = visitor.api("GET", ADDRESS)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    found: list[dict[str, Any]] = answer.json()["sessions"]
    return found


def current(visitor: Visitor, **expected: object) -> dict[str, Any]:
    """The visitor's one session that is not over, if it is as expected; else empty."""
    found = [session for session in sessions(visitor) if session["kind"] == "running"]
    assert len(found) < 2, found
    return found[0] if found and expected.items() <= found[0].items() else {}


def take_a_gpu_of_each(site: Site) -> list[int]:
    """Then no node has two free GPUs: g001 to g003 have one each, g004 is reserved."""
    jobs = []
    for node in ("g001", "g002", "g003"):
        options = (f"--nodelist={node}", "--gres=gpu:1", "--mem=1G", "--time=40", "--partition=g100_int")
        jobs.append(site.cluster.submit(*options, user=site.users[0]))
    for job in jobs:
        site.cluster.wait_for_job_state(job, "RUNNING")
    return jobs


def billing_of(job: dict[str, str]) -> int:
    """The number that Slurm has written on the job. Newer versions have two fields for ``TRES``, one of them empty while it waits."""
    tres = next(job[name] for name in ("AllocTRES", "ReqTRES", "TRES") if job.get(name, "(null)") != "(null)")
    found = re.search(r"billing=(\d+)", tres)
    assert found is not None, job
    return int(found[1])


@contextmanager
def events(visitor: Visitor, last_id: str = "") -> Iterator[Iterator[str]]:
    """The lines of a stream of events."""
    parameters = {"_xsrf": visitor.session.cookies.get("_xsrf", path="/hub/") or ""}
    headers = {"Last-Event-ID": last_id} if last_id else {}
    url = f"{visitor.hub.url}hub/api/{ADDRESS}/events"
    with visitor.session.get(url, params=parameters, headers=headers, stream=True, timeout=60) as answer:
        assert answer.status_code == 200, answer.text
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        yield (line.decode() for line in answer.iter_lines(chunk_size=1))


def until(lines: Iterator[str], right: Callable[[dict[str, Any]], bool], seconds: float) -> tuple[str, dict[str, Any]]:
    """The id and the answer of the first event that is right."""
    deadline, event_id, answer = time.monotonic() + seconds, "", {}
    for line in lines:
        if line.startswith("id: "):
            event_id = line.removeprefix("id: ")
        elif line.startswith("data: "):
            answer = json.loads(line.removeprefix("data: "))
            if right(answer):
                return event_id, answer
        assert time.monotonic() < deadline, f"no such event in {seconds} s; the last answer was {answer}"
    raise AssertionError(f"the stream ended; the last answer was {answer}")


def told_until_a_heartbeat(lines: Iterator[str]) -> list[tuple[str, dict[str, Any]]]:
    """The id and the answer of each event before the next heartbeat: what a job used is read now and then, and is news."""
    told, event_id, is_answer = [], "", True
    for line in lines:
        if line.startswith(": still here"):
            return told
        if line.startswith("event: "):
            is_answer = False
        elif line.startswith("id: "):
            event_id, is_answer = line.removeprefix("id: "), True
        elif line.startswith("data: ") and is_answer:
            told.append((event_id, json.loads(line.removeprefix("data: "))))
    raise AssertionError(f"the stream ended; it told {told}")


def state_is(state: str) -> Callable[[dict[str, Any]], bool]:
    """Whether the one session that is not over is in this state."""
    return lambda answer: [session["state"] for session in answer["sessions"] if session["kind"] == "running"] == [state]


def test_a_session_that_waits(site: Site) -> None:
    """Why, whether waiting helps, the place in the queue, what it asks for and will cost; then when Slurm plans to start it."""
    needs_users(site.users, 2)
    take_a_gpu_of_each(site)
    ada, grace = (site.visitor(name) for name in site.users[:2])
    began = time.monotonic()
    assert ada.start({"gpus": "2"}).status == 302
    waiting = wait_for(lambda: next((one for one in [current(ada)] if one.get("reason") in REASONS), None), "a reason", SOON_SECONDS)
    assert time.monotonic() - began < SOON_SECONDS
    job = site.cluster.job(waiting["job_id"])
    assert (waiting["state"], waiting["stage"], waiting["slurm_state"], waiting["waiting_helps"]) == ("waiting", "queue", "PENDING", True)
    assert waiting["sentence"]
    assert waiting["what_to_do"]
    assert waiting["position"] == {"place": 1, "of": 1}
    assert waiting["held_text"].startswith("2 GPUs")
    assert waiting["cost"] == {"per_hour": billing_of(job), "used": 0, "unit": "units"}
    assert waiting["user"] == site.users[0]
    assert 0 <= waiting["seconds_waited"] < 60
    assert (waiting["url"], waiting["started"], waiting["ends"], waiting["node"]) == ("", None, None, "")

    assert grace.start({"gpus": "2"}).status == 302
    wait_for(lambda: current(grace, position={"place": 2, "of": 2}), "grace to stand behind ada", 30)
    assert wait_for(lambda: current(ada, position={"place": 1, "of": 2}), "ada to stand in front of grace", 30)

    def planned() -> int:
        asked = ("squeue", "--noheader", f"--jobs={waiting['job_id']}", "--format=%S")
        said = site.cluster.run(*asked, env={"SLURM_TIME_FORMAT": "%s"}).stdout.strip()
        return int(said) if said.isdigit() else 0

    def agrees() -> bool:
        estimate = current(ada)["estimate"]
        return estimate is not None and moment(estimate) == planned()

    wait_for(agrees, "Slurm's own plan, which it changes now and then", SLURM_PLANS_SECONDS)
    for visitor in (ada, grace):
        assert visitor.api("DELETE", f"users/{visitor.name}/server").status_code in (202, 204)


def test_a_session_that_runs(site: Site) -> None:
    """Where it runs, until when, what it has, what it costs; its address is its own."""
    ada = site.visitor()
    site.start({"gpus": "1", "walltime": "1:30:00"})
    running = wait_for(lambda: current(ada, state="running"), "a session that runs", 20)
    job = site.job_of()
    assert (running["stage"], running["progress"], running["node"]) == ("connected", 100, job["BatchHost"])
    assert moment(running["ends"]) - moment(running["started"]) == 90 * 60
    assert 80 * 60 < running["seconds_left"] <= 90 * 60
    assert running["held_text"].startswith("1 × V100, ")
    assert running["cost"]["per_hour"] == billing_of(job)
    assert 0 <= running["cost"]["used"] < billing_of(job) / 10
    assert (running["position"], running["estimate"], running["reason"]) == (None, None, "")
    assert running["request"]["gpus"] == "1"
    assert running["log_url"].endswith(f"job={running['job_id']}")
    assert requests.get(f"{site.hub.url.rstrip('/')}{running['url']}api", timeout=30).status_code in (200, 403)


def test_who_sees_it(site: Site) -> None:
    """Its user, and who may read everybody's servers; nobody else, whatever they ask for."""
    needs_users(site.users, 2)
    ada, grace = (site.visitor(name) for name in site.users[:2])
    site.start()
    assert [session["user"] for session in sessions(ada) if session["kind"] == "running"] == [ada.name]
    assert not current(grace)
    assert ada.name not in grace.api("GET", ADDRESS).text
    for address in (f"{ADDRESS}?all=1", f"{ADDRESS}/events?all=1"):
        refused = grace.api("GET", address)
        assert refused.status_code == 403
        assert ada.name not in refused.text
        assert requests.get(f"{site.hub.url}hub/api/{address}", timeout=30).status_code == 403
    status, everybody = site.call("GET", f"/{ADDRESS}?all=1")
    assert status == 200
    assert [session["user"] for session in everybody["sessions"] if session["kind"] == "running"] == [ada.name]
    assert site.call("GET", f"/{ADDRESS}")[0] == 403


def test_the_stream_of_events(site: Site) -> None:
    """The answer at once, another one for each change, a heartbeat meanwhile; who comes back is not told the same again."""
    jobs = take_a_gpu_of_each(site)
    ada = site.visitor()
    assert ada.start({"gpus": "2"}).status == 302
    wait_for(lambda: current(ada).get("reason") in REASONS, "a reason", 30)
    with events(ada) as lines:
        first_id, first = until(lines, state_is("waiting"), 10)
        site.cluster.run("scancel", str(jobs[0]))
        last_id, answer = until(lines, state_is("running"), CHANGE_SECONDS + 30)
        assert last_id != first_id
        assert answer["as_of"] >= first["as_of"]
        assert answer["stale"] is False
        began = time.monotonic()
        quiet = told_until_a_heartbeat(lines)
        assert time.monotonic() - began < 4 * HEARTBEAT_SECONDS, quiet
        last_id, answer = [(last_id, answer), *quiet][-1]
    with events(ada, last_id) as lines:
        for event_id, news in told_until_a_heartbeat(lines):
            assert event_id != last_id
            assert news | {"as_of": ""} != answer | {"as_of": ""}
            last_id, answer = event_id, news
        assert ada.api("DELETE", f"users/{ada.name}/server").status_code in (202, 204)
        until(lines, lambda answer: not [one for one in answer["sessions"] if one["kind"] == "running"], CHANGE_SECONDS)


def past_ones(visitor: Visitor, jobs: list[int], query: str = "") -> list[tuple[int, str]]:
    """Those of these jobs that are listed as over, with their kinds, in the order of the answer."""
    found: list[dict[str, Any]] = visitor.session.get(f"{visitor.hub.url}hub/api/{ADDRESS}{query}", timeout=60).json()["sessions"]
    return [(one["job_id"], one["kind"]) for one in found if one["job_id"] in jobs and one["state"] == "ended"]


def test_sessions_that_are_over(site: Site) -> None:
    """Two after each other on one server, one stopped, one failed: each once and under its kind, also after a restart of the Hub."""
    ada = site.visitor()
    site.start({"name": "First"}, server="past")
    stopped = int(site.job_of()["JobId"])
    site.stop(server="past")
    site.start({"name": "Second"}, server="past")
    failed = int(site.job_of()["JobId"])
    assert past_ones(ada, [stopped, failed]) == [(stopped, "finished")]
    assert [(one["job_id"], one["kind"]) for one in sessions(ada) if one["job_id"] == failed] == [(failed, "running")]
    with events(ada) as lines:
        until(lines, state_is("running"), 10)
        site.cluster.run("scancel", str(failed))
        until(lines, lambda answer: answer["sessions"][0]["job_id"] == failed and answer["sessions"][0]["kind"] == "others", 60)
    expected = [(failed, "others"), (stopped, "finished")]
    wait_for(lambda: past_ones(ada, [stopped, failed]) == expected, "both to be listed", 30)
    own = {one["job_id"]: one for one in sessions(ada)}
    assert [own[job]["display_name"] for job in (stopped, failed)] == ["First", "Second"]
    assert all(own[job]["submitted"] and own[job]["started"] and own[job]["ended"] for job in (stopped, failed))
    site.hub.restart()
    ada = site.visitor()
    assert past_ones(ada, [stopped, failed]) == expected
    assert past_ones(ada, [stopped, failed], "?limit=0") == expected[:1]
    assert past_ones(ada, [stopped, failed], "?limit=1") == expected[:1]
    assert visitor_refused(ada, "?limit=501") == visitor_refused(ada, "?limit=all") == 400
    # Read by their first nine digits these were within their bounds.
    assert visitor_refused(ada, "?limit=000000000501") == 400
    names = f"{site.hub.url}hub/api/resource-form/new-names?number="
    assert [ada.session.get(f"{names}{number}", timeout=60).status_code for number in ("20", "21", "0000000019999")] == [200, 400, 400]
    for kind, job in (("finished", stopped), ("others", failed)):
        listed = ada.get(f"hub/resource-form/sessions?list={kind}").soup
        logs = [str(link["href"]) for link in listed.select(f"#sessions-{kind} .sessions-actions a")]
        assert [link for link in logs if link.endswith(f"job={job}")], logs
    status, everybody = site.call("GET", f"/{ADDRESS}?all=1")
    assert status == 200
    assert [one["kind"] for one in everybody["sessions"] if one["job_id"] in (stopped, failed)] == ["others", "finished"]
    if len(site.users) > 1:
        grace = site.visitor(site.users[1])
        assert not [one for one in sessions(grace) if one["user"] != grace.name]


def visitor_refused(visitor: Visitor, query: str) -> int:
    """The status of an answer."""
    return visitor.session.get(f"{visitor.hub.url}hub/api/{ADDRESS}{query}", timeout=60).status_code
