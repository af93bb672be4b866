"""Releases and interfaces: what runs in the job, and where the user lands.

A release is a dated set of software. Its tag identifies it (posted, stored, put on the job); its label is what people see.
An interface is a page of the server in the job: JupyterLab, the Notebook, a terminal.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..errors import CatalogueError
from ..i18n import N_, _

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$")]
"""A tag or an interface's name: one token, safe in a URL, a file name and an environment variable."""

BUILT_IN_INTERFACES: dict[str, dict[str, str]] = {
    "lab": {"label": "JupyterLab", "url": "/lab"},
    "notebook": {"label": "Jupyter Notebook", "url": "/tree"},
    "terminal": {"label": N_("Terminal"), "url": "/terminals/1"},
}


@dataclass(frozen=True, eq=False)
class Labels:
    """What people are told in the place of the names of interfaces and the tags of releases."""

    interfaces: Mapping[str, str]
    releases: Mapping[str, str]

    def interface(self, name: object) -> str:
        """Return an interface's label in the language in use; of one that is not in the catalogue its name."""
        return _(self.interfaces.get(str(name), str(name or "")))

    def release(self, tag: object) -> str:
        """Return a release's label in the language in use; of one that is not in the catalogue its tag."""
        return _(self.releases.get(str(tag), str(tag or "")))


BUILT_IN_LABELS = Labels({name: fields["label"] for name, fields in BUILT_IN_INTERFACES.items()}, {})
"""Where there is no catalogue."""


PLAIN_CATALOGUE = {"releases": [{"tag": "default", "label": N_("Default"), "date": "2000-01-01", "interfaces": ["lab", "notebook"]}]}
"""Where the admin lists no releases: what the nodes have on their PATH."""


class Interface(BaseModel):
    """A place where the user lands: ``url`` is a path below the server's own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    label: str = Field(min_length=1, max_length=100)
    url: str = Field(pattern=r"^/([A-Za-z0-9._~%=&?-][A-Za-z0-9/._~%=&?-]*)?$")


class Release(BaseModel):
    """One entry of the catalogue.

    ``path`` is a folder put in front of PATH in the job; ``modules`` are loaded in order; ``prologue`` is shell text of the
    admin's, run before the server; ``environment`` is set in the job.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tag: Name
    label: str = Field(default="", max_length=100)
    date: datetime.date
    tested: bool = True
    description: str = Field(default="", max_length=1000)
    path: str = ""
    modules: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+/@:=-]{0,200}$")], ...] = ()
    prologue: str = ""
    environment: Mapping[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], str] = Field(default_factory=dict)
    interfaces: tuple[Name, ...] = ("lab",)

    @model_validator(mode="after")
    def _is_usable(self) -> Release:
        if self.path and not Path(self.path).is_absolute():
            raise ValueError("path must be absolute")
        if not self.interfaces:
            raise ValueError("interfaces must name at least one interface")
        return self

    @property
    def title(self) -> str:
        """The name that people see: the label, else the tag."""
        return self.label or self.tag


def newest_tested(releases: Sequence[Release]) -> Release:
    """Return the newest tested one of these releases, newest first; where none is tested, the newest. There is one at least."""
    return next((release for release in releases if release.tested), releases[0])


class Catalogue(BaseModel):
    """All releases, newest first, and all interfaces by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    releases: tuple[Release, ...] = Field(min_length=1)
    interfaces: Mapping[str, Interface] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _complete_interfaces(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        declared = data.get("interfaces") or {}
        if not isinstance(declared, Mapping):
            raise ValueError("interfaces must be a mapping of names to {label, url}")
        interfaces: dict[str, Any] = {name: {"name": name, **fields} for name, fields in BUILT_IN_INTERFACES.items()}
        for name, fields in declared.items():
            if not isinstance(fields, Mapping):
                raise ValueError(f"interfaces.{name} must be a mapping with label and url")
            interfaces[str(name)] = {**interfaces.get(str(name), {}), **fields, "name": str(name)}
        return {**data, "interfaces": interfaces}

    @model_validator(mode="after")
    def _is_consistent(self) -> Catalogue:
        seen: set[str] = set()
        for release in self.releases:
            if release.tag in seen:
                raise ValueError(f"release {release.tag} is listed twice")
            seen.add(release.tag)
            for name in release.interfaces:
                if name not in self.interfaces:
                    raise ValueError(f"release {release.tag} names the interface {name}, which is not declared")
        # Newest first, whatever the file's order; the sort is stable, so equal dates keep the file's order (seed 003, N24).
        object.__setattr__(self, "releases", tuple(sorted(self.releases, key=lambda release: release.date, reverse=True)))
        return self

    def labels(self) -> Labels:
        """Return what its releases and interfaces are called."""
        interfaces = {name: interface.label for name, interface in self.interfaces.items()}
        return Labels(interfaces, {release.tag: release.title for release in self.releases})

    def get(self, tag: str) -> Release | None:
        """Return the release with this tag, or None."""
        return next((release for release in self.releases if release.tag == tag), None)

    def interfaces_of(self, release: Release) -> tuple[Interface, ...]:
        """Return the interfaces that ``release`` offers, in its own order."""
        return tuple(self.interfaces[name] for name in release.interfaces)


def parse_catalogue(data: Any, *, source: str = "the catalogue") -> Catalogue:
    """Read a catalogue from what YAML or a config file gives: a mapping with ``releases`` and, if wanted, ``interfaces``.

    Raises
    ------
    CatalogueError
        Names the entry and the field that is wrong.
    """
    try:
        return Catalogue.model_validate(data)
    except ValidationError as error:
        problems = []
        for problem in error.errors():
            place = list(problem["loc"])
            if len(place) > 1 and place[0] == "releases" and isinstance(place[1], int):
                place[1] = _tag_at(data, place[1])
            problems.append(f"{'.'.join(str(part) for part in place) or 'file'}: {problem['msg']}")
        raise CatalogueError(N_("The list of software releases is broken."), log=f"{source}: {'; '.join(problems)}") from error


def _tag_at(data: Any, index: int) -> str:
    try:
        return f"[{data['releases'][index]['tag']}]"
    except (KeyError, IndexError, TypeError):
        return f"[{index}]"


def read_catalogue(path: str | Path) -> Catalogue:
    """Read the catalogue in a YAML file.

    Raises
    ------
    CatalogueError
        The file cannot be read, is not YAML (the line is named), or does not describe a catalogue.
    """
    try:
        data = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise CatalogueError(N_("The list of software releases cannot be read."), log=f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # not UTF-8, or a date that no calendar has
        raise CatalogueError(N_("The list of software releases is broken."), log=f"{path}: {error}") from error
    return parse_catalogue(data, source=str(path))


class CatalogueFile:
    """A catalogue in a file that may change while the Hub runs: read again when it did, the last good one kept if it broke."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.error: CatalogueError | None = None
        self._catalogue: Catalogue | None = None
        self._stamp: tuple[int, int, int] | None = None

    def current(self) -> Catalogue:
        """Return the catalogue as the file has it now, or the last good one; ``error`` says what is wrong with the file.

        Raises
        ------
        CatalogueError
            There never was a good one.
        """
        try:
            status = self.path.stat()
            # The moment of the last change of anything, rights too, besides the content's: it cannot be set back.
            stamp: tuple[int, int, int] | None = (status.st_mtime_ns, status.st_ctime_ns, status.st_size)
        except OSError:
            stamp = None
        if stamp != self._stamp or stamp is None:
            self._stamp = stamp
            try:
                self._catalogue = read_catalogue(self.path)
                self.error = None
            except CatalogueError as error:
                self.error = error
        if self._catalogue is None:
            raise self.error or CatalogueError(N_("There is no list of software releases."))
        return self._catalogue
