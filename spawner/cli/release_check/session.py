"""A session of a release on the Hub, for as long as the release is looked at: asked for, waited for, and given back whatever happens."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ..hub_client import Hub, HubTrouble, plain
from ..servers import Servers, path_of

LEAST_MEMORY_MB = 2048
"""JupyterLab and a kernel need that much, where the release says nothing of it."""

LETTING_GO_SECONDS = 180.0
LOOK_SECONDS = 1.0
"""So often it is asked whether the Hub has let go of a session that was stopped, or set one up; there is no stream of events of these."""

SETUP_APPEARS_SECONDS = 10.0
"""By then a session has said whether it runs what is run once for each user."""

LISTED = 20


class NotTried(Exception):
    """The release could not be tried, which says nothing of it; the message says why."""


class DidNotStart(Exception):
    """A job was submitted, and no server came up in it; the message says why."""


@dataclass(frozen=True)
class Tries:
    """As whom releases are started, where their servers are reached, and how long is waited for a job, in seconds.

    ``origin`` is the part of an address in front of ``/user/…``; empty where the Hub itself says it. ``options`` are what the admin wants
    in each request.
    """

    hub: Hub
    user: str
    origin: str
    options: Mapping[str, str]
    patience: float
    say: Callable[[str], None]

    @property
    def servers(self) -> Servers:
        """The servers of that user."""
        return Servers(self.hub, self.user)


@dataclass(frozen=True)
class Running:
    """A session whose server answers. ``server`` is its own API, ``seconds`` how long it took from asking to being ready.

    ``setup`` is what has become of what is run once for each user: ``done``, ``failed``, empty where nothing was run.
    """

    server: Hub
    node: str
    seconds: float
    setup: str = ""


def smallest(release: Any, options: Mapping[str, str]) -> dict[str, Any]:
    """Return the smallest request that the release lets through, with what the admin wants in its place."""
    least = release.minimum
    return {
        "cores": max(1, least.cores),
        "memory": f"{max(LEAST_MEMORY_MB, least.memory)}M",
        "gpus": str(release.least_gpus),
        "walltime": "20m",
        **options,
        "release": release.tag,
        "interface": release.interfaces[0],
    }


def accepted(tries: Tries, release: Any, options: Mapping[str, str]) -> dict[str, Any]:
    """Return a request that the Hub takes; what the site does not want as small as that is left to the Hub.

    Raises
    ------
    NotTried
        It takes none, or such a job would never run.
    """
    request = smallest(release, options)
    for _attempt in range(2):
        answer = tries.hub.read("POST", f"resource-form/check?user={quote(tries.user, safe='')}&script=0", request)
        errors: dict[str, str] = answer["errors"]
        ours = [name for name in errors if name in ("cores", "memory", "gpus", "walltime") and name not in options]
        if not ours:
            break
        request = {name: value for name, value in request.items() if name not in ours}
    if errors:
        raise NotTried(" ".join(errors.values()))
    if answer["verdict"] == "never":
        raise NotTried(answer["sentence"])
    return request


@contextlib.contextmanager
def session(tries: Tries, name: str, request: Mapping[str, Any], *, has_setup: bool = False) -> Iterator[Running]:
    """Have a session run under a name of its own until the block is left; then the Hub and Slurm have let go of it.

    With ``has_setup`` it is one only once what is run for a user's first session is through.

    Raises
    ------
    NotTried
        It was not begun: there is one of that name, the Hub says no, or the job waits for too long.
    DidNotStart
        The job ended before its server was up.
    """
    path = tries.servers.path(name)
    if name in tries.servers.models():
        raise NotTried(f"{tries.user} has a session {name}: another check goes on, or one was cut short. Stop it first.")
    begun, since = time.monotonic(), time.time()
    try:
        try:
            tries.hub.ask("POST", path, request)
            _wait_until_ready(tries, path, begun, request["release"])
        except (HubTrouble, DidNotStart) as trouble:
            raise _why(tries, name, since, trouble) from None
        model = tries.servers.models().get(name) or {}
        if not model.get("url"):
            raise _why(tries, name, since, DidNotStart("the server was gone as soon as it was up"))
        found = _session(tries, name) or {}
        seconds = time.monotonic() - begun
        setup = _setup(tries, name, begun) if has_setup else ""
        yield Running(_server(tries, model), str(found.get("node") or ""), seconds, setup)
    finally:
        _stop(tries, name, path)


def _wait_until_ready(tries: Tries, path: str, begun: float, tag: str) -> None:
    last = ""
    for line in tries.hub.lines(f"{path}/progress"):
        if time.monotonic() - begun > tries.patience:
            raise NotTried(f"no server after {tries.patience / 60:.0f} minutes of waiting. {last}".strip())
        if not line.startswith("data:"):
            continue
        event = json.loads(line.removeprefix("data:"))
        if event.get("ready"):
            return
        words = plain(str(event.get("message") or "")).strip()
        if event.get("failed"):
            raise DidNotStart(words or "the start failed")
        if words and words != last:
            tries.say(f"{tag}: {words}")
            last = words
    raise DidNotStart("the Hub stopped telling of the start")


def _why(tries: Tries, name: str, since: float, trouble: HubTrouble | DidNotStart) -> Exception:
    """What has become of a start that came to nothing: of a release only where a job was submitted for it."""
    if isinstance(trouble, HubTrouble) and (not trouble.status or trouble.status in (401, 403)):
        return trouble
    words = (trouble.said or str(trouble)) if isinstance(trouble, HubTrouble) else str(trouble)
    past = _session(tries, name, since)
    if past is not None and past.get("job_id"):
        return DidNotStart(str(past.get("sentence") or words))
    return NotTried(words)


def _session(tries: Tries, name: str, since: float = 0.0) -> dict[str, Any] | None:
    """What the Hub tells of the newest session of that name that was submitted since; None where there is none."""
    answer = tries.hub.read("GET", f"resource-form/sessions?all=1&limit={LISTED}")
    own = [entry for entry in answer["sessions"] if (entry["user"], entry["name"]) == (tries.user, name)]
    # To the second, as it is told.
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(since - 1))
    new = [entry for entry in own if (entry.get("submitted") or "") >= moment]
    found: dict[str, Any] | None = max(new, key=lambda entry: str(entry.get("submitted")), default=None)
    return found


def _server(tries: Tries, model: Mapping[str, Any]) -> Hub:
    """The server's own address. The token goes there, where the Hub itself says that it is, or the admin does."""
    url = tries.origin + path_of(model) if tries.origin else tries.servers.address(model)
    return Hub(url.rstrip("/"), tries.hub.token)


def _stop(tries: Tries, name: str, path: str) -> None:
    """Stop it, and wait until it is gone: a stop is over once Slurm has let go of the job. A Hub that is away meanwhile is asked again."""
    deadline = time.monotonic() + LETTING_GO_SECONDS
    is_ordered = False
    while time.monotonic() < deadline:
        try:
            if not is_ordered:
                tries.hub.ask("DELETE", path, {"remove": True})
                is_ordered = True
            if name not in tries.servers.models():
                return
        except HubTrouble as trouble:
            is_ordered = is_ordered or trouble.status == 404  # there never was one
        time.sleep(LOOK_SECONDS)
    sys.stderr.write(f"resource-form releases check: the session {name} of {tries.user} was not stopped. Stop it.\n")


def _setup(tries: Tries, name: str, begun: float) -> str:
    """What has become of what is run once for each user of the release (``done``, ``failed``); empty where it was run before.

    Raises
    ------
    NotTried
        It goes on for too long.
    """
    appears = time.monotonic() + SETUP_APPEARS_SECONDS
    while True:
        state = str(((_session(tries, name) or {}).get("setup") or {}).get("state") or "")
        if state != "running" and (state or time.monotonic() > appears):
            return state
        if time.monotonic() - begun > tries.patience:
            raise NotTried(f"its set-up goes on after {tries.patience / 60:.0f} minutes")
        time.sleep(LOOK_SECONDS)
