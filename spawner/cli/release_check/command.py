"""The command itself: which releases, as whom, and what its exit status says."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence

from ...errors import CatalogueError
from ...gpu.agent.hub_access import WrongAddress, split_address
from ...site.catalogue import read_catalogue
from ...site.release import Release
from ...site.software import architecture_of
from ..hub_client import Hub, HubTrouble, WrongCall, plain
from ..which_hub import hub_of
from .checker import check, offered_by, report
from .findings import ReleaseFindings, exit_status
from .session import Tries

OPTIONS = ("account", "reservation", "cores", "memory", "walltime")
"""What of a request the admin may want for all."""

WRONG_CALL = 2
NO_HUB = 5
INTERRUPTED = 130


def run(arguments: argparse.Namespace) -> int:
    """Check the releases, and return the exit status of the process."""
    # SIGINT as well: who has started it in the background has it ignored.
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return _run(arguments)
    except (WrongCall, CatalogueError) as error:
        words = error.log if isinstance(error, CatalogueError) else str(error)
        sys.stderr.write(f"resource-form releases check: {plain(words)}\n")
        return WRONG_CALL
    except HubTrouble as error:
        sys.stderr.write(f"resource-form releases check: {error}\n")
        return NO_HUB if error.may_pass else 1
    except KeyboardInterrupt:
        sys.stderr.write("resource-form releases check: ended before it was through.\n")
        return INTERRUPTED


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _run(arguments: argparse.Namespace) -> int:
    releases = _chosen(read_catalogue(arguments.file).releases, arguments.release)
    partitions = _partitions(arguments.partition)
    hub = hub_of(arguments)
    say = _nothing if arguments.json else _line
    options = {name: value for name in OPTIONS if (value := getattr(arguments, name))}
    tries = Tries(hub, arguments.user or _user(hub), _origin(arguments.url), options, arguments.wait * 60, say)
    offered = offered_by(tries)
    found = []
    for release in releases:
        one = check(tries, release, offered, partitions, arguments.cell_seconds)
        found.append(one)
        if arguments.report:
            _report(tries, one)
    if arguments.json:
        _line(json.dumps({"releases": [one.as_json() for one in found]}, indent=2))
    return exit_status(found)


def _report(tries: Tries, found: ReleaseFindings) -> None:
    try:
        report(tries, found)
    except HubTrouble as trouble:
        if trouble.may_pass:
            raise
        found.not_tried = f"the Hub does not keep the result. {trouble}"
        sys.stderr.write(f"resource-form releases check: {plain(found.tag)}: {found.not_tried}\n")


def _chosen(releases: Sequence[Release], tags: Sequence[str]) -> list[Release]:
    """Those that are named, else all that sessions may have."""
    unknown = next((tag for tag in tags if tag not in [release.tag for release in releases]), None)
    if unknown is not None:
        raise WrongCall(f"There is no release {unknown} in the file. There are: {', '.join(release.tag for release in releases)}.")
    found = [release for release in releases if release.tag in tags] if tags else [release for release in releases if not release.disabled]
    if not found:
        raise WrongCall("All releases of the file are disabled. Name one with --release.")
    return found


def _partitions(given: Sequence[str]) -> dict[str, str]:
    """``NAME`` for all, ``ARCHITECTURE=NAME`` for one."""
    pairs = [entry.rpartition("=") for entry in given]
    return {architecture_of(architecture): name for architecture, _equals, name in pairs}


def _user(hub: Hub) -> str:
    model = hub.read("GET", "user")
    if model.get("kind") != "user":
        raise WrongCall("The token is a service's: say with --user whose sessions the checks are to be.")
    return str(model["name"])


def _origin(url: str) -> str:
    if not url:
        return ""
    try:
        address = split_address(url)
    except WrongAddress as error:
        raise WrongCall(f"--url: {error}") from None
    return f"{address.scheme}://{address.netloc}"


def _line(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _nothing(text: str) -> None:  # noqa: ARG001 - as _line
    return
