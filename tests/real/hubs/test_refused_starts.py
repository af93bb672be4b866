"""Starts that we or a site's hook refuse, on both JupyterHubs: the words reach the user, and no mistake of theirs ends the Hub."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from private_slurm.cluster import PrivateCluster

from tests.support.real_hub import Environments, open_site
from tests.support.site_under_test import Site, run_in_kernel, wait_for

SMALL = {"cores": "2", "memory": "3", "gpus": "0", "walltime": "20m"}
LIMIT = 5
MISTAKE = "The service could not prepare the session."
CONFIG = f"""
c.Spawner.consecutive_failure_limit = {LIMIT}
c.Spawner.mem_limit = "1G"
c.Spawner.cpu_limit = 1
c.Spawner.default_url = "/lab/tree/welcome.md"

class QuotaExceeded(Exception):
    pass

class Odd(Exception):
    def __str__(self):
        raise ValueError("no words")

async def hook(spawner):
    import asyncio
    from tornado import web
    what = spawner.user_options.get("name", "")
    if what.startswith("slow"):
        await asyncio.sleep(2.5)
    if what == "http":
        raise web.HTTPError(403, "Your <b>quota</b> is 100% used.")
    if what == "own":
        raise QuotaExceeded("Sign the terms first.")
    if what == "quota":
        raise PermissionError("over quota")
    if what == "silent":
        raise web.HTTPError(403)
    if what == "slow and refused":
        raise PermissionError("Your project ended yesterday.")
    if what == "mistake":
        {{}}["canary"]
    if what == "odd":
        raise Odd()
    if what in ("late", "deaf"):
        spawner.consecutive_failure_limit = 2
    if what == "late":
        spawner.start_timeout = 1
    if what == "deaf":
        # As a configuration in the user's home may be: connections are taken, and none is answered.
        spawner.http_timeout = 1
        spawner.environment["JUPYTER_CONFIG_PATH"] = DEAF

c.Spawner.pre_spawn_hook = hook
"""


@pytest.fixture(scope="module", params=["6", "5"])
def hooked(request: pytest.FixtureRequest, environments: Environments, cluster: PrivateCluster, users: tuple[str, ...]) -> Iterator[Site]:
    """A Hub with a hook that refuses what is called so, after one session that was stopped."""
    used = environments if request.param == "6" else request.getfixturevalue("older_environments")
    deaf = environments.folder / "deaf"
    deaf.mkdir(exist_ok=True)
    (deaf / "jupyter_server_config.py").write_text(
        "import tornado.httpserver\ntornado.httpserver.HTTPServer.handle_stream = lambda self, stream, address: stream.close()\n"
    )
    with open_site(f"hub-hooked-{request.param}", used, cluster, users, f"DEAF = {str(deaf)!r}\n{CONFIG}") as site:
        site.start({"cores": 1, "memory": "1G", "gpus": 0})
        site.stop()
        yield site


@pytest.fixture(autouse=True)
def nothing_runs(hooked: Site) -> Iterator[None]:
    """Whatever a test has left."""
    yield
    hooked.clean()


def test_limits_and_first_page_are_the_jobs(hooked: Site) -> None:
    """What programs in the session are told of memory and cores is what the job has, whatever ``mem_limit`` says; and where it opens."""
    request = {"cores": 2, "memory": "3G", "gpus": 0}
    if hooked.hub.api("GET", "/")[1]["version"].startswith("5."):  # its release has no kernel
        told = hooked.visitor().api("POST", "resource-form/check", json=request).json()["environment"]
    else:
        hooked.start(request)
        told = json.loads(run_in_kernel(hooked, "import json, os; print(json.dumps(dict(os.environ)))")[0])
    memory, cores = str(3 * 1024**3), "2.0"
    expected = {"MEM_LIMIT": memory, "MEM_GUARANTEE": memory, "CPU_LIMIT": cores, "CPU_GUARANTEE": cores}
    expected["JUPYTERHUB_DEFAULT_URL"] = "/lab/tree/welcome.md"
    assert {name: told.get(name) for name in expected} == expected


def test_typing_errors_do_not_end_the_hub(hooked: Site) -> None:
    """More of them than ``consecutive_failure_limit``, through the form and by a program."""
    site, pid = hooked, hooked.hub.pid
    visitor = site.visitor()
    for number in range(LIMIT + 1):
        assert visitor.start({"cores": f"{900 + number}"}).status == 400
        assert site.call("POST", f"/users/{visitor.name}/server", {"cores": 900 + number})[0] == 400
    assert "Aborting due to" not in site.hub.log()
    assert site.hub.pid == pid


def test_starts_that_take_too_long_do_not_end_the_hub(hooked: Site) -> None:
    """A queue that is longer than JupyterHub waits, and servers that their users' own settings have made deaf."""
    site, visitor, pid = hooked, hooked.visitor(), hooked.hub.pid
    for name, words in (("late", "given up"), ("deaf", "did not answer the Hub"), ("deaf", "did not answer the Hub")):
        visitor.start({**SMALL, "name": name})
        wait_for(lambda: not site.server(visitor.name), "JupyterHub to give the start up", 60)
        assert words in visitor.get(f"hub/spawn-pending/{visitor.name}").text
    assert "consecutive spawns failed" not in site.hub.log()
    assert "Aborting due to" not in site.hub.log()
    assert site.hub.pid == pid


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("http", 403, "Your <b>quota</b> is 100% used."),
        ("own", 403, "Sign the terms first."),
        ("quota", 403, "Over quota."),
        ("silent", 403, "The service does not start this session."),
        ("mistake", 500, MISTAKE),
        ("odd", 500, MISTAKE),
    ],
)
def test_a_hook_that_refuses(hooked: Site, name: str, status: int, words: str) -> None:
    """The form shows its words as text, the page of the session as well, and nothing of the session before; a mistake's stay in the log."""
    site, visitor = hooked, hooked.visitor()
    answer = visitor.start({**SMALL, "name": name})
    assert answer.status == status
    assert words in answer.alert
    assert "canary" not in answer.text
    assert answer.values()["walltime"] == "00:20:00"
    page = visitor.get(f"hub/spawn-pending/{visitor.name}")
    assert words in page.text
    assert "Stopped" not in page.text
    listed = visitor.api("GET", "resource-form/sessions?limit=0").json()["sessions"]
    assert len(listed) == 1
    assert words in listed[0]["sentence"]
    assert ("KeyError: 'canary'" in site.hub.log()) == (name in ("mistake", "odd"))


def test_what_was_typed_is_no_link(hooked: Site) -> None:
    """A form that comes back because of a refusal has what was typed, and no note on a link."""
    visitor = hooked.visitor()
    answer = visitor.start({**SMALL, "cores": "900", "name": "quota"})
    assert answer.status == 403
    assert answer.values()["cores"] == "900"
    assert "cannot be had." not in answer.text
    assert answer.soup.select(".resource-form-request .alert-info:not([hidden])") == []


def test_the_next_form_says_that_nothing_started(hooked: Site) -> None:
    """JupyterHub gives a server whose start failed another spawner; why it failed is known to that one, too, and after a restart."""
    visitor, words = hooked.visitor(), "Your last session could not start at"
    assert visitor.start({**SMALL, "name": "quota"}).status == 403
    form = visitor.form()
    assert words in form.text
    assert "Over quota." in form.text
    hooked.hub.restart()
    assert words in hooked.visitor().form().text


def test_home_while_a_slow_hook_works(hooked: Site) -> None:
    """The session stands there as one that starts, for the page and for its script."""
    visitor = hooked.visitor()
    assert visitor.start({**SMALL, "name": "slow and refused"}).status == 302
    page, answer = visitor.get("hub/home"), visitor.api("GET", "resource-form/sessions?limit=0").json()
    assert [session["state"] for session in answer["sessions"]] == ["starting"]
    assert answer["stale"] is False
    none = page.soup.select_one("#sessions-none")
    assert none is not None
    assert none.has_attr("hidden")
    wait_for(lambda: not hooked.server(visitor.name), "the hook to refuse", 10)


def test_a_hook_that_is_slow_and_refuses(hooked: Site) -> None:
    """The waiting page comes first; its stream ends with the words, which then stand on the page."""
    visitor = hooked.visitor()
    assert visitor.start({**SMALL, "name": "slow and refused"}).status == 302
    said = visitor.api("GET", f"users/{visitor.name}/server/progress").text
    assert "Your project ended yesterday." in said
    wait_for(lambda: "Your project ended yesterday." in visitor.get(f"hub/spawn-pending/{visitor.name}").text, "the words on the page", 10)


def test_messages_after_a_slow_hook(hooked: Site) -> None:
    """A page that was opened while the hook was at work is told of the start."""
    visitor = hooked.visitor()
    assert visitor.start({**SMALL, "name": "slow"}).status == 302
    said = visitor.api("GET", f"users/{visitor.name}/server/progress").text
    assert '"stage": "queue"' in said or '"stage": "server"' in said
    assert '"ready": true' in said
    assert "Aborting due to" not in hooked.hub.log()
