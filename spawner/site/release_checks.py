"""Releases with what their last checks have found; one that is ``tested: check`` is tested while that was good."""

from __future__ import annotations

from collections.abc import Mapping

from .catalogue import Catalogue
from .release_check import ReleaseCheck


def checked(catalogue: Catalogue, checks: Mapping[str, ReleaseCheck]) -> Catalogue:
    """Return the catalogue whose releases know their last checks, by tag; checks of releases that are gone say nothing."""
    if not any(release.tag in checks for release in catalogue.releases):
        return catalogue
    return catalogue.with_releases(
        release.with_check(checks[release.tag]) if release.tag in checks else release for release in catalogue.releases
    )
