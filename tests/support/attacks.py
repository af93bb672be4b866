"""What an attacker brings (strings, a program inside a job, a web site of their own), and the witnesses of what came of it.

The witnesses do not ask the product: Slurm's own counter of jobs, the interpreter's record of each process that the Hub starts, and
a folder that stays empty unless something that was typed is run.
"""

from __future__ import annotations

import http.server
import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup
from hypothesis import strategies as st
from private_slurm.cluster import PrivateCluster

from tests.support.site_under_test import Site, Visitor

WEAK_TOKEN = "w" * 32
"""Of a service that has no role."""

BOSS_SCOPES = ["admin-ui", "admin:users", "admin:servers", "list:users", "access:servers"]

_WITNESS = """
def _witness():
    import json, os, sys

    seen = os.open({path!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    events = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "pty.spawn")

    def hook(event, arguments):
        if event in events:
            words = arguments[1] if event != "os.system" else arguments[0]
            words = [words] if isinstance(words, (str, bytes)) else list(words)
            os.write(seen, (json.dumps([event, *map(os.fsdecode, words)]) + "\\n").encode())

    sys.addaudithook(hook)


_witness()
"""


def watched(folder: Path, *, boss: str = "", quick: bool = True) -> str:
    """Configuration text for a Hub in ``folder``: every process that it starts is recorded, its log tells all, a service has no role.

    ``boss`` is a user with an admin's scopes; ``quick`` makes the Hub look at jobs every second or two.
    """
    more = [
        _WITNESS.format(path=str(witness_path(folder))),
        # Other Hubs on the cluster must not take its jobs for theirs.
        f"c.SlurmCluster.hub_name = {folder.name!r}\n",
        "c.JupyterHub.log_level = 10\n",
        "c.ConfigurableHTTPProxy.debug = True\n",
        "c.JupyterHub.tornado_settings = {'slow_spawn_timeout': 2}\n",
        f"c.JupyterHub.services.append({{'name': 'weak', 'api_token': {WEAK_TOKEN!r}}})\n",
    ]
    if boss:
        more.append(f"c.JupyterHub.load_roles.append({{'name': 'boss', 'users': [{boss!r}], 'scopes': {BOSS_SCOPES!r}}})\n")
    if quick:
        more.append("c.SlurmCluster.jobs_interval = 1\nc.SlurmCluster.starting_interval = 1\nc.ResourceFormSpawner.poll_interval = 1\n")
    return "".join(more)


def witness_path(folder: Path) -> Path:
    """Beside the Hub's folder, which is made anew when the Hub is."""
    return Path(f"{folder}.processes")


@dataclass(frozen=True)
class Witness:
    """The processes that a Hub has started, as its interpreter recorded them."""

    path: Path

    @classmethod
    def of(cls, site: Site) -> Witness:
        """Of a site whose Hub is :func:`watched`."""
        return cls(witness_path(site.hub.folder))

    def commands(self, since: int = 0) -> list[list[str]]:
        """Event and argv of each, the Hub's proxy left out."""
        lines = self.path.read_text().splitlines()[since:]
        return [words for words in map(json.loads, lines) if "configurable-http-proxy" not in words[1]]

    def mark(self) -> int:
        """For ``since``: now."""
        return len(self.path.read_text().splitlines())

    def named(self, name: str, since: int = 0) -> list[list[str]]:
        """argv of the commands of this name."""
        return [words[1:] for words in self.commands(since) if Path(words[1]).name == name]


def reads(words: list[str]) -> bool:
    """Whether a process is one of Slurm's commands that only look, started without a shell."""
    event, command, *arguments = words
    name = Path(command).name
    if event != "subprocess.Popen":
        return False
    return name == "squeue" or (name in ("scontrol", "sacctmgr") and ("show" in arguments or arguments == ["--version"]))


def only_reads(commands: list[list[str]]) -> list[list[str]]:
    """Those of ``commands`` that do not only look at Slurm."""
    return [words for words in commands if not reads(words)]


def next_job_id(cluster: PrivateCluster) -> int:
    """The id that Slurm gives to the next job: it tells of every job that ever was, ended and forgotten ones too."""
    lines = cluster.run("scontrol", "show", "config").stdout.splitlines()
    return next(int(line.split("=")[1]) for line in lines if line.startswith("NEXT_JOB_ID"))


@contextmanager
def nothing_submitted(site: Site) -> Iterator[None]:
    """Meanwhile Slurm gets no job, and the Hub starts no command but those that look at Slurm."""
    before, mark = next_job_id(site.cluster), Witness.of(site).mark()
    yield
    assert next_job_id(site.cluster) == before, "Slurm has got a job"
    started = only_reads(Witness.of(site).commands(mark))
    assert started == [], started


# --- strings ---------------------------------------------------------------------------------------------------------------------

SPECIAL = "\n\r\t\0\v\f\x1b\x7f'\"`$;|&<>()[]{}!~^*?\\/=#%,\u00a0\u200b\u202e\u2028\u0430\u0456\uff14\u0664\u2460\u00d7\u00e9\U0001f600"
"""Characters that no good value of any field has in its middle: for a shell, sbatch, a browser, or the eye."""


def payloads(canary: Path) -> list[str]:
    """Strings that run ``touch`` in ``canary`` where somebody takes them for more than text."""
    touch = f"touch {canary}/x"
    return [
        f"g100_int\n#SBATCH --wrap='{touch}'",
        f"g100_int\n{touch}\n",
        f"4\r\n{touch}",
        f"a\0--wrap={touch}",
        f"$({touch})",
        f"`{touch}`",
        f"a';{touch};'",
        f'a";{touch};"',
        f"a;{touch}",
        f"a|{touch}",
        f"a&&{touch}",
        f"a b --wrap='{touch}'",
        f"a,b --wrap={touch}",
        f"{{cmd}};{touch}",
        f"{{{{ cycler.__init__.__globals__.os.popen('{touch}').read() }}}}",
        f"%(cmd)s;{touch}",
        f"${{IFS}}{touch}",
        "--uid=0",
        "-p evil",
        "-",
        "--",
        "--help",
        "../../etc/passwd",
        "~root/.ssh",
        "$HOME",
        "%j",
        "g100_int,g100_cpu",
        "g100\u200b_int",
        "g100_\u0456nt",
        "\uff14/\uff12",
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "'+alert(1)+'/",
        "x" * 10_000,
        "$(" * 5_000,
        "\u202e" * 3_000,
        "9" * 10_000,
    ]


_PLAIN = st.text("abcdefgxyzABCXYZ0123456789_.", min_size=1, max_size=8)


def hostile_text(canary: Path) -> st.SearchStrategy[str]:
    """Text that is a good value of no field, whatever is stripped at its ends."""
    middle = st.builds(lambda before, special, after: before + special + after, _PLAIN, st.sampled_from(SPECIAL), _PLAIN)
    option = st.builds(lambda name, value: f"--{name}={value}", _PLAIN, _PLAIN)
    long = st.builds(lambda part, times: part * times, middle, st.integers(50, 500)).map(lambda text: text[:10_000])
    mixed = st.text(st.sampled_from(SPECIAL), min_size=1, max_size=40).map(lambda text: f"a{text}z")
    return st.one_of(st.sampled_from(payloads(canary)), middle, option, mixed, long)


# --- pages -----------------------------------------------------------------------------------------------------------------------


def shape(soup: BeautifulSoup) -> Counter[tuple[str, ...]]:
    """Which elements with which attributes a page has, and how many: text that becomes markup changes it.

    Left out is what the form itself says: the marks of a chosen and of a wrong value, the Hub's own parts, and the places that say
    something else of other values (the verdict, notes); in these there may be nothing but the elements that our templates have for them.
    """
    form = soup.select_one("#resource-form")
    assert form is not None, soup.get_text(" ")
    said = [element for place in form.select(SAID_OF_THE_VALUES) for element in (place, *place.select("*"))]
    strange = [element for element in said if element.name not in MARKUP or set(element.attrs) - ATTRIBUTES]
    assert strange == []
    assert all(link["href"].startswith("#resource-form-") for link in said if link.name == "a")
    left_out = {id(element) for element in said}
    elements = [(element.name, *sorted(set(element.attrs) - MARKS)) for element in form.select("*") if id(element) not in left_out]
    return Counter(elements) + Counter(("script",) for _ in soup.select("script"))


MARKS = frozenset(["selected", "checked", "aria-invalid", "hidden", "open"])
SAID_OF_THE_VALUES = "#resource-form-panel, #resource-form-holding, .alert-info"
MARKUP = frozenset(["a", "button", "dd", "details", "div", "dl", "dt", "h2", "li", "p", "progress", "section", "span", "time", "ul"])
ATTRIBUTES = frozenset(
    (
        "aria-describedby",
        "aria-hidden",
        "aria-label",
        "aria-labelledby",
        "class",
        "data-change",
        "data-resource",
        "data-verdict",
        "datetime",
        "hidden",
        "href",
        "id",
        "max",
        "role",
        "type",
        "value",
    )
)


class ForeignSite:
    """A web site that is not the Hub's: another host name, which browsers take for another site. ``pages`` maps paths to HTML."""

    def __init__(self, pages: Mapping[str, str]) -> None:
        self.visits: list[str] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.visits.append(self.path)
                body = pages.get(self.path.split("?")[0], "").encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        """With a name, not the Hub's number: browsers take them for two sites."""
        return f"http://localhost:{self._server.server_address[1]}/"

    def __enter__(self) -> ForeignSite:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


# --- a program inside a job ------------------------------------------------------------------------------------------------------

CALLBACK_PROGRAM = '''\
"""Runs in a job in the server's place: sends what the file ATTACK_BODIES lists to the Hub, with the job's own token.

Writes status and answer of each into ATTACK_RESULTS, then becomes the command of its arguments.
"""
import json, os, sys, urllib.error, urllib.request

opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
results = []
for method, path, body in json.load(open(os.environ["ATTACK_BODIES"])):
    headers = {"Authorization": "token " + os.environ["JUPYTERHUB_API_TOKEN"], "Content-Type": "application/json"}
    url = os.environ["JUPYTERHUB_API_URL"].rstrip("/") + path
    request = urllib.request.Request(url, None if body is None else body.encode(), headers, method=method)
    try:
        with opener.open(request, timeout=30) as answer:
            results.append([answer.status, answer.read().decode()])
    except urllib.error.HTTPError as error:
        results.append([error.code, error.read().decode()])
with open(os.environ["ATTACK_RESULTS"] + ".new", "w") as file:
    json.dump(results, file)
os.rename(os.environ["ATTACK_RESULTS"] + ".new", os.environ["ATTACK_RESULTS"])
os.execv(sys.argv[1], sys.argv[1:])
'''


def server_token(pid_environment: bytes) -> str:
    """The session's token in the environment of one of its processes."""
    entries = dict(entry.split(b"=", 1) for entry in pid_environment.split(b"\0") if b"=" in entry)
    return entries[b"JUPYTERHUB_API_TOKEN"].decode()


def own_token(visitor: Visitor, *scopes: str) -> str:
    """A token that the user made on the token page: of no session, with all that they may do, or with no more than ``scopes``."""
    asked = {"note": "of the user's own", **({"scopes": list(scopes)} if scopes else {})}
    answer = visitor.api("POST", f"users/{visitor.name}/tokens", json=asked)
    assert answer.status_code == 201, answer.text
    token: str = answer.json()["token"]
    return token


def lines_with(text: str, *words: str) -> list[str]:
    """The lines of a log that hold all of ``words``, those of level DEBUG and INFO left out."""
    return [line for line in text.splitlines() if not line.startswith(("[D ", "[I ")) and all(word in line for word in words)]


def json_text(value: Any) -> str:
    """JSON without blanks, as a program sends it."""
    return json.dumps(value, separators=(",", ":"))
