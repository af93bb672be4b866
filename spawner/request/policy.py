"""How the admin narrows the fields: choices, bounds, defaults, what is locked or hidden."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import RequestRejected
from ..i18n import ENGLISH, using
from ..site.located_yaml import problems_of
from ..slurm.names import in_accounting
from ..units import parse_memory_mb, parse_walltime
from .gpus import parse_gpus
from .model import FIELDS, parse_request


class FieldPolicy(BaseModel):
    """How the admin narrows one field. Every value is written as a user would type it (``"64G"``, ``"4h"``, ``"v100:1"``).

    ``choices`` are the only values; ``minimum`` and ``maximum`` bound cores, memory, GPUs and time; ``default`` is preset;
    ``locked`` leaves the default as the only value; ``hidden`` takes the field off the page (its default holds). ``folded`` puts it behind
    the line that names partition, account and reservation, or in front of it. ``position`` orders the page: GPUs are at 10, cores at 20,
    then memory, time, release, interface, partition, account and reservation, which is at 90. The fields ``qos``, at 100,
    ``constraint``, ``nodes`` and ``tasks``, at 130, are on the page only where the admin says something of them, were it nothing (``{}``);
    without a word about ``nodes`` nobody has several.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    default: str | int | float | None = Field(default=None, description="What stands in the field at first.")
    choices: tuple[str | int | float, ...] | None = Field(default=None, description="The only values that can be had.")
    minimum: str | int | float | None = Field(default=None, description="The least of cores, memory, GPUs or time.")
    maximum: str | int | float | None = Field(default=None, description="The most of cores, memory, GPUs or time.")
    locked: bool = Field(default=False, description="Whether the default is the only value; it is shown, and cannot be changed.")
    hidden: bool = Field(default=False, description="Whether the field is off the page; its default holds.")
    label: str | None = Field(default=None, description="What the field is called; empty: what we call it.")
    help: str | None = Field(default=None, description="What is said of it; empty: what we say.")
    folded: bool | None = Field(default=None, description="Whether it stands behind the line that is opened; empty: as we have it.")
    position: int | None = Field(default=None, description="Where it stands: GPUs at 10, cores at 20, and so on to the reservation at 90.")

    @property
    def only_value(self) -> str | int | float | None:
        """The value that a locked field alone may have; None where it is not locked."""
        return self.default if self.locked else None

    def bound(self, name: str, which: Literal["minimum", "maximum"], otherwise: int) -> int:
        """Return the bound of field ``name`` as a number (:func:`number_of`), ``otherwise`` where the admin has set none."""
        value = getattr(self, which)
        return otherwise if value is None else number_of(name, value)


def parse_policies(fields: Mapping[str, Any], *, trait: str = "ResourceFormSpawner.fields") -> dict[str, FieldPolicy]:
    """Read the admin's configuration of the fields.

    Raises
    ------
    ValueError
        Names the trait, the field and the key that is wrong.
    """
    policies = {}
    for name, settings in fields.items():
        if name not in FIELDS:
            raise ValueError(f"{trait}: there is no field {name!r}; the fields are {', '.join(FIELDS)}")
        try:
            policy = FieldPolicy.model_validate(settings)
            if name in ("account", "qos"):
                policy = _as_slurmdbd_writes_them(policy)
            values = [policy.default, policy.minimum, policy.maximum, *(policy.choices or ())]
            for value in values:
                if value is not None:
                    with using(ENGLISH):
                        parse_request({name: value})
        except ValidationError as error:
            raise ValueError(f"{trait}[{name!r}]: {'; '.join(problems_of(error))}") from error
        except RequestRejected as error:
            raise ValueError(f"{trait}[{name!r}]: {error}") from error
        if name == "gpus" and any(value is not None and parse_gpus(value).is_part for value in (policy.minimum, policy.maximum)):
            raise ValueError(f"{trait}[{name!r}]: minimum and maximum count whole GPUs; name the parts of GPUs in choices")
        if name == "environment" and policy != FieldPolicy(label=policy.label, help=policy.help, hidden=policy.hidden):
            raise ValueError(
                f"{trait}[{name!r}]: only label, help and hidden can be set; c.Spawner.environment is for everybody's variables"
            )
        if policy.locked and policy.default is None:
            raise ValueError(f"{trait}[{name!r}]: locked needs a default, the one value that the field then has")
        policies[name] = policy
    return policies


def _as_slurmdbd_writes_them(policy: FieldPolicy) -> FieldPolicy:
    """The policy of a field of accounting, its names without capitals."""

    def written(value: str | float) -> str | float:
        return in_accounting(value) if isinstance(value, str) else value

    default, choices = policy.default, policy.choices
    return policy.model_copy(
        update={
            "default": None if default is None else written(default),
            "choices": None if choices is None else tuple(map(written, choices)),
        }
    )


def number_of(name: str, value: Any) -> int:
    """Return a limit of ``cores``, ``memory`` (MB), ``gpus`` or ``walltime`` (minutes), from what the admin wrote."""
    if name == "memory":
        return parse_memory_mb(value)
    if name == "walltime":
        return parse_walltime(value)
    if name == "gpus":
        return parse_gpus(value).whole
    return int(value)
