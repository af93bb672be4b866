"""The site's storage areas in which a session may start: what the admin writes of them, and where one is for a session."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..i18n import _
from .interfaces import Name

FILLED_IN = re.compile(r"\{(account|user)\}")
MAX_AREAS = 30


def check_target(name: str, target: str) -> None:
    """Check the place of an area, or of a link to one, as an admin has written it.

    Raises
    ------
    ValueError
        Names the area or link whose place is wrong.
    """
    if not target.startswith(("/", "$", "{")) or "\0" in target or "\n" in target:
        raise ValueError(f"{name!r}: {target!r} is neither an absolute path nor begins with a variable, such as $WORK")


def filled_in(target: str, *, account: str, user: str) -> str | None:
    """Return the place with account and user filled in; None where one of them is missing, or leads elsewhere."""
    values = {"account": account, "user": user}
    if not all(values[key] for key in FILLED_IN.findall(target)):
        return None
    filled = FILLED_IN.sub(lambda part: values[part[1]], target)
    return None if {"..", "."} & set(filled.split("/")) else filled


class Area(BaseModel):
    """One storage area. ``path`` may begin with a variable of the session, as $WORK, and have ``{account}`` and ``{user}`` in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name = Field(description="Its name in the home.")
    path: str = Field(description="Where it is: an absolute path, or a variable of the session with what follows.")
    label: str = Field(default="", max_length=60, description="What people see; the name if it is left out.")
    local: bool = Field(default=False, description="Whether it is on the node itself: what is in it is lost with the session.")

    @property
    def title(self) -> str:
        """What people see: the label, else the name."""
        return _(self.label) if self.label else self.name

    @property
    def needs_account(self) -> bool:
        """Whether it is another one for each account."""
        return "{account}" in self.path


def parse_areas(areas: Mapping[Any, Any]) -> tuple[Area, ...]:
    """Read what an admin has written: the name of each area, and its place or a dictionary with more of it.

    Raises
    ------
    ValueError
        Names the area that is wrong.
    """
    if len(areas) > MAX_AREAS:
        raise ValueError(f"there are more than {MAX_AREAS} areas")
    found = []
    for name, value in areas.items():
        fields: Mapping[Any, Any] = value if isinstance(value, Mapping) else {"path": value}
        try:
            area = Area.model_validate({**fields, "name": name})
        except ValidationError as error:
            problem = error.errors(include_input=False, include_url=False)[0]
            raise ValueError(f"{name!r}: {'.'.join(map(str, problem['loc']))}: {problem['msg']}") from error
        check_target(area.name, area.path)
        found.append(area)
    return tuple(found)


def area_of(folder: str, areas: Iterable[Area]) -> Area | None:
    """Return the area in which a request's folder is, ``work`` or ``work/thesis``; None where there is none of that name."""
    name = folder.partition("/")[0]
    return next((area for area in areas if area.name == name), None)


def local_in_words(area: str) -> str:
    """Say that what is in an area is lost."""
    return _("{area} is on the node itself: what is left there is lost when the session ends. Copy what you want to keep.").format(
        area=area
    )
