"""A release: a dated set of software whose parts are pinned, for whom it is, and how it stands."""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, model_validator

from .audience import Audience
from .interfaces import Name
from .release_check import CheckState, ReleaseCheck
from .software import (
    PLACES_OF_SOFTWARE,
    Architecture,
    ArchitectureSoftware,
    FirstLogin,
    Kernel,
    Minimum,
    Software,
    Version,
    architecture_of,
)

WHAT_IT_IS = frozenset({*Software.model_fields, "interfaces", "apps", "kernels", "extensions", "architectures", "first_login"})
"""The keys that say what a release is; the others say for whom it is, and how it stands."""

Standing = Literal["tested", "untested", "ended", "disabled"]
"""How a release stands: only a ``tested`` one is offered to everybody."""


def day_of(moment: float) -> datetime.date:
    """Return the day of a moment (seconds since the epoch) where the Hub is."""
    return datetime.date.fromtimestamp(moment)


def _with_known_names(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {architecture_of(str(name)): fields or {} for name, fields in value.items()}
    return value


class Release(Audience, Software):
    """One entry of the catalogue.

    Its tag identifies it: posted, stored, put on the job. Its label is what people see. ``groups``, ``accounts``, ``partitions`` and
    ``reservations`` say for whom it is; partitions, accounts and reservations also where it may be started.
    """

    tag: Name = Field(description="Identifies the release; never reuse one.")
    label: str = Field(default="", max_length=100, description="What people see; the tag if it is left out.")
    date: datetime.date = Field(description="Newest first on the form.")
    tested: bool | Literal["check"] = Field(
        default=True,
        description="Whether it is offered to everybody; check: while its last check was good. The newest tested one is preselected.",
    )
    disabled: bool = Field(default=False, description="Whether no new session may have it.")
    end_of_life: datetime.date | None = Field(default=None, description="The first day on which it is no longer supported.")
    description: str = Field(default="", max_length=1000, description="A sentence or two about it.")
    notes: str = Field(default="", pattern=r"^(https?://[!-~]+|/([!-.0-\[\]-~][!-~]*)?)?$", description="The address of its release notes.")
    interfaces: tuple[Name, ...] = Field(default=("lab",), description="What the user may land in, in this order.")
    apps: tuple[Name, ...] = Field(default=(), description="What can be opened besides while the session runs.")
    kernels: tuple[Kernel, ...] = Field(default=(), description="The kernels that it brings.")
    extensions: Mapping[Annotated[str, Field(min_length=1, max_length=100)], Version] = Field(
        default_factory=dict, description="JupyterLab's extensions that it brings, each with its version: jupyterlab-nvdashboard."
    )
    architectures: Annotated[Mapping[Architecture, ArchitectureSoftware], BeforeValidator(_with_known_names)] = Field(
        default_factory=dict, description="The architectures that it is built for; empty: any."
    )
    gpu: Literal["required", "optional"] = Field(default="optional", description="Whether it is of no use without a GPU.")
    minimum: Minimum = Field(default=Minimum(), description="The least that a session of it needs.")
    first_login: FirstLogin | None = Field(default=None, description="What is run once for each user, in the background.")

    _check: ReleaseCheck | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _is_usable(self) -> Release:
        if not self.interfaces:
            raise ValueError("interfaces must name at least one interface")
        for what, software in (("", self), *((f"architectures.{name}: ", own) for name, own in self.architectures.items())):
            places = [name for name in PLACES_OF_SOFTWARE if getattr(software, name)]
            if len(places) > 1:
                raise ValueError(f"{what}{' and '.join(places)} stand side by side: the server is in one of them")
        names = [kernel.name for kernel in self.kernels]
        twice = next((name for number, name in enumerate(names) if name in names[:number]), None)
        if twice is not None:
            raise ValueError(f"kernels: {twice} is listed twice")
        return self

    @property
    def title(self) -> str:
        """The name that people see: the label, else the tag."""
        return self.label or self.tag

    @property
    def least_gpus(self) -> int:
        """The GPUs that a session of it needs at least."""
        return max(self.minimum.gpus, 1 if self.gpu == "required" else 0)

    @property
    def opened(self) -> tuple[str, ...]:
        """The names of all that can be opened in a session of it: what one may land in, and the apps."""
        return tuple(dict.fromkeys((*self.interfaces, *self.apps)))

    def kernel(self, name: str) -> Kernel | None:
        """Return its kernel of this name, or None."""
        return next((kernel for kernel in self.kernels if kernel.name == name), None)

    @cached_property
    def digest(self) -> str:
        """What tells the release from what its entry was before a change: SHA-256 of what it is, not of for whom or how it stands."""
        said = self.model_dump(mode="json", include=set(WHAT_IT_IS), exclude_defaults=True)
        for kernel in said.get("kernels", ()):
            for words in ("label", "description"):
                kernel.pop(words, None)
        said.get("first_login", {}).pop("label", None)
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

    def with_check(self, check: ReleaseCheck) -> Release:
        """Return the same release, which knows what its last check has found."""
        same = self.model_copy()
        same.__dict__["digest"] = self.digest  # worked out once: each request makes copies
        same._check = check  # noqa: SLF001 - of its own class
        return same

    @property
    def check(self) -> ReleaseCheck | None:
        """What its last check has found; None where it was never checked."""
        return self._check

    @property
    def check_state(self) -> CheckState:
        """How it stands by its last check."""
        if self._check is None:
            return "unchecked"
        if self._check.digest != self.digest:
            return "changed"
        return "passed" if self._check.passed else "failed"

    @property
    def is_tested(self) -> bool:
        """Whether it counts as tested: by the file or an administrator, or by its last check."""
        return self.check_state == "passed" if self.tested == "check" else self.tested

    def standing(self, today: datetime.date) -> Standing:
        """Return how it stands on this day."""
        if self.disabled:
            return "disabled"
        if self.end_of_life is not None and self.end_of_life <= today:
            return "ended"
        return "tested" if self.is_tested else "untested"

    def software_for(self, architecture: str) -> Software:
        """Return what is set up on nodes of an architecture: its own where it says something, else the release's."""
        own = self.architectures.get(architecture)  # type: ignore[call-overload]
        if own is None:
            return self
        given = {name: getattr(own, name) for name in Software.model_fields if getattr(own, name)}
        if any(name in given for name in PLACES_OF_SOFTWARE):
            given = {**dict.fromkeys(PLACES_OF_SOFTWARE[:3], ""), "container": None, **given}
        given["environment"] = {**self.environment, **own.environment}
        given["prologue"] = own.prologue + self.prologue
        return Software(**{**{name: getattr(self, name) for name in Software.model_fields}, **given})
