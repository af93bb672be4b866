"""How long does the Hub take for each page, with 10,000 nodes and a record of sessions?

``python benchmarks/first_paint.py``: a real JupyterHub with its database; Slurm's commands are those of :mod:`large_cluster`. The user has
100 sessions that are over, others have some thousand. Pages are asked for over HTTP at the Hub's own address: log-in, scopes, database and
template are all in the time. Exits with 1 if a limit is exceeded.
"""

from __future__ import annotations

import argparse
import json
import os
import pwd
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

import requests
import sqlalchemy as sa
from bs4 import BeautifulSoup
from jupyterhub import orm
from large_cluster import LargeCluster
from private_slurm import packages
from private_slurm.demo_setup import plugin_config
from private_slurm.hub import PrivateHub, service_config, shared_password_config

from spawner.hub.sessions import history
from spawner.hub.sessions.tables import SESSIONS, TABLES

LIMIT_MS = 100.0
OWN, OTHERS, OF_EACH = 100, 80, 50
"""Past sessions of the user, and of how many others how many."""

PASSWORD, TOKEN = "for-the-benchmark-only", "0123456789abcdef" * 2
SETTINGS = """
c.ResourceFormSpawner.presets = [
    {"name": "school", "label": "The school", "values": {"gpus": 1, "cores": 4, "memory": "16G", "walltime": "2h"}},
]
c.JupyterHub.allow_named_servers = True
for name in ("nodes", "layout", "accounting", "jobs", "starting", "holdings"):
    c.SlurmCluster[f"{name}_interval"] = 1e6
c.ResourceFormBounds.pages = 100000
"""
PAGES = {
    "form": "hub/spawn/{user}",
    "home": "hub/home",
    "finished sessions": "hub/resource-form/sessions?list=finished",
    "everybody's": "hub/resource-form/sessions?all=1&list=finished",
    "class": "hub/resource-form/class?preset=school",
}
LIMITED = ("form", "home")


def past_sessions(user: str, number: int, now: float) -> list[history.PastSession]:
    """So many sessions of a user that ran for some hours each, one after the other."""
    request = {"partition": "cshort", "cores": 4, "memory": "8G", "gpus": "0", "walltime": "4:00:00", "account": "acc001"}
    found = []
    for each in range(number):
        ended = now - 7200.0 * (each + 1)
        began = {"submitted": ended - 3700, "started": ended - 3600}
        state = {"kind": "finished", "category": "stopped", "state": "CANCELLED", "sentence": "You stopped it."}
        name = f"session {each % 7}"
        found.append(
            history.PastSession(f"{user}-{each}", user, name, ended, **began, **state, job_id=each + 1, node="c0001", request=request)
        )
    return found


def write_record(database: Path, sessions: list[history.PastSession]) -> None:
    """Put them into the Hub's database, which has not been asked for any yet."""
    # What ended before there was the user was another's, of the same name.
    long_ago = sa.update(orm.User.__table__).values(created=datetime(2026, 1, 1, tzinfo=timezone.utc))
    engine = sa.create_engine(f"sqlite:///{database}")
    TABLES.create_all(engine)
    with engine.begin() as connection:
        connection.execute(sa.insert(SESSIONS), [history._row(past) for past in sessions])  # noqa: SLF001 - as the Hub writes them
        connection.execute(long_ago)
    engine.dispose()


def logged_in(url: str, user: str) -> requests.Session:
    """A browser's cookies."""
    session = requests.Session()
    session.trust_env = False
    page = BeautifulSoup(session.get(f"{url}hub/login", timeout=60).text, "html.parser")
    field = page.select_one("input[name=_xsrf]")
    assert field is not None
    data = {"username": user, "password": PASSWORD, "_xsrf": field["value"]}
    assert session.post(f"{url}hub/login", data=data, timeout=60, allow_redirects=False).status_code == 302
    return session


def times_of(ask: Callable[[], requests.Response], shows: str) -> Callable[[], float]:
    """What asks for a page once: the milliseconds until it is there as a whole."""

    def once() -> float:
        begun = time.perf_counter()
        answer = ask()
        took = 1000 * (time.perf_counter() - begun)
        assert answer.status_code == 200, (answer.status_code, answer.url)
        assert shows in answer.text, (shows, answer.url)
        return took

    return once


def measure(folder: Path, rounds: int) -> bool:
    """Ask for each page in turn; whether the limits are kept."""
    default = Path(tempfile.gettempdir()) / f"jupyterhub-resource-form-tests-{os.geteuid()}"
    proxy = packages.ensure_node_package(packages.PROXY_PACKAGE, Path(os.environ.get("RESOURCE_FORM_TEST_DIR", default)) / "node")
    own = pwd.getpwuid(os.getuid())
    user = own.pw_name
    commands = folder / "slurm"
    commands.mkdir()
    LargeCluster(user, own.pw_uid).write(commands)
    catalogue = folder / "releases.yaml"
    catalogue.write_text(json.dumps({"releases": [{"tag": "bench", "date": "2026-01-01", "path": "/nowhere"}]}))
    others = [f"user{number:03}" for number in range(OTHERS)]
    config = plugin_config(Path("/dev/null"), catalogue, str(commands)) + shared_password_config([user], PASSWORD) + SETTINGS
    config += service_config("bench", TOKEN, ["admin:users"])
    reads_all = {"name": "reads-all", "users": [user], "scopes": ["list:users", "read:servers"]}
    config += f"c.JupyterHub.load_roles.append({reads_all!r})\n"
    hub = PrivateHub(folder / "hub", bin_dir=Path(sys.prefix) / "bin", proxy=proxy, config=config)
    with hub:
        straight = f"http://127.0.0.1:{hub._hub_port}/"  # noqa: SLF001 - where the Hub itself listens is nobody else's business
        status, answer = hub.api("POST", "/users", TOKEN, {"usernames": others})
        assert status == 201, answer
        record = [past for name in others for past in past_sessions(name, OF_EACH, time.time())] + past_sessions(user, OWN, time.time())
        write_record(hub.folder / "jupyterhub.sqlite", record)
        session = logged_in(straight, user)
        shows = {"form": 'id="resource-form"', "class": "class-room", "finished sessions": f">{OWN}</span>"}
        questions = {
            name: times_of(
                lambda path=path: session.get(straight + path.format(user=user), timeout=120),  # type: ignore[misc]
                shows.get(name, 'id="resource-form-sessions"'),
            )
            for name, path in PAGES.items()
        }
        first = {name: question() for name, question in questions.items()}
        took: dict[str, list[float]] = {name: [] for name in questions}
        for _round in range(rounds):
            for name, question in questions.items():
                took[name].append(question())
    hub.close()
    print(f"{len(record)} sessions in the record, {OWN} of them the user's; milliseconds\n")
    print(f"{'':20} {'median':>7} {'limit':>6} {'95 %':>7} {'longest':>8} {'first of all':>13}")
    kept = True
    for name, found in took.items():
        median, limit = statistics.median(found), LIMIT_MS if name in LIMITED else None
        over = limit is not None and median > limit
        kept = kept and not over
        most = sorted(found)[int(0.95 * len(found))]
        print(f"{name:20} {median:7.1f} {limit or '':>6} {most:7.1f} {max(found):8.1f} {first[name]:13.1f}{'  TOO SLOW' if over else ''}")
    return kept


def main() -> int:
    """Measure, print, and say with the exit status whether the limits are kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        kept = measure(Path(folder), arguments.rounds)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
