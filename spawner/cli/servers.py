"""The servers of the token's user on a Hub: started, followed, stopped. Standard library only."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from ..i18n import _
from .hub_client import UNKNOWN_TOKEN, Hub, HubTrouble, plain, unknown_token

LOOK_SECONDS = 0.5
"""So often it is asked whether the Hub has let go of a session; there is no stream of events of that."""

LETTING_GO_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Servers:
    """The servers of one user, by their names; the default one has none."""

    hub: Hub
    user: str

    @classmethod
    def of(cls, hub: Hub) -> Servers:
        """Return those of the token's user.

        Raises
        ------
        HubTrouble
            The Hub does not answer, or the token is a service's.
        """
        try:
            caller = hub.read("GET", "user")
        except HubTrouble as error:
            if error.status == UNKNOWN_TOKEN[0]:  # that takes no scope: who is refused here is nobody
                raise unknown_token() from None
            raise
        if caller.get("kind") != "user" or not caller.get("name"):
            raise HubTrouble(_("This token is a service's: sessions are started with a user's."), status=403)
        return cls(hub, str(caller["name"]))

    def path(self, name: str) -> str:
        """Return the address of a server in the Hub's API."""
        user = quote(self.user, safe="")
        return f"users/{user}/servers/{quote(name, safe='')}" if name else f"users/{user}/server"

    def models(self, *, stopped: bool = False) -> dict[str, Any]:
        """Return what the Hub knows of the servers that are there, by name; with ``stopped`` of the others as well."""
        query = "?include_stopped_servers=1" if stopped else ""
        found: dict[str, Any] = self.hub.read("GET", f"users/{quote(self.user, safe='')}{query}").get("servers") or {}
        return found

    def model(self, name: str) -> dict[str, Any]:
        """Return what the Hub knows of a server; empty where there is none."""
        found: dict[str, Any] = self.models(stopped=True).get(name) or {}
        return found

    def start(self, name: str, request: Mapping[str, Any]) -> None:
        """Ask for a session.

        Raises
        ------
        HubTrouble
            400: the request is refused; the Hub says why.
        """
        self.hub.ask("POST", self.path(name), dict(request))

    def events(self, name: str) -> Generator[dict[str, Any], None, None]:
        """Give the messages of a start as they come, from its first; an empty one at least every few seconds."""
        user = quote(self.user, safe="")
        path = f"users/{user}/servers/{quote(name, safe='')}/progress" if name else f"users/{user}/server/progress"
        for line in self.hub.lines(path):
            yield json.loads(line.removeprefix("data:")) if line.startswith("data:") else {}

    def session(self, name: str) -> dict[str, Any]:
        """Return how the newest session of a server stands, or stood; empty where nothing is known of one."""
        sessions = self.hub.read("GET", "resource-form/sessions").get("sessions") or []
        own = [entry for entry in sessions if entry.get("name") == name]
        found: dict[str, Any] = max(own, key=lambda entry: (entry.get("kind") == "running", entry.get("submitted") or ""), default={})
        return found

    def stop(self, name: str) -> None:
        """Stop a session, and return once Slurm has let go of it.

        Raises
        ------
        HubTrouble
            The Hub does not answer, or has not let go of it within five minutes.
        """
        self.ask_to_stop(name)
        self.wait_until_gone(name)

    def ask_to_stop(self, name: str) -> None:
        """Ask for the end of a session.

        Raises
        ------
        HubTrouble
            The Hub does not answer.
        """
        self.hub.ask("DELETE", self.path(name))

    def wait_until_gone(self, name: str) -> None:
        """Return once the Hub, and so Slurm, has let go of a session that is being stopped.

        Raises
        ------
        HubTrouble
            The Hub does not answer, or has not let go of it within five minutes.
        """
        deadline = time.monotonic() + LETTING_GO_SECONDS
        while (model := self.model(name)).get("pending") or model.get("ready"):
            if time.monotonic() > deadline:
                raise HubTrouble(_("The session is still being stopped after five minutes. The Hub goes on with it."))
            time.sleep(LOOK_SECONDS)

    def address(self, model: Mapping[str, Any]) -> str:
        """Return the address of a server for a browser."""
        hub = urlsplit(self.hub.api_url)
        return plain(str(model.get("full_url") or f"{hub.scheme}://{hub.netloc}{path_of(model)}"))


def path_of(model: Mapping[str, Any]) -> str:
    """Return the path of a server's address."""
    return quote(str(model.get("url") or "/"), safe="/%@")
