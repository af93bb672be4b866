"""Releases as people read them: how each stands, what is in it, what changed since the one before."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..humanize import date_in_words, iso_time, joined
from ..i18n import N_, _, ngettext
from ..site.catalogue import Catalogue
from ..site.interfaces import Interface
from ..site.release import Release, Standing, day_of
from ..site.release_changes import PackageChange, ReleaseChanges, changes_since

NEWEST = 3
"""So many of the tested releases stand open on the form; the others are one fold away."""

Fold = Literal["", "older", "advanced"]

MARKS: Mapping[Standing, str] = {"untested": N_("not tested"), "ended": N_("no longer supported"), "disabled": N_("disabled")}
"""What stands behind the name of a release that is not for everybody."""

ENDS_SOON = datetime.timedelta(days=90)


@dataclass(frozen=True, slots=True)
class ReleaseOnPage:
    """A release as a page shows it.

    ``fold`` is where it stands on the form: open, among the older ones, or under "Advanced". ``changes`` is None for the oldest one.
    """

    release: Release
    standing: Standing
    fold: Fold
    interfaces: tuple[Interface, ...]
    changes: ReleaseChanges | None

    @property
    def title(self) -> str:
        """Its name, marked where it is not for everybody."""
        mark = MARKS.get(self.standing)
        return f"{_(self.release.title)} ({_(mark)})" if mark else _(self.release.title)

    def state_in_words(self, today: datetime.date) -> str:
        """Return what to know before one relies on it; empty where there is nothing."""
        end = self.release.end_of_life
        if self.standing == "disabled":
            return _("New sessions are not meant to use this release any more.")
        if self.standing == "untested" and self.release.tested == "check" and self.release.check_state == "failed":
            return self.check_in_words
        if self.standing == "untested":
            return _("This release has not been tested yet. Use it to try it out, and tell the support what is wrong.")
        if end is not None and self.standing == "ended":
            return _("This release is no longer supported since {day}. Move to a newer one.").format(day=date_in_words(end))
        if end is not None and end - today <= ENDS_SOON:
            return _("This release is supported until {day}.").format(day=date_in_words(end - datetime.timedelta(days=1)))
        return ""

    @property
    def check_in_words(self) -> str:
        """Return what its last check has found, for everybody; empty where it was never checked."""
        check, state = self.release.check, self.release.check_state
        if check is None:
            return _("Not checked yet.") if self.release.tested == "check" else ""
        day = date_in_words(day_of(check.at))
        if state == "changed":
            return _("Not checked since it was changed; last checked on {day}.").format(day=day)
        if state == "failed":
            return _("Checked on {day}: not all of it works. Whoever runs the service knows.").format(day=day)
        if not check.kernels:
            return _("Checked on {day}: its server starts.").format(day=day)
        sentence = ngettext("Checked on {day}: {number} kernel runs.", "Checked on {day}: {number} kernels run.", check.kernels)
        return sentence.format(day=day, number=check.kernels)

    @property
    def problems(self) -> tuple[str, ...]:
        """What its last check has found wrong, for administrators."""
        check = self.release.check
        return check.problems if check is not None and self.release.check_state == "failed" else ()

    @property
    def extensions_in_words(self) -> str:
        """Return JupyterLab's extensions that it brings, each with its version; empty for none."""
        return joined([f"{name} {version}" for name, version in self.release.extensions.items()])

    @property
    def kernels_in_words(self) -> str:
        """How many kernels it has, and the first of them: ``11 kernels: Python 3.11, Ray, Dask and 8 more``."""
        kernels = self.release.kernels
        shown = [kernel.title for kernel in kernels[:3]]
        if len(kernels) > len(shown) + 1:
            more = len(kernels) - len(shown)
            shown.append(ngettext("{number} more", "{number} more", more).format(number=more))
        else:
            shown = [kernel.title for kernel in kernels]
        return ngettext("{number} kernel: {list}", "{number} kernels: {list}", len(kernels)).format(number=len(kernels), list=joined(shown))


def releases_on_page(catalogue: Catalogue, releases: Sequence[Release], today: datetime.date) -> tuple[ReleaseOnPage, ...]:
    """Return ``releases`` of the catalogue, newest first, as a page shows them on this day."""
    shown = []
    open_ones = 0
    for number, release in enumerate(releases):
        standing = release.standing(today)
        fold: Fold = "advanced"
        if standing == "tested":
            fold = "" if open_ones < NEWEST else "older"
            open_ones += 1
        before = releases[number + 1] if number + 1 < len(releases) else None
        # Of a release that does not say what is in it, nothing can be said to be new.
        changes = changes_since(release, before) if before is not None and before.kernels and release.kernels else None
        shown.append(ReleaseOnPage(release, standing, fold, catalogue.opened_in(release), changes))
    return tuple(shown)


def change_in_words(change: PackageChange) -> str:
    """Return ``dask 2024.04 → 2025.01``, or that the package came or went."""
    if not change.before:
        return _("{package} {version} (new)").format(package=change.package, version=change.after)
    if not change.after:
        return _("{package} (gone)").format(package=change.package)
    return f"{change.package} {change.before} → {change.after}"


def check_as_json(shown: ReleaseOnPage, *, is_administrator: bool) -> dict[str, Any] | None:
    """Return a release's last check as the Hub's API tells it; what is wrong for administrators only. None: never checked."""
    check = shown.release.check
    if check is None:
        return None
    told = {"state": shown.release.check_state, "text": shown.check_in_words, "at": iso_time(check.at), "kernels": check.kernels}
    return {**told, "by": check.by, "problems": list(check.problems)} if is_administrator else told


def release_as_json(shown: ReleaseOnPage, today: datetime.date, *, is_administrator: bool = False) -> dict[str, Any]:
    """Return a release as the Hub's API tells it."""
    release = shown.release
    changes = shown.changes
    return {
        "tag": release.tag,
        "label": release.title,
        "date": release.date.isoformat(),
        "state": shown.standing,
        "state_text": shown.state_in_words(today),
        "end_of_life": release.end_of_life.isoformat() if release.end_of_life is not None else None,
        "description": release.description,
        "notes": release.notes,
        "interfaces": [{"name": entry.name, "label": _(entry.label), "path": entry.url} for entry in shown.interfaces],
        "kernels": [
            {
                "name": kernel.name,
                "label": kernel.title,
                "language": kernel.language,
                "packages": dict(kernel.packages),
                "description": kernel.description,
            }
            for kernel in release.kernels
        ],
        "extensions": dict(release.extensions),
        "digest": release.digest,
        "check": check_as_json(shown, is_administrator=is_administrator),
        "architectures": list(release.architectures),
        "minimum": {"cores": release.minimum.cores, "memory_mb": release.minimum.memory, "gpus": release.least_gpus},
        "partitions": list(release.partitions),
        "accounts": list(release.accounts),
        "reservations": list(release.reservations),
        "changes": None
        if changes is None
        else {
            "since": changes.since.tag,
            "new_kernels": [kernel.name for kernel in changes.came],
            "removed_kernels": [kernel.name for kernel in changes.went],
            "packages": {
                entry.kernel.name: [{"package": one.package, "before": one.before, "after": one.after} for one in entry.packages]
                for entry in changes.changed
            },
        },
    }
