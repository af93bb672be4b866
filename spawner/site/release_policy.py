"""Who may choose which release: those that are not offered to everybody stand under "Advanced", for whom the admin says."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Literal

from .audience import Audience, Viewer
from .release import Release, Standing
from .software import Part

Whom = bool | Literal["admins"] | Audience
"""True is everyone, False nobody, ``"admins"`` the Hub's administrators; or an audience."""


class AdvancedReleases(Part):
    """For whom the releases are that stand under "Advanced", by how they stand."""

    untested: Whom = True
    ended: Whom = True
    disabled: Whom = "admins"

    def admits(self, standing: Standing, viewer: Viewer, *, is_admin: bool = False) -> bool:
        """Tell whether a viewer may choose a release that stands so."""
        if standing == "tested":
            return True
        whom: Whom = getattr(self, standing)
        if whom == "admins":
            return is_admin
        return whom.admits(viewer) if isinstance(whom, Audience) else bool(whom)


def releases_for(
    releases: Iterable[Release], policy: AdvancedReleases, viewer: Viewer, today: datetime.date, *, is_admin: bool = False
) -> tuple[Release, ...]:
    """Return those of the releases that a viewer may choose, in their order: of the release's audience, and by the policy."""
    return tuple(
        release for release in releases if release.admits(viewer) and policy.admits(release.standing(today), viewer, is_admin=is_admin)
    )
