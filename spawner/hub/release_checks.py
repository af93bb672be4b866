"""What the last check of each release has found (``resource-form releases check``), kept in the Hub's database."""

from __future__ import annotations

import json
import re
from typing import Any

from ..errors import RequestRejected
from ..i18n import _
from ..site.catalogue import Catalogue
from ..site.release_check import MAX_KERNELS, MAX_PROBLEM_LENGTH, MAX_PROBLEMS, ReleaseCheck
from .sessions.kept_rows import KeptRows
from .sessions.tables import RELEASE_CHECKS
from .state import HubState

MAX_CHECKS = 1000
"""More than there are releases: those of releases that are gone are forgotten beyond that."""

_DIGEST = re.compile(r"[0-9a-f]{64}")


class ReleaseChecks(KeptRows[ReleaseCheck]):
    """The last check of each release, in one Hub's database."""

    table = RELEASE_CHECKS
    what = "the checks of release"
    unread = "The checks of releases cannot be read, the file alone counts meanwhile"
    most = MAX_CHECKS

    def read(self, row: Any) -> ReleaseCheck | None:
        """Return the check of a row."""
        try:
            record = json.loads(row.record)
            problems = tuple(str(problem) for problem in record["problems"])
            return ReleaseCheck(row.tag, row.digest, int(record["kernels"]), problems, row.by_name, row.at)
        except (ValueError, KeyError, TypeError):
            return None

    def columns(self, entry: ReleaseCheck) -> dict[str, Any]:
        """Return the columns of a check."""
        record = json.dumps({"kernels": entry.kernels, "problems": entry.problems})
        return {"tag": entry.tag, "digest": entry.digest, "by_name": entry.by, "at": entry.at, "record": record}


def read_check(body: object, tag: str, by: str, at: float) -> ReleaseCheck:
    """Read what a check reports of the release ``tag``: ``{"digest", "kernels", "problems"}``.

    Raises
    ------
    RequestRejected
        It is something else, or too much.
    """
    given = body if isinstance(body, dict) else {}
    digest, kernels, problems = given.get("digest"), given.get("kernels"), given.get("problems")
    if (
        set(given) != {"digest", "kernels", "problems"}
        or not (isinstance(digest, str) and _DIGEST.fullmatch(digest))
        or not (isinstance(kernels, int) and not isinstance(kernels, bool) and 0 <= kernels <= MAX_KERNELS)
        or not (isinstance(problems, list) and len(problems) <= MAX_PROBLEMS and all(_is_problem(problem) for problem in problems))
    ):
        raise RequestRejected({"check": _("A check is told as: digest, kernels, problems.")})
    return ReleaseCheck(tag, digest, kernels, tuple(problems), by, at)


def _is_problem(text: object) -> bool:
    return isinstance(text, str) and 0 < len(text) <= MAX_PROBLEM_LENGTH and text.isprintable()


def keep_check(state: HubState, catalogue: Catalogue, check: ReleaseCheck) -> None:
    """Store a check of a release of the catalogue, and log what it found.

    Raises
    ------
    RequestRejected
        There is no such release, or what was checked is not what it is now.
    NotStored
        The database is locked: it may work in a moment.
    """
    release = catalogue.get(check.tag)
    if release is None:
        raise RequestRejected({"tag": _("There is no release {tag}.").format(tag=check.tag)})
    if release.digest != check.digest:
        raise RequestRejected({"digest": _("The release {tag} has changed since it was checked.").format(tag=check.tag)})
    state.part(ReleaseChecks).put(state, check)
    found = "; ".join(check.problems) or f"nothing wrong, {check.kernels} kernels run"
    state.log.warning("Release %s was checked by %s: %s", check.tag, check.by, found)
