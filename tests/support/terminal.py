"""``resource-form`` in a process of its own against the tests' Hub, as a user runs it in a terminal."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from tests.support.site_under_test import Site

PROGRAM = "import sys; from spawner.cli.main import main; sys.exit(main())"
NOWHERE = "http://127.0.0.1:9/hub/api"
"""Where no Hub is."""


@dataclass
class Terminal:
    """A user's: a folder for settings, in which the token lies."""

    site: Site
    folder: Path
    token: Path
    variables: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, site: Site, folder: Path, user: str = "", **limits: object) -> Terminal:
        """One with a new token of the user's, the first one's where none is named."""
        name = user or site.users[0]
        answer = site.visitor(name).api("POST", f"users/{quote(name, safe='@~')}/tokens", json={"note": "for the terminal", **limits})
        assert answer.status_code == 201, answer.text
        token = folder / f"token-{len(list(folder.glob('token-*')))}"
        token.write_text(answer.json()["token"])
        return cls(site, folder, token)

    def argv(self, *words: str, url: str = "") -> list[str]:
        """The command line: the command's own words, and the Hub."""
        return [*self.bare(*words), "--hub-api-url", url or f"{self.site.hub.url}hub/api", "--token-file", str(self.token)]

    def bare(self, *words: str) -> list[str]:
        """The command line without the Hub."""
        return [sys.executable, "-c", PROGRAM, *words]

    def environment(self, **variables: str) -> dict[str, str]:
        """A clean one, with the settings in a folder of the test's."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTERHUB", "RESOURCE_FORM", "LANG"))}
        return {**kept, "LC_ALL": "C.UTF-8", "XDG_CONFIG_HOME": str(self.folder), **self.variables, **variables}

    def run(self, *words: str, given: str = "", url: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        """What it prints, and its exit code. Nothing of that is ever a traceback, or an order to a terminal."""
        done = subprocess.run(
            self.argv(*words, url=url), env=self.environment(**variables), input=given, capture_output=True, text=True, timeout=120
        )
        printed = done.stdout + done.stderr
        assert "Traceback" not in printed, printed
        assert re.sub(r"\n", "", printed).isprintable(), repr(printed)
        return done

    def start(self, *words: str, **variables: str) -> subprocess.Popen[str]:
        """The command as it runs; nobody types anything."""
        return subprocess.Popen(
            self.argv(*words),
            env=self.environment(**variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def asked_of_the_hub(site: Site) -> int:
    """How many requests the Hub's log has that the commands make."""
    return len(re.findall(r"GET /hub/api/users?[/ ]|/hub/api/resource-form/|(?:POST|DELETE) /hub/api/users/[^/ ]+/server", site.hub.log()))
