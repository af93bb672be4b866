"""Every door into a session, tried with what must not pass: the form, the API, links, stored options, an admin, a foreign web site."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode, urljoin

import pytest
from playwright.sync_api import Browser
from private_slurm.cluster import PrivateCluster

from tests.support.attacks import ForeignSite, lines_with, nothing_submitted, shape, watched
from tests.support.real_hub import Environments, needs_users, open_site
from tests.support.site_under_test import PASSWORD, Site, Visitor, wait_for

PARTITION = "g100_int"
"""The only one that this Hub allows; the cluster has another one, g100_cpu, which the users may use outside the Hub."""


@pytest.fixture(scope="module")
def running_site(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...]) -> Iterator[Site]:
    """A Hub that allows one partition, whose third user is an admin, and in whose own environment somebody has left traps for sbatch."""
    traps = {"SBATCH_PARTITION": "g100_cpu", "SBATCH_ACCOUNT": "cin_train", "SLURM_CLUSTERS": "none", "SQUEUE_FORMAT": "%i"}
    more = watched(environments.folder / "hub-doors", boss=users[-1] if len(users) > 2 else "")
    more += f"c.SlurmCluster.partitions = [{PARTITION!r}]\nimport os\nos.environ.update({traps!r})\n"
    with open_site("hub-doors", environments, cluster, users, more) as site:
        yield site


# --- the doors -------------------------------------------------------------------------------------------------------------------

Answer = tuple[int, str]
Door = Callable[[Site, Mapping[str, Any]], Answer]


def _path(user: str, server: str = "") -> str:
    return f"/users/{user}/servers/{server}" if server else f"/users/{user}/server"


def _rest(answer: tuple[int, Any]) -> Answer:
    status, body = answer
    return status, str(body["message"]) if isinstance(body, dict) and "message" in body else str(body)


def by_form(site: Site, options: Mapping[str, Any]) -> Answer:
    """The form as a browser sends it."""
    page = site.visitor().start({key: str(value) for key, value in options.items()})
    return page.status, page.alert


def by_form_of_a_named_server(site: Site, options: Mapping[str, Any]) -> Answer:
    """The same for one of the user's further servers."""
    page = site.visitor().start({key: str(value) for key, value in options.items()}, server="named")
    return page.status, page.alert


def by_a_filled_form(site: Site, options: Mapping[str, Any]) -> Answer:
    """A link fills the form, and the user presses Start without a look."""
    user = site.visitor()
    page = user.form(query=urlencode({f"opt-{key}": str(value) for key, value in options.items()}))
    assert page.status == 200
    page = user.start({key: str(value) for key, value in options.items()}, page=page)
    return page.status, page.alert


def by_api(site: Site, options: Mapping[str, Any]) -> Answer:
    """A program with a token; the body is the options."""
    return _rest(site.call("POST", _path(site.users[0]), dict(options)))


def by_api_of_6(site: Site, options: Mapping[str, Any]) -> Answer:
    """The body as JupyterHub 6 has it, for a named server that is made by it."""
    body = {"display_name": "<script>alert(1)</script>", "user_options": dict(options)}
    return _rest(site.call("POST", _path(site.users[0], "made"), body))


def by_cookie(site: Site, options: Mapping[str, Any]) -> Answer:
    """A script on a page, with the user's own cookie."""
    answer = site.visitor().api("POST", f"users/{site.users[0]}/server", data=json.dumps(dict(options)))
    return answer.status_code, answer.json()["message"]


def by_patch(site: Site, options: Mapping[str, Any]) -> Answer:
    """Stored with PATCH, which asks nobody, and started without options."""
    site.visitor().form()
    assert site.call("PATCH", _path(site.users[0]), {"user_options": dict(options)})[0] == 200
    return _rest(site.call("POST", _path(site.users[0])))


def by_put(site: Site, options: Mapping[str, Any]) -> Answer:
    """A named server made with PUT, which asks nobody, and started without options."""
    site.call("DELETE", _path(site.users[0], "put"), {"remove": True})
    assert site.call("PUT", _path(site.users[0], "put"), {"user_options": dict(options)})[0] == 201
    return _rest(site.call("POST", _path(site.users[0], "put")))


def by_database(site: Site, options: Mapping[str, Any]) -> Answer:
    """Left in the database, as by an older version; the Hub finds it when it comes up, and is told to start without options."""
    site.visitor().form()
    site.hub.terminate()
    store(site, {"": json.dumps(dict(options))})
    site.hub.start()
    assert site.visitor().form().status == 200
    return _rest(site.call("POST", _path(site.users[0])))


def store(site: Site, texts: Mapping[str, str]) -> None:
    """Put a text for each of the first user's servers into the database, as what was asked for last. The Hub must not run."""
    database = sqlite3.connect(site.hub.folder / "jupyterhub.sqlite")
    for server, text in texts.items():
        changed = database.execute(
            "UPDATE spawners SET user_options = ? WHERE name = ? AND user_id = (SELECT id FROM users WHERE name = ?)",
            (text, server, site.users[0]),
        )
        assert changed.rowcount == 1, server
    database.commit()
    database.close()


def by_admins_form(site: Site, options: Mapping[str, Any]) -> Answer:
    """An admin's own browser, for the user."""
    needs_users(site.users, 3)
    boss = site.visitor(site.users[-1])
    page = boss.get(f"hub/spawn/{site.users[0]}")
    assert page.status == 200, page.text
    page = boss.start({key: str(value) for key, value in options.items()}, page=page)
    return page.status, page.alert


DOORS: dict[str, Door] = {
    door.__name__: door
    for door in (
        by_form,
        by_form_of_a_named_server,
        by_a_filled_form,
        by_api,
        by_api_of_6,
        by_cookie,
        by_patch,
        by_put,
        by_database,
        by_admins_form,
    )
}

FORBIDDEN: dict[str, Any] = {
    "partition": "g100_cpu",
    "account": "cin_staff\n#SBATCH --uid=0",
    "reservation": "s_tra_school --wrap=id",
    "cores": "1;id",
    "memory": "$(id)",
    "gpus": "1 --nodelist=g001",
    "walltime": "`id`",
    "release": "../../../tmp",
    "interface": "lab'",
    "cmd": "touch /tmp/owned",
    "prologue": "touch /tmp/owned",
    "homedir": "/tmp",
    "keepvars": "JUPYTERHUB_API_TOKEN",
    "username": "root",
    "exec_prefix": "id;",
    "options": "--wrap=id",
    "script": "#!/bin/sh",
    "opt-cores": "99",
}
"""Fields with values that nobody may have, and keys of batchspawner's templates. All of them go through a door at once: no more than a
refusal tells of.
"""


@pytest.mark.parametrize("door", DOORS)
def test_no_door_lets_it_pass(site: Site, door: str) -> None:
    """Bad values and foreign keys are refused by name whatever way they come: HTTP 400, before any command, one warning, no traceback."""
    if door == "by_database":
        DOORS["by_form"](site, {})  # the server has to exist
        site.clean()
    log = len(site.hub.log())
    with nothing_submitted(site):
        status, text = DOORS[door](site, {**FORBIDDEN, door: "a key that tells the doors apart"})
    assert status == 400, text
    for name in FORBIDDEN:
        assert SENTENCE_OF.get(name, f"“{name}”") in text, name
    assert site.cluster.active_jobs() == []
    wait_for(lambda: "session refused" in site.hub.log()[log:], "the refusal to be logged")
    written = site.hub.log()[log:]
    assert "Traceback" not in written
    assert len(lines_with(written, "“prologue” is not a field")) == 1
    assert not [line for line in written.splitlines() if line.startswith("[E ")]


SENTENCE_OF = {
    "partition": "Partition: “g100_cpu” is not a partition that you may use.",
    "account": "Slurm account: ",
    "reservation": "Slurm reservation: ",
    "cores": "Number of cores: ",
    "memory": "Memory: ",
    "gpus": "GPU configuration: ",
    "walltime": "Time: ",
    "release": "Release: ",
    "interface": "User interface: ",
}


def test_each_refusal_is_in_the_log(site: Site) -> None:
    """The same mistake made again, and by somebody else, is a warning again, with its reason: nobody hides behind another's."""
    needs_users(site.users, 2)
    visitors = [site.visitor(name) for name in site.users[:2]]
    pages = [visitor.form() for visitor in visitors]
    log = len(site.hub.log())
    for visitor, page in zip([*visitors, visitors[0]], [*pages, pages[0]], strict=True):
        assert visitor.start({"cores": "97"}, page=page).status == 400
    assert len(lines_with(site.hub.log()[log:], "97 is more than")) == 3
    for name in site.users[:2]:
        assert lines_with(site.hub.log()[log:], "97 is more than", name)


def test_a_log_line_cannot_be_forged(site: Site) -> None:
    """A newline or an escape in a value, or in a name of a field, begins no line of its own in the Hub's log, and colours none."""
    forged = "x\n[W 2026-11-21 00:00:00.000 JupyterHub base:1] forged\r\x1b[31m\u2028\x85forged"
    log = len(site.hub.log())
    for options in ({"account": forged}, {forged: "1"}, {"environment": {forged: "1"}}, {"gpus": forged, "cores": forged}):
        assert site.call("POST", _path(site.users[0]), options)[0] == 400
        assert site.visitor().start({key: str(value) for key, value in options.items()}).status == 400
    lines = [line for line in site.hub.log()[log:].split("\n") if "forged" in line]
    assert lines
    for line in lines:
        assert line.startswith("[W ")
        assert "forged" not in line[:40]
        assert line.isprintable()


@pytest.mark.xfail(strict=True, reason="JupyterHub 6 itself stores such options and cannot print them; see docs/security.md")
def test_options_that_become_bytes(site: Site) -> None:
    """JupyterHub 6 stores what PATCH and PUT are given, and reads one spelling of JSON back as bytes: a user who stores that locks
    nobody out, themselves included, and breaks no page of the admin's.
    """
    visitor = site.visitor()
    visitor.form()
    in_bytes = {"__jupyterhub_bytes__": True, "data": "aGk="}
    assert visitor.api("PATCH", f"users/{visitor.name}/server", json={"user_options": in_bytes}).status_code == 200
    assert visitor.api("PUT", f"users/{visitor.name}/servers/inside", json={"user_options": {"account": in_bytes}}).status_code == 201
    site.hub.restart()
    log = len(site.hub.log())
    try:
        answers = {
            "the admin's page": site.call("GET", "/users?include_stopped_servers=1")[0],
            "the user's model": site.call("GET", f"/users/{visitor.name}?include_stopped_servers=1")[0],
            "log-in": _log_in(site),
            "start": site.call("POST", _path(visitor.name), {"cores": 99})[0],
            "start of the other": site.call("POST", _path(visitor.name, "inside"), {"cores": 99})[0],
        }
        assert {what: status for what, status in answers.items() if status >= 500} == {}
        assert "Traceback" not in site.hub.log()[log:]
    finally:
        site.hub.terminate()
        store(site, {"": "{}", "inside": "{}"})
        site.hub.start()


def _log_in(site: Site) -> int:
    """200, or the status of whatever stands in the way from the log-in page to the form."""
    visitor = Visitor(site.hub, site.users[0])
    try:
        return visitor.log_in().form().status
    except AssertionError:
        return 500


OLDER = {
    "a": "null",
    "b": "{}",
    "c": '{"release": "2019.01", "cores": 99, "nprocs": "4", "script": "x", "account": "gone"}',
    "d": '{"environment": [1], "cores": {"a": [[]]}, "gpus": null, "walltime": -1, "memory": 1e999}',
    "e": json.dumps({"cores": "9" * 10_000, "partition": "<script>alert(1)</script>", "profile": {"a": 1}, "_xsrf": []}),
}


def test_what_an_older_version_left(site: Site) -> None:
    """Whatever the database has of an older version: the form is shown, with values that can be had now."""
    visitor = site.visitor()
    plain = visitor.form()
    for server in OLDER:
        assert site.call("PUT", _path(visitor.name, server))[0] in (201, 409)
    site.hub.terminate()
    store(site, OLDER)
    site.hub.start()
    visitor = site.visitor()
    for server in OLDER:
        page = visitor.form(server)
        assert page.status == 200, server
        assert page.values() == plain.values(), server


def test_an_admin_starts_for_a_user(site: Site) -> None:
    """The job is the user's, with the user's own account, in the partition that the Hub allows, whatever the Hub's own environment says
    to sbatch; the admin's rights give the user nothing.
    """
    needs_users(site.users, 3)
    ada, boss = site.users[0], site.visitor(site.users[-1])
    page = boss.get(f"hub/spawn/{ada}")
    assert f"The session is started for {ada}." in page.text
    assert "The session is started for" not in boss.form().text, "of one's own session that goes without saying"
    assert page.choices("account") == ["cin_staff", "cin_train"]
    assert page.choices("partition") == [PARTITION]
    assert boss.start(page=page).status == 302
    wait_for(lambda: site.server(ada).get("ready"), "the session to be ready", 90)
    job = site.job_of(ada)
    assert (job["Account"], job["Partition"]) == ("cin_staff", PARTITION)
    assert site.server(boss.name) == {}


@pytest.mark.parametrize(
    "partition", ["g100_cpu", "g100_int,g100_cpu", "g100_cpu,g100_int", "G100_INT", "ALL", "*", "g100_int,", "g100_cpu\n"]
)
def test_no_other_partition(site: Site, partition: str) -> None:
    """The user may use another partition in Slurm, but not through this Hub: by no spelling, and by no variable that sbatch reads."""
    with nothing_submitted(site):
        status, text = by_api(site, {"partition": partition})
        assert (status, "Partition" in text) == (400, True)
        status, text = by_form(site, {"partition": partition})
        assert (status, "Partition" in text) == (400, True)


# --- links and foreign sites -----------------------------------------------------------------------------------------------------

CROSS_SITE = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Referer": "http://evil.example/"}
SAME_SITE = {
    "Sec-Fetch-Site": "same-site",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-User": "?1",
    "Referer": "https://portal.example.org/",
}
QUERIES = (
    "opt-cores=2&opt-gpus=1",
    "cores=2",
    "opt-",
    "opt-cmd=id",
    "opt-environment=x",
    "opt-cores=2&opt-cores=3",
    "next=/hub/home&opt-cores=2",
)


def test_a_link_only_fills_the_form(site: Site) -> None:
    """A GET, however it is spelled and wherever it comes from, starts nothing, for the default server, a named one, and by an admin."""
    ada = site.users[0]
    addresses = [f"hub/spawn{path}?{query}" for query in QUERIES for path in ("", f"/{ada}", f"/{ada}/named")]
    with nothing_submitted(site):
        for visitor in [site.visitor(), *([site.visitor(site.users[-1])] if len(site.users) > 2 else [])]:
            for address in addresses:
                for method, headers in (("GET", {}), ("GET", CROSS_SITE), ("GET", SAME_SITE), ("HEAD", {})):
                    answer = visitor.session.request(method, urljoin(site.hub.url, address), headers=headers, timeout=30)
                    assert answer.status_code in (200, 405, 422), (address, answer.status_code)
                    assert "spawn-pending" not in answer.url
    assert site.server(ada) == {}
    assert site.server(ada, "named") == {}


def test_links_that_may_start(site: Site) -> None:
    """Where the admin lets links start sessions, one that is followed on a page of the same site does; links elsewhere, pictures and frames
    do not, on whatever page; and what a link asks for goes through the same gate.
    """
    before = site.hub.config
    site.hub.restart(config=f"{before}c.ResourceFormSpawner.links_may_start = True\n")
    try:
        visitor = site.visitor()
        url = urljoin(site.hub.url, "hub/spawn")

        def follow(headers: Mapping[str, str], query: str = "opt-cores=2") -> int:
            return visitor.session.get(f"{url}?{query}", headers=dict(headers), timeout=60, allow_redirects=False).status_code

        with nothing_submitted(site):
            for site_, mode, dest in [
                ("cross-site", "navigate", "document"),
                ("none", "navigate", "document"),
                ("", "", ""),
                ("same-origin, cross-site", "navigate", "document"),
                ("same-site", "no-cors", "image"),
                ("same-origin", "no-cors", "image"),
                ("same-origin", "no-cors", "script"),
                ("same-site", "navigate", "iframe"),
                ("same-origin", "navigate", "embed"),
            ]:
                headers = {"Sec-Fetch-Site": site_, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest}
                assert follow({name: value for name, value in headers.items() if value}) != 302, headers
            assert follow(SAME_SITE, urlencode({f"opt-{key}": str(value) for key, value in FORBIDDEN.items()})) == 400
            assert follow(SAME_SITE, "opt-cores=2&opt-cores=3") == 400
        assert follow(SAME_SITE) == 302
        wait_for(site.cluster.active_jobs, "the job")
    finally:
        site.clean()
        site.hub.restart(config=before)


def test_text_in_a_link_stays_text(site: Site) -> None:
    """What a link brings stands in the form as it is: no element, no attribute and no further choice comes of it."""
    visitor = site.visitor()
    plain = visitor.form()
    for text in (
        '"><script>alert(1)</script>',
        "' autofocus onfocus=alert(1) x='",
        "</select></form><h1>x",
        "{{ 7*7 }}",
        "javascript:alert(1)",
    ):
        for prefix in ("opt-", ""):
            query = urlencode({f"{prefix}{name}": text for name in [*plain.values(), "environment", "preset", text]})
            page = visitor.form(query=query)
            assert page.status == 200
            assert shape(page.soup) == shape(plain.soup)
            assert page.values()["walltime"] == text
            assert page.choices("account") == plain.choices("account")


def test_a_post_needs_the_hubs_own_token(site: Site) -> None:
    """Without the Hub's token against forged requests, or with anybody else's, no POST starts anything; with it, the same one does."""
    victim = site.visitor()
    page = victim.form()
    url = urljoin(page.url, "/hub/spawn")
    right = str(page.soup.select_one("#spawn_form")["action"]).split("_xsrf=")[1]  # type: ignore[index]
    stranger = Visitor(site.hub, "nobody")
    stranger.session.trust_env = False
    stranger.get("hub/login")
    wrong = ["", "x", right[:-2], right + "0", "null", str(stranger.session.cookies.get("_xsrf"))]
    if len(site.users) > 1:
        wrong.append(str(site.visitor(site.users[1]).session.cookies.get("_xsrf")))
    fields = page.values()
    heads: list[dict[str, str]] = [
        {},
        CROSS_SITE,
        {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Site": "cross-site", "Origin": "http://evil.example"},
        {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "null"},
    ]
    with nothing_submitted(site):
        for headers in heads:
            assert victim.session.post(url, data=fields, headers=headers, timeout=30).status_code == 403, headers
            for token in wrong:
                given = {**headers, "X-XSRFToken": token}
                answer = victim.session.post(url, params={"_xsrf": token}, data={**fields, "_xsrf": token}, headers=given, timeout=30)
                assert answer.status_code == 403, (headers, token)
    assert victim.session.post(url, params={"_xsrf": right}, data=fields, timeout=60, allow_redirects=False).status_code == 302


def test_the_api_needs_it_too(site: Site) -> None:
    """A foreign page's requests to the API, which bring the user's cookie and nothing else, neither start, change nor stop anything."""
    victim = site.visitor()
    victim.form()
    site.start()
    job = site.job_of()["JobId"]
    kinds: list[dict[str, str]] = [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/json"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {},
    ]
    with nothing_submitted(site):
        for kind in kinds:
            for source in ({}, {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}):
                for method, path in [
                    ("POST", f"users/{victim.name}/servers/second"),
                    ("PUT", f"users/{victim.name}/servers/third"),
                    ("PATCH", f"users/{victim.name}/server"),
                    ("DELETE", f"users/{victim.name}/server"),
                    ("POST", "batchspawner"),
                ]:
                    answer = victim.session.request(
                        method, f"{site.hub.api_url}/{path}", data='{"user_options": {"cores": 2}}', headers={**kind, **source}, timeout=30
                    )
                    assert answer.status_code in (403, 404), (method, path, kind, source, answer.status_code)
                    assert "Access-Control-Allow-Origin" not in answer.headers
    assert site.job_of()["JobId"] == job
    assert site.server(victim.name).get("ready")


FOREIGN = {
    "/post": '<form id=f method=post enctype="{encoding}" action="{hub}hub/spawn">{fields}</form><script>f.submit()</script>',
    "/link": '<script>location = "{hub}hub/spawn?opt-cores=2&opt-gpus=1"</script>',
    "/image": '<img src="{hub}hub/spawn?opt-cores=2" onerror="document.title = 1">',
    "/frame": '<iframe id=f src="{hub}hub/spawn?opt-cores=2" width=900 height=900></iframe>',
    "/fetch": """<script>
        const body = JSON.stringify({{cores: 2}}), options = {{method: "POST", mode: "no-cors", credentials: "include", body}};
        Promise.allSettled(["hub/spawn", "hub/api/users/{user}/server", "hub/api/batchspawner"].map(p => fetch("{hub}" + p, options)))
            .then(() => fetch("{hub}hub/api/resource-form/cluster", {{credentials: "include"}}))
            .then(answer => answer.text(), error => "blocked").then(text => document.title = text);
        </script>""",
}


def visit_foreign_site(site: Site, browser: Browser, user: str) -> dict[str, str]:
    """A victim's browser, in which they have just logged in to the Hub, and what it shows on each page of a foreign site."""
    fields = "".join(f'<input name="{name}" value="{value}">' for name, value in site.visitor(user).form().values().items())
    pages = {
        path: text.format(hub=site.hub.url, user=user, fields=fields, encoding="multipart/form-data") for path, text in FOREIGN.items()
    }
    seen = {}
    context = browser.new_context()
    with ForeignSite(pages) as foreign:
        page = context.new_page()
        page.goto(f"{site.hub.url}hub/login")
        page.fill("input[name=username]", user)
        page.fill("input[name=password]", PASSWORD)
        page.click("#login_submit")
        page.wait_for_selector("#resource-form")
        page.goto(f"{foreign.url}post", wait_until="commit")
        page.wait_for_url(f"{site.hub.url}hub/spawn")
        seen["post"] = page.inner_text("body")
        page.goto(f"{foreign.url}link", wait_until="commit")
        page.wait_for_selector("#resource-form")
        seen["link"] = page.input_value("input[name=cores]")
        page.goto(f"{foreign.url}image")
        page.wait_for_function("document.title == '1'")
        page.goto(f"{foreign.url}frame")
        seen["frame"] = "".join(frame.content() for frame in page.frames[1:])
        page.goto(f"{foreign.url}fetch")
        page.wait_for_function("document.title != ''")
        seen["fetch"] = page.title()
    context.close()
    return seen


def test_a_foreign_site_in_the_victims_browser(site: Site, browser: Browser) -> None:
    """Chromium, in which the victim has just logged in, on a page of somebody else's: forms that send themselves, links, pictures, frames
    and scripts start nothing, read nothing, and cannot put the Start button under the victim's mouse.
    """
    user, log = site.users[0], len(site.hub.log())
    with nothing_submitted(site):
        seen = visit_foreign_site(site, browser, user)
    written = site.hub.log()[log:]
    assert lines_with(written, "403 POST /hub/spawn", f"({user}@"), "the browser did send the victim's cookie, and it did not help"
    assert "403" in seen["post"]
    assert seen["link"] == "2", "a link does fill the form, for the victim to press Start or not"
    assert "resource-form" not in seen["frame"]
    assert seen["fetch"] == "blocked"
    assert site.server(user) == {}


def test_no_page_of_ours_can_be_framed(site: Site) -> None:
    """Each page with a Start button, and the table, forbids to be shown inside another site."""
    visitor = site.visitor()
    for path in ("hub/spawn", f"hub/spawn/{visitor.name}/named", "hub/resource-form/availability", "hub/api/resource-form/cluster"):
        answer = visitor.session.get(urljoin(site.hub.url, path), timeout=30)
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"], path
    refused = visitor.session.post(urljoin(site.hub.url, "hub/spawn"), timeout=30)
    assert "frame-ancestors 'none'" in refused.headers["Content-Security-Policy"]
