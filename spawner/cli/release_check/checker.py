"""The check of one release: a session of it on each of its architectures, looked at and given back, and the result told to the Hub."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from ...request.server_names import server_name
from ...site.release import Release
from ...site.release_check import MAX_PROBLEM_LENGTH, MAX_PROBLEMS
from ..hub_client import HubTrouble, WrongCall, plain
from .findings import Finding, ReleaseFindings
from .inspection import Inspection
from .session import DidNotStart, NotTried, Tries, accepted, session

Say = Callable[[str], None]


def offered_by(tries: Tries) -> dict[str, str]:
    """Return the digest of each release that the Hub offers to the user, by tag.

    Raises
    ------
    WrongCall
        The Hub knows no such user, or the token may not start their servers.
    HubTrouble
        It does not say.
    """
    try:
        answer = tries.hub.read("GET", f"resource-form/releases?user={quote(tries.user, safe='')}")
    except HubTrouble as trouble:
        if trouble.status != 404:
            raise
        raise WrongCall(f"The Hub has no user {tries.user} whose servers this token may start. Or: {trouble}") from None
    return {entry["tag"]: entry.get("digest", "") for entry in answer["releases"]}


def check(tries: Tries, release: Release, offered: Mapping[str, str], partitions: Mapping[str, str], seconds: float) -> ReleaseFindings:
    """Return what was found of a release, each finding said as soon as it is made.

    Parameters
    ----------
    offered
        The digests of the releases that the Hub offers (:func:`offered_by`).
    partitions
        Where to start it, by architecture; that of ``""`` is for all others.
    seconds
        How long a kernel may take.
    """
    found = ReleaseFindings(release.tag, release.digest)
    if release.tag not in offered:
        found.not_tried = f"the Hub does not offer it to {tries.user}"
    elif offered[release.tag] != release.digest:
        found.not_tried = "the Hub has another release of this tag than the file. Is it the Hub's file, and as the Hub has read it?"
    ran: list[set[str]] = []
    for architecture in () if found.not_tried else (tuple(release.architectures) or ("",)):
        label = architecture if len(release.architectures) > 1 else ""

        def note(finding: Finding, label: str = label) -> None:
            found.findings.append(Finding(finding.good, finding.words, label))
            tries.say(found.line(found.findings[-1]))

        try:
            ran.append(_on(tries, release, architecture, partitions, seconds, note))
        except NotTried as why:
            found.not_tried = f"{architecture}: {why}" if label else str(why)
        except HubTrouble as trouble:
            if not trouble.status:
                raise
            found.not_tried = str(trouble)
        except DidNotStart as why:
            ran.append(set())
            note(Finding(good=False, words=f"the server does not come up: {why}"))
    found.kernels = set.intersection(*ran) if ran else set()
    tries.say(found.last_line())
    return found


def _on(
    tries: Tries, release: Release, architecture: str, partitions: Mapping[str, str], seconds: float, note: Callable[[Finding], None]
) -> set[str]:
    """Start it on one architecture; the kernels that have run."""
    own = release.architectures.get(architecture)  # type: ignore[call-overload]
    named = partitions.get(architecture) or partitions.get("") or (own.partitions[0] if own is not None and own.partitions else "")
    request = accepted(tries, release, {**tries.options, **({"partition": named} if named else {})})
    name = server_name(f"check {release.tag} {architecture}".strip())
    with session(tries, name, request, has_setup=release.first_login is not None) as running:
        where = f" on {running.node}" if running.node else ""
        note(Finding(good=True, words=f"the server is up after {running.seconds:.0f} s{where}"))
        if running.setup == "failed":
            note(Finding(good=False, words="what is run at a user's first session failed; its output is in the session's log"))
        inspection = Inspection(running.server, note, seconds)
        software = release.software_for(architecture)
        inspection.look(release, software.lock, software.lock_sha256)
    if len(release.architectures) > 1 and inspection.machine != architecture:
        there = f"is of {inspection.machine}" if inspection.machine else "does not say what it is"
        raise NotTried(f"the node{where} {there}. Name a partition of such nodes: --partition {architecture}=NAME")
    return inspection.kernels


def report(tries: Tries, found: ReleaseFindings) -> None:
    """Tell the Hub of a check, which keeps it; one that was not tried is none.

    Raises
    ------
    HubTrouble
        It does not take it.
    """
    if found.outcome == "not tried":
        return
    problems = [plain(problem)[:MAX_PROBLEM_LENGTH] for problem in found.problems[:MAX_PROBLEMS]]
    body: dict[str, Any] = {"digest": found.digest, "kernels": len(found.kernels), "problems": problems}
    tries.hub.ask("POST", f"resource-form/releases/{quote(found.tag, safe='')}/check", body)
