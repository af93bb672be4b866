"""The catalogue of releases: what runs in the job, and where the user lands.

A release (:mod:`.release`) is a dated set of software. Its tag identifies it (posted, stored, put on the job), its label is for people.
An interface (:mod:`.interfaces`) is a page of the server in the job: JupyterLab, the Notebook, a terminal, an app.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..errors import CatalogueError, ResourceFormError
from ..i18n import N_, _
from .interfaces import BUILT_IN_INTERFACES, Interface, all_interfaces
from .located_yaml import Located, problems_of, read_located
from .release import Release
from .watched_file import WatchedFile


@dataclass(frozen=True, eq=False)
class Labels:
    """What people are told in the place of the names of interfaces and the tags of releases, and what can be opened in these."""

    interfaces: Mapping[str, str]
    releases: Mapping[str, str]
    opened: Mapping[str, tuple[Interface, ...]] = field(default_factory=dict)
    """What can be opened in a session of each release."""
    first_logins: Mapping[str, str] = field(default_factory=dict)
    """What people read while a release is set up for them, by tag."""

    def interface(self, name: object) -> str:
        """Return an interface's label in the language in use; of one that is not in the catalogue its name."""
        return _(self.interfaces.get(str(name), str(name or "")))

    def release(self, tag: object) -> str:
        """Return a release's label in the language in use; of one that is not in the catalogue its tag."""
        return _(self.releases.get(str(tag), str(tag or "")))

    def opened_in(self, tag: object) -> tuple[Interface, ...]:
        """Return what can be opened in a session of a release; nothing for one that is not in the catalogue."""
        return self.opened.get(str(tag), ())


BUILT_IN_LABELS = Labels({name: str(fields["label"]) for name, fields in BUILT_IN_INTERFACES.items()}, {})
"""Where there is no catalogue."""


PLAIN_CATALOGUE = {"releases": [{"tag": "default", "label": N_("Default"), "date": "2000-01-01", "interfaces": ["lab", "notebook"]}]}
"""Where the admin lists no releases: what the nodes have on their PATH."""


def newest_tested(releases: Sequence[Release], today: datetime.date) -> Release:
    """Return the newest tested one of these releases, newest first, supported on this day; else the newest. There is one at least."""
    return next((release for release in releases if release.standing(today) == "tested"), releases[0])


class Catalogue(BaseModel):
    """All releases, newest first, and all interfaces by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    releases: tuple[Release, ...] = Field(min_length=1, description="The releases, in any order: their dates order them.")
    interfaces: Mapping[str, Interface] = Field(
        default_factory=dict, description=f"Besides {', '.join(BUILT_IN_INTERFACES)}, or what of these is other here."
    )

    @model_validator(mode="before")
    @classmethod
    def _complete_interfaces(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        declared = data.get("interfaces") or {}
        if not isinstance(declared, Mapping):
            raise ValueError("interfaces must be a mapping of names to {label, url}")
        return {**data, "interfaces": all_interfaces(declared)}

    @model_validator(mode="after")
    def _is_consistent(self) -> Catalogue:
        seen: set[str] = set()
        for release in self.releases:
            if release.tag in seen:
                raise ValueError(f"release {release.tag} is listed twice")
            seen.add(release.tag)
            for name in release.opened:
                if name not in self.interfaces:
                    raise ValueError(f"release {release.tag} names the interface {name}, which is not declared")
        # Newest first, whatever the file's order; the sort is stable, so equal dates keep the file's order (seed 003, N24).
        object.__setattr__(self, "releases", tuple(sorted(self.releases, key=lambda release: release.date, reverse=True)))
        return self

    def labels(self) -> Labels:
        """Return what its releases and interfaces are called."""
        interfaces = {name: interface.label for name, interface in self.interfaces.items()}
        opened = {release.tag: self.opened_in(release) for release in self.releases}
        first_logins = {release.tag: release.first_login.label for release in self.releases if release.first_login is not None}
        return Labels(interfaces, {release.tag: release.title for release in self.releases}, opened, first_logins)

    def get(self, tag: str) -> Release | None:
        """Return the release with this tag, or None."""
        return next((release for release in self.releases if release.tag == tag), None)

    def interfaces_of(self, release: Release) -> tuple[Interface, ...]:
        """Return the interfaces that ``release`` offers, in its own order."""
        return tuple(self.interfaces[name] for name in release.interfaces)

    def opened_in(self, release: Release) -> tuple[Interface, ...]:
        """Return all that can be opened in a session of ``release``: its interfaces, then its apps."""
        return tuple(self.interfaces[name] for name in release.opened)

    def with_releases(self, releases: Iterable[Release]) -> Catalogue:
        """Return the same with these in place of its releases, as when an admin has marked some."""
        return self.model_copy(update={"releases": tuple(releases)})


def parse_catalogue(data: Any, *, source: str = "the catalogue") -> Catalogue:
    """Read a catalogue from what a config file gives: a mapping with ``releases`` and, if wanted, ``interfaces``.

    Raises
    ------
    CatalogueError
        Names the entry and the field that is wrong.
    """
    return _catalogue(data, None, source)


def _catalogue(data: Any, lines: Located | None, source: str) -> Catalogue:
    try:
        return Catalogue.model_validate(data)
    except ValidationError as error:
        problems = problems_of(error, lines, {("releases", index): name for index, name in enumerate(_tags(data))})
        raise CatalogueError(N_("The list of software releases is broken."), log=f"{source}: {'; '.join(problems)}") from error


def _tags(data: Any) -> list[str]:
    releases = data.get("releases") if isinstance(data, Mapping) else None
    entries = releases if isinstance(releases, Sequence) and not isinstance(releases, str) else ()
    return [str(entry.get("tag", index)) if isinstance(entry, Mapping) else str(index) for index, entry in enumerate(entries)]


def read_catalogue(path: str | Path) -> Catalogue:
    """Read the catalogue in a YAML file.

    Raises
    ------
    CatalogueError
        The file cannot be read, is not YAML, or does not describe a catalogue. Lines and fields are named.
    """
    try:
        located = read_located(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise CatalogueError(N_("The list of software releases cannot be read."), log=f"{path}: {error.strerror}") from error
    except ValueError as error:  # not UTF-8 either
        raise CatalogueError(N_("The list of software releases is broken."), log=f"{path}: {error}") from error
    return _catalogue(located.data, located, str(path))


class CatalogueFile(WatchedFile[Catalogue]):
    """A catalogue in a file."""

    def __init__(self, path: str | Path, on_broken: Callable[[ResourceFormError], object] = lambda _error: None) -> None:
        super().__init__(path, read_catalogue, on_broken=on_broken)

    def current(self) -> Catalogue:
        """Return the catalogue as the file has it now, or the last good one; ``error`` says what is wrong with the file.

        Raises
        ------
        CatalogueError
            There never was a good one.
        """
        found = self.latest()
        if found is None:
            raise self.error or CatalogueError(N_("There is no list of software releases."))
        return found
