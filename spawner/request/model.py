"""SessionRequest: one description of every field of a request.

The form, the REST body, a link's query and the command line all end here. Two steps, both pure:

1. :func:`parse_request` reads what was typed (units, Slurm's forms of time, GPU types) and refuses unknown keys;
2. :func:`check_request` holds it against what this user may have right now (:class:`Choices`).

Every refusal is a sentence that names the field, the value, the limit and what to do instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import chain
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ..availability.demand import Demand
from ..bounds import DEFAULTS, Bounds
from ..errors import RequestRejected, RequestTooLarge
from ..humanize import cores_in_words, duration
from ..i18n import ENGLISH, N_, _, using
from ..units import format_memory, format_walltime
from .field_values import (
    quoted,
    read_accounting_name,
    read_color,
    read_constraint,
    read_cores,
    read_environment,
    read_gpus,
    read_memory,
    read_name,
    read_number,
    read_shared_memory,
    read_slurm_name,
    read_start_folder,
    read_walltime,
    read_words,
)
from .gpus import GpuRequest

CARD = "gpu_card"
IGNORED_KEYS = frozenset({"profile", "_xsrf", CARD})
"""Not the user's: the summary that the Hub's admin page shows, the Hub's form token, and what a part of a GPU is a part of (``v100/5``)."""


NameField = Annotated[str, BeforeValidator(read_name)]
SlurmNameField = Annotated[str, BeforeValidator(read_slurm_name)]


class SessionRequest(BaseModel):
    """A request that has been read. ``memory`` is in MB, ``walltime`` in minutes."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    reservation: SlurmNameField = Field(
        default="",
        title=N_("Slurm reservation"),
        description=N_("None, unless you were given one."),
    )
    account: Annotated[str, BeforeValidator(read_accounting_name)] = Field(
        default="",
        title=N_("Slurm account"),
        description=N_("It is charged for the session."),
    )
    partition: SlurmNameField = Field(
        default="",
        title=N_("Partition"),
        description=N_("The nodes that the session may run on."),
    )
    qos: Annotated[str, BeforeValidator(read_accounting_name)] = Field(
        default="",
        title=N_("QOS"),
        description=N_("Slurm's quality of service, with limits and a priority of its own. Empty: the one that Slurm takes by itself."),
    )
    constraint: Annotated[str, BeforeValidator(read_constraint)] = Field(
        default="",
        title=N_("Constraint"),
        description=N_("Features that the node has to have, joined by &. Empty: any node."),
    )
    cores: Annotated[int, BeforeValidator(read_cores)] = Field(
        default=1,
        title=N_("Number of cores"),
        description=N_("On one node."),
        json_schema_extra={"unit": N_("cores")},
    )
    memory: Annotated[int, BeforeValidator(read_memory)] = Field(
        default=4096,
        title=N_("Memory"),
        description=N_("A plain number is GB; 500M is 500 MB."),
        json_schema_extra={"unit": N_("GB")},
    )
    gpus: Annotated[GpuRequest, BeforeValidator(read_gpus)] = Field(
        default=GpuRequest(),
        title=N_("GPU configuration"),
        description=N_("Yours alone while the session runs."),
        json_schema_extra={"unit": N_("GPUs")},
    )
    nodes: Annotated[int, BeforeValidator(read_number)] = Field(
        default=1,
        title=N_("Nodes"),
        description=N_("Cores, memory and GPUs are those of each node. The session runs on the first."),
        json_schema_extra={"unit": N_("nodes")},
    )
    tasks: Annotated[int, BeforeValidator(read_number)] = Field(
        default=1,
        title=N_("Tasks on each node"),
        description=N_("For programs that srun or mpirun starts: the cores are shared out among them."),
        json_schema_extra={"unit": N_("tasks")},
    )
    walltime: Annotated[int, BeforeValidator(read_walltime)] = Field(
        default=60,
        title=N_("Time"),
        description=N_("Then the session ends. 2h, 90m and 1-12:00:00 work too; a plain number is minutes."),
        json_schema_extra={"unit": N_("h:mm:ss")},
    )
    release: NameField = Field(
        default="",
        title=N_("Release"),
        description=N_("The set of software. Newest first."),
    )
    interface: NameField = Field(
        default="",
        title=N_("User interface"),
        description=N_("The page that opens first."),
    )
    preset: NameField = Field(default="", title=N_("Preset"), description=N_("The preset that the request came from."))
    environment: Annotated[dict[str, str], BeforeValidator(read_environment)] = Field(
        default_factory=dict,
        title=N_("Environment variables"),
        description=N_("The session and all that runs in it has them. What looks like a password or a token is not shown again."),
    )
    start_folder: Annotated[str, BeforeValidator(read_start_folder)] = Field(
        default="",
        title=N_("Start folder"),
        description=N_("Where the session opens. Empty: where it always does."),
    )
    shared_memory: Annotated[int, BeforeValidator(read_shared_memory)] = Field(
        default=0,
        title=N_("Shared memory"),
        description=N_("Room for what processes of the session share, in /dev/shm: a part of its memory."),
        json_schema_extra={"unit": N_("GB")},
    )
    name: Annotated[str, BeforeValidator(read_words)] = Field(
        default="",
        title=N_("Name of the session"),
        description=N_("What you call it, for telling your sessions apart."),
    )
    color: Annotated[str, BeforeValidator(read_color)] = Field(
        default="",
        title=N_("Colour"),
        description=N_("Shown beside the name wherever the session is."),
    )

    def options(self) -> dict[str, Any]:
        """Return it as ``user_options``: JSON with the contract's keys. ``profile`` is the line that the Hub's admin page shows."""
        options: dict[str, Any] = {
            "reservation": self.reservation,
            "account": self.account,
            "partition": self.partition,
            "cores": self.cores,
            "memory": memory_value(self.memory),
            "gpus": self.gpus.value,
            "walltime": format_walltime(self.walltime),
            "release": self.release,
            "interface": self.interface,
            "profile": self.summary,
        }
        for name in ("qos", "constraint", "preset", "start_folder", *APPEARANCE_FIELDS):
            if getattr(self, name):
                options[name] = getattr(self, name)
        for name in ("nodes", "tasks"):
            if getattr(self, name) > 1:
                options[name] = getattr(self, name)
        if self.shared_memory:
            options["shared_memory"] = memory_value(self.shared_memory)
        if self.environment:
            options["environment"] = dict(self.environment)
        if self.gpus.is_part and self.gpus.per_card:
            options[CARD] = f"{self.gpus.type or self.gpus.card}/{self.gpus.per_card}"
        return options

    @property
    def demand(self) -> Demand:
        """What the job asks of its nodes."""
        gpus = self.gpus
        return Demand(self.cores, self.memory, gpus.type, gpus.count, self.walltime, gpus.gres, self.nodes)

    @property
    def cores_and_memory(self) -> tuple[str, str]:
        """The cores and the memory in words: ``4 cores``, ``8 GB``."""
        return cores_in_words(self.cores), format_memory(self.memory)

    @property
    def summary(self) -> str:
        """One short line for the Hub's admin page and the log: ``1 × V100, 4 cores, 8 GB, 1 h on g100_int``."""
        with using(ENGLISH):
            return self.in_words

    @property
    def in_words(self) -> str:
        """:attr:`summary` for the user, in the language in use."""
        sentence = _("{gpus}, {cores}, {memory}, {time} on {partition}")
        if self.nodes > 1:
            sentence = _("{number} nodes with {gpus}, {cores}, {memory} each, {time} on {partition}")
        return sentence.format(
            number=self.nodes,
            gpus=self.gpus.words,
            cores=cores_in_words(self.cores),
            memory=format_memory(self.memory),
            time=duration(self.walltime),
            partition=self.partition,
        )


def memory_value(memory_mb: int) -> str:
    """Return MB as a value of the contract: ``8G`` where it is whole GB, else ``1536M``."""
    return f"{memory_mb // 1024}G" if memory_mb % 1024 == 0 else f"{memory_mb}M"


FIELDS = tuple(SessionRequest.model_fields)
FORM_FIELDS = (
    *("reservation", "account", "partition", "qos", "constraint"),
    *("cores", "memory", "gpus", "nodes", "tasks", "walltime", "release", "interface", "start_folder"),
)
"""The fields of the form, in the order in which they stand on the page."""

NUMBERS_IN_WORDS: Mapping[str, Callable[[int], str]] = {
    "cores": str,
    "memory": format_memory,
    "walltime": duration,
    "nodes": str,
    "tasks": str,
}
"""The fields that are numbers, each with how a value is written in a sentence that names the field."""

APPEARANCE_FIELDS = ("name", "color")
"""How a session looks to its user, one fold away on the form. The job does not depend on them, nor is it told."""

FIELDS_OF_THE_PAGE = (*FORM_FIELDS, "shared_memory", "preset", "environment", *APPEARANCE_FIELDS)
"""Whatever the page may post, and a link to it may fill in."""


def label_of(field: str) -> str:
    """Return the field's name for a person."""
    info = SessionRequest.model_fields.get(field)
    return _(info.title or field) if info else field


def help_of(field: str) -> str:
    """Return what the field is for, in a sentence."""
    description = SessionRequest.model_fields[field].description
    return _(description) if description else ""


def unit_of(field: str) -> str:
    """Return the unit that stands behind the field, empty if it has none."""
    extra = SessionRequest.model_fields[field].json_schema_extra
    return _(str(extra["unit"])) if isinstance(extra, dict) and "unit" in extra else ""


def at_field(name: str, sentence: str) -> str:
    """Return a sentence about a field, behind its name."""
    return _("{field}: {sentence}").format(field=name, sentence=sentence)


def refuse_too_large(options: Mapping[str, Any], bounds: Bounds = DEFAULTS) -> None:
    """Refuse what no request needs, before any work is done on it.

    Raises
    ------
    RequestTooLarge
        There are more keys, longer keys or texts, more values, or values deeper within others, than ``bounds`` allows.
    """
    if len(options) > bounds.request_keys:
        raise RequestTooLarge(
            _("The request has {number} keys, and at most {most} are read.").format(number=len(options), most=bounds.request_keys),
            log=f"request of {len(options)} keys refused",
        )
    here: list[Any] = [options]
    values = 0
    for _level in range(bounds.request_depth):
        here = [value for each in here for value in _held_by(each)]
        values += len(here)
        if values > bounds.request_values:
            raise RequestTooLarge(
                _("The request has more than {most} values.").format(most=bounds.request_values), log=f"request of {values} values refused"
            )
        longest = max((len(value) for value in here if isinstance(value, str)), default=0)
        if longest > bounds.request_characters:
            raise RequestTooLarge(
                _("The request has a value of {number} characters, and at most {most} are read.").format(
                    number=longest, most=bounds.request_characters
                ),
                log=f"request with {longest} characters in one place refused",
            )
    if any(True for each in here for _value in _held_by(each)):
        raise RequestTooLarge(
            _("The request has lists or objects within each other, more than {most} levels deep.").format(most=bounds.request_depth),
            log=f"request of more than {bounds.request_depth} levels refused",
        )


def _held_by(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return chain(value.keys(), value.values())
    return value if isinstance(value, (list, tuple, set, frozenset)) else ()


def parse_request(options: Mapping[str, Any], bounds: Bounds = DEFAULTS) -> SessionRequest:
    """Read a request; keys that are missing get the model's defaults.

    Raises
    ------
    RequestRejected
        With a sentence for each field that cannot be read, and for each unknown key.
    RequestTooLarge
        It holds more than any request needs (:func:`refuse_too_large`).
    """
    refuse_too_large(options, bounds)
    return read_request(options)


def read_request(options: Mapping[str, Any]) -> SessionRequest:
    """Read a request as :func:`parse_request` does, from options that are known to be no more than a request can hold.

    Raises
    ------
    RequestRejected
        With a sentence for each field that cannot be read, and for each unknown key.
    """
    given = {key: value for key, value in options.items() if key not in IGNORED_KEYS}
    sentences = {
        str(key): _("{name} is not a field of a request. Leave it out. The fields are: {list}.").format(
            name=quoted(key), list=", ".join(FIELDS)
        )
        for key in given
        if key not in FIELDS
    }
    request = None
    try:
        request = SessionRequest.model_validate({key: value for key, value in given.items() if key in FIELDS})
    except ValidationError as error:
        for problem in error.errors(include_input=False):
            field = str(problem["loc"][0])
            sentences.setdefault(field, at_field(label_of(field), problem["msg"]))
    if request is None or sentences:
        raise RequestRejected(sentences)
    return _with_card(request, options.get(CARD))


_A_CARD = re.compile(r"([^:(),\s<>]{0,255})/([1-9][0-9]{0,3})")


def _with_card(request: SessionRequest, value: object) -> SessionRequest:
    """The request, a part of a GPU with what it is a part of, as :meth:`SessionRequest.options` wrote it: for its words only."""
    found = _A_CARD.fullmatch(value) if isinstance(value, str) else None
    if found is None or not request.gpus.is_part:
        return request
    return request.model_copy(update={"gpus": replace(request.gpus, card=found[1], per_card=int(found[2]))})
