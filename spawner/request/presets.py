"""Presets: requests that the admin has put together, under a name, for those who may have them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Field, ValidationError, field_validator

from ..errors import RequestRejected
from ..i18n import ENGLISH, using
from ..site.audience import Audience, Viewer
from ..site.interfaces import Name
from .model import APPEARANCE_FIELDS, FIELDS, SessionRequest, parse_request

MAX_PRESETS = 100

FIELDS_OF_A_PRESET = tuple(name for name in FIELDS if name not in ("preset", *APPEARANCE_FIELDS))


class Preset(Audience):
    """One preset. ``values`` is a part of a request, written as a user would type it (``"32G"``, ``"4h"``, ``"v100:1"``)."""

    name: Name = Field(description="The name by which links and requests know it.")
    label: str = Field(default="", max_length=60, description="What people see; the name if it is left out.")
    description: str = Field(default="", max_length=200, description="One line more for people.")
    values: Mapping[str, Any] = Field(description="By the name of a field: its value, written as a user types it. One at least.")

    @field_validator("values")
    @classmethod
    def _can_be_read(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        strange = [name for name in values if name not in FIELDS_OF_A_PRESET]
        if strange or not values:
            what = f"there is no field {strange[0]!r}" if strange else "at least one field is needed"
            raise ValueError(f"{what}; the fields are {', '.join(FIELDS_OF_A_PRESET)}")
        try:
            read = parse_request(values)
        except RequestRejected as error:
            raise ValueError(error.sentence) from error
        return {**values, "account": read.account} if "account" in values else dict(values)

    @property
    def title(self) -> str:
        """What people see: the label, else the name."""
        return self.label or self.name

    def is_for(self, viewer: Viewer) -> bool:
        """Tell whether ``viewer`` belongs to its audience and may choose the account, partition and reservation that it names itself."""
        named = (("account", viewer.accounts), ("partition", viewer.partitions), ("reservation", viewer.reservations))
        return self.admits(viewer) and all(not self.values.get(field) or self.values[field] in had for field, had in named)

    def read(self) -> SessionRequest:
        """Read its values; the fields that it leaves out have the model's defaults."""
        return parse_request(self.values)


def parse_presets(presets: object, *, trait: str = "ResourceFormSpawner.presets") -> tuple[Preset, ...]:
    """Read the admin's presets, in the admin's order.

    Raises
    ------
    ValueError
        Names the trait, the preset and the key that is wrong.
    """
    if isinstance(presets, (str, bytes, Mapping)) or not isinstance(presets, Iterable):
        raise ValueError(f"{trait}: a list of presets is needed, each a dictionary")
    parsed: dict[str, Preset] = {}
    for index, entry in enumerate(presets):
        name = entry.get("name", index) if isinstance(entry, Mapping) else index
        if index >= MAX_PRESETS:
            raise ValueError(f"{trait}: there are more than {MAX_PRESETS} presets")
        try:
            with using(ENGLISH):
                preset = Preset.model_validate(entry)
        except ValidationError as error:
            problems = [
                f"{'.'.join(str(part) for part in problem['loc']) or 'preset'}: {problem['msg']}"
                for problem in error.errors(include_input=False, include_url=False)
            ]
            raise ValueError(f"{trait}[{name!r:.100}]: {'; '.join(problems)}") from error
        if preset.name in parsed:
            raise ValueError(f"{trait}[{preset.name!r}]: there are two presets of this name")
        parsed[preset.name] = preset
    return tuple(parsed.values())
