"""What administrators have said of releases besides the file, which stays as it is: tested, disabled, or not. It can be taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from .catalogue import Catalogue

What = Literal["tested", "untested", "disabled", "enabled"]
WHATS: tuple[What, ...] = get_args(What)

_CHANGES: Mapping[What, Mapping[str, Any]] = {
    # Whoever says that a release is tested, or that it is not, does not enable it by that.
    "tested": {"tested": True},
    "untested": {"tested": False},
    "disabled": {"disabled": True},
    "enabled": {"disabled": False},
}


@dataclass(frozen=True, slots=True)
class ReleaseMark:
    """What an administrator has said of a release, who, and when (seconds since the epoch)."""

    tag: str
    what: What
    by: str
    at: float


def marked(catalogue: Catalogue, marks: Mapping[str, ReleaseMark]) -> Catalogue:
    """Return the catalogue as the marks, by tag, have it; marks of releases that are gone say nothing."""
    if not any(release.tag in marks for release in catalogue.releases):
        return catalogue
    return catalogue.with_releases(
        release.model_copy(update=dict(_CHANGES[marks[release.tag].what])) if release.tag in marks else release
        for release in catalogue.releases
    )
