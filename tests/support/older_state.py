"""The database that an older version left (``tests/fixtures/hub_state``), and what it takes to start a Hub on it."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from tests.support.site_under_test import Site

ENDED, RUNNING, WAITING = "ended", "analysis", "waiting"
"""Servers beside the default one."""

HUB = """
c.SlurmCluster.hub_name = "older"
c.SlurmCluster.jobs_interval = 5
c.SlurmCluster.starting_interval = 5
c.Spawner.poll_interval = 3
"""

OLDER_USER = "demo-ada"

FIXTURES = ("hub.sql", "hub-3cc80b3.sql")
"""The databases that are kept, the oldest first."""


def fixture(name: str) -> Path:
    """Where an older database is kept, as SQL."""
    return Path(__file__).resolve().parents[1] / "fixtures" / "hub_state" / name


def take_the_rest(site: Site) -> list[int]:
    """A GPU of each node that has two free ones, so that a session that asks for two has to wait."""
    jobs = []
    for node in ("g002", "g003"):
        options = (f"--nodelist={node}", "--gres=gpu:1", "--mem=1G", "--time=40", "--account=cin_train", "--partition=g100_int")
        jobs.append(site.cluster.submit(*options, user=site.users[0]))
    for job in jobs:
        site.cluster.wait_for_job_state(job, "RUNNING")
    return jobs


@dataclass
class OlderDatabase:
    """The older database in memory, of a user of this name."""

    database: sqlite3.Connection

    @classmethod
    def of(cls, name: str, user: str) -> OlderDatabase:
        """As it was captured, but for the user."""
        database = sqlite3.connect(":memory:")
        database.executescript(fixture(name).read_text().replace(OLDER_USER, user))
        return cls(database)

    def options(self, server: str) -> dict[str, Any]:
        """What was asked for on this server last, as it can be asked for again."""
        ((options,),) = self.database.execute("SELECT user_options FROM spawners WHERE name = ?", (server,))
        return {name: value for name, value in json.loads(options).items() if name != "profile"}

    def state(self, server: str) -> dict[str, Any]:
        """What was kept of this server."""
        ((state,),) = self.database.execute("SELECT state FROM spawners WHERE name = ?", (server,))
        found: dict[str, Any] = json.loads(state)
        return found

    def past(self) -> list[dict[str, Any]]:
        """The sessions that were over."""
        return [json.loads(record) for (record,) in self.database.execute("SELECT record FROM resource_form_sessions")]

    def speaks_of(self, server: str, job: dict[str, str], present: Path) -> None:
        """Put the job that is active for this server now in the place of the one that was then.

        Of what the present version has stored nothing is used: ``job`` is as ``scontrol`` has it, and from the ``present`` database come
        only columns of JupyterHub's own, the address and the hashes of the token and the secret that the job was given.
        """
        state = self.state(server)
        record = state["session"]
        submitted = int(datetime.fromisoformat(job["SubmitTime"]).timestamp())
        later = submitted - (record["queued_at"] or int(record["submitted"]))
        values: dict[str, Any] = {
            "nonce": unquote(job["Comment"].split(":")[4]),
            "job_id": int(job["JobId"]),
            "submitted": record["submitted"] + later,
            "queued_at": submitted if record["queued_at"] else 0,
        }
        with contextlib.closing(sqlite3.connect(present)) as database:
            query = """SELECT servers.ip, servers.port, api_tokens.hashed, api_tokens.prefix, oauth_clients.secret FROM spawners
                JOIN servers ON servers.id = spawners.server_id
                JOIN oauth_clients ON oauth_clients.identifier = spawners.oauth_client_id
                JOIN api_tokens ON api_tokens.note = oauth_clients.description WHERE spawners.name = ?"""
            ((ip, port, hashed, prefix, secret),) = database.execute(query, (server,))
        if record["port"]:
            values |= {"node": job["BatchHost"], "address": ip, "port": port}
        assert values.keys() <= record.keys()
        record |= values
        client = "SELECT oauth_client_id FROM spawners WHERE name = :server"
        new = {"server": server, "state": json.dumps(state), "ip": ip, "port": port, "hashed": hashed, "prefix": prefix, "secret": secret}
        for statement in (
            "UPDATE spawners SET state = :state WHERE name = :server",
            "UPDATE servers SET ip = :ip, port = :port WHERE id = (SELECT server_id FROM spawners WHERE name = :server)",
            f"UPDATE oauth_clients SET secret = :secret WHERE identifier = ({client})",
            f"""UPDATE api_tokens SET hashed = :hashed, prefix = :prefix
                WHERE note = (SELECT description FROM oauth_clients WHERE identifier = ({client}))""",
        ):
            assert self.database.execute(statement, new).rowcount == 1, statement
        self.database.commit()

    def replace(self, path: Path) -> None:
        """Become the database of a Hub that does not run."""
        for left in path.parent.glob(f"{path.name}*"):
            left.unlink()
        with contextlib.closing(sqlite3.connect(path)) as target:
            self.database.backup(target)
