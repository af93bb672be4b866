"""SessionRequest: one description of every field of a request.

The form, the REST body, a link's query and the command line all end here. Two steps, both pure:

1. :func:`parse_request` reads what was typed (units, Slurm's forms of time, GPU types) and refuses unknown keys;
2. :func:`check_request` holds it against what this user may have right now (:class:`Choices`).

Every refusal is a sentence that names the field, the value, the limit and what to do instead.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from ..availability.demand import Demand
from ..errors import RequestRejected
from ..humanize import cores_in_words
from ..i18n import ENGLISH, N_, _, using
from ..units import format_memory, format_walltime, parse_memory_mb, parse_walltime
from .gpus import GpuRequest, parse_gpus

MAX_VARIABLES = 100
MAX_BYTES = 32768
MAX_BYTES_IN_ALL = 262144
"""Linux takes at most 128 KiB for one variable, and for all of them together (with argv) a part of the stack: 2 MiB as a rule."""

NAME = re.compile(r"[A-Za-z0-9_.@+-]{1,64}")
"""Slurm's own names (accounts, partitions, reservations): one token, and never an option."""

ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")
RESERVED_ENVIRONMENT = re.compile(
    r"(JUPYTERHUB_|JPY_|SLURM_|SLURMD_|SBATCH_|SRUN_|SALLOC_|SQUEUE_|SINFO_|SCANCEL_|SCONTROL_|SACCT|RESOURCE_FORM_|LD_|PYTHON|BASH_|DYLD_).*"
    r"|PATH|HOME|USER|LOGNAME|SHELL|PWD|OLDPWD|IFS|ENV|CDPATH|SHELLOPTS|BASHOPTS|GCONV_PATH|LOCPATH|TMPDIR|CUDA_VISIBLE_DEVICES|MODULEPATH"
)
"""Variables that act on sudo, sbatch, the shell or the launcher, or that the session is told apart by."""

LONGEST_NAME = 60
"""Characters of a session's name as its user sees it: as many as stand on one line of a phone's page, twice."""

COLOR = re.compile(r"#[0-9a-f]{6}")

COLORS: Mapping[str, str] = {
    "blue": "#2f7fd6",
    "teal": "#168fa3",
    "green": "#2e9955",
    "yellow": "#a8860b",
    "orange": "#d1690a",
    "red": "#dd4b46",
    "pink": "#cf4f97",
    "purple": "#8f63d6",
}
"""The colours that have a name. Each stands out from a white page and from a dark one, by 3 to 1 at least (WCAG 2.1, 1.4.11)."""

CARD = "gpu_card"
IGNORED_KEYS = frozenset({"profile", "_xsrf", CARD})
"""Not the user's: the summary that the Hub's admin page shows, the Hub's form token, and what a part of a GPU is a part of (``v100/5``)."""


def quoted(value: object) -> str:
    """A value for a sentence: printable, at most 60 characters, in quotation marks."""
    try:
        text = str(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits, a list a thousand deep
        text = type(value).__name__
    shown = "".join(character if character.isprintable() else "�" for character in text[:60])
    return f"“{shown}…”" if len(text) > 60 else f"“{shown}”"


def _fail(sentence: str) -> PydanticCustomError:
    return PydanticCustomError("request", "{sentence}", {"sentence": sentence})


def _name(value: Any) -> str:
    if not isinstance(value, str) or value.startswith("-") or (value and not NAME.fullmatch(value)):
        sentence = _("{value} is not a name of at most 64 letters, digits and . _ + @ -. Choose one from the list.")
        raise _fail(sentence.format(value=quoted(value)))
    return value


def _cores(value: Any) -> int:
    text = value.strip() if isinstance(value, str) else ""
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif re.fullmatch(r"[0-9]{1,9}", text):
        number = int(text)
    else:
        raise _fail(_("{value} is not a whole number. Type a number of cores such as 4.").format(value=quoted(value)))
    if not 1 <= number < 10**9:
        sentence = _("{value} is not a number of cores. At least 1 is needed. Type a number such as 4.")
        raise _fail(sentence.format(value=quoted(value)))
    return number


def _memory(value: Any) -> int:
    try:
        return parse_memory_mb(value)
    except ValueError as error:
        sentence = _("{value} is not an amount of memory. {why} Type for example 8G or 500M.")
        raise _fail(sentence.format(value=quoted(value), why=_(str(error)))) from error


def _walltime(value: Any) -> int:
    try:
        return parse_walltime(value)
    except ValueError as error:
        sentence = _("{value} is not a time. {why} Type for example 2h, 90m or 1-12:00:00.")
        raise _fail(sentence.format(value=quoted(value), why=_(str(error)))) from error


def _gpus(value: Any) -> GpuRequest:
    try:
        return parse_gpus(value)
    except ValueError as error:
        sentence = _("{value} is not a GPU configuration. {why} Choose one from the list.")
        raise _fail(sentence.format(value=quoted(value), why=_(str(error)))) from error


def _environment(value: Any) -> dict[str, str]:
    if value in (None, ""):
        return {}
    if not isinstance(value, Mapping):
        raise _fail(_("Environment variables are names with values."))
    if len(value) > MAX_VARIABLES:
        sentence = _("{number} variables are more than the {most} that a session may have. Leave some out.")
        raise _fail(sentence.format(number=len(value), most=MAX_VARIABLES))
    checked = {}
    size = 0
    for name, text in value.items():
        if not isinstance(name, str) or not ENVIRONMENT_NAME.fullmatch(name):
            raise _fail(_("{name} is not a name of an environment variable. Use letters, digits and _.").format(name=quoted(name)))
        if RESERVED_ENVIRONMENT.fullmatch(name):
            raise _fail(_("The environment variable {name} is reserved. Set it inside the session instead.").format(name=name))
        length = _bytes_of(text)
        if length is None or length > MAX_BYTES:
            sentence = _("The value of {name} is not text of at most {most} bytes without NUL. Shorten it, or set it in the session.")
            raise _fail(sentence.format(name=name, most=MAX_BYTES))
        size += len(name) + length
        checked[name] = text
    if size > MAX_BYTES_IN_ALL:
        sentence = _("All variables together are {size} bytes, more than the {most} that a session may have. Leave some out.")
        raise _fail(sentence.format(size=size, most=MAX_BYTES_IN_ALL))
    return checked


def _bytes_of(text: Any) -> int | None:
    """The length of a variable's value in the environment; None for what cannot stand there."""
    if not isinstance(text, str) or "\0" in text:
        return None
    try:
        return len(text.encode())
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can spell
        return None


def _words(value: Any) -> str:
    if isinstance(value, str) and len(value) <= 4 * LONGEST_NAME and value.strip(" ").isprintable():
        text = unicodedata.normalize("NFC", " ".join(value.split()))
        if len(text) <= LONGEST_NAME:
            return text
    sentence = _("{value} cannot be the name of a session. Use at most {most} letters, digits, signs and blanks.")
    raise _fail(sentence.format(value=quoted(value), most=LONGEST_NAME))


def _color(value: Any) -> str:
    text = value.strip().lower() if isinstance(value, str) and len(value) <= LONGEST_NAME else None
    if text is not None and (text == "" or COLOR.fullmatch(text)):
        return text
    if text is not None and text in COLORS:
        return COLORS[text]
    sentence = _("{value} is not a colour. Choose one of: {list}; or type one such as #1f77b4.")
    raise _fail(sentence.format(value=quoted(value), list=", ".join(COLORS)))


NameField = Annotated[str, BeforeValidator(_name)]


class SessionRequest(BaseModel):
    """A request that has been read. ``memory`` is in MB, ``walltime`` in minutes."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    reservation: NameField = Field(
        default="",
        title=N_("Slurm reservation"),
        description=N_("None, unless you were given one."),
    )
    account: NameField = Field(
        default="",
        title=N_("Slurm account"),
        description=N_("It is charged for the session."),
    )
    partition: NameField = Field(
        default="",
        title=N_("Partition"),
        description=N_("The nodes that the session may run on."),
    )
    cores: Annotated[int, BeforeValidator(_cores)] = Field(
        default=1,
        title=N_("Number of cores"),
        description=N_("On one node."),
        json_schema_extra={"unit": N_("cores")},
    )
    memory: Annotated[int, BeforeValidator(_memory)] = Field(
        default=4096,
        title=N_("Memory"),
        description=N_("A plain number is GB; 500M is 500 MB."),
        json_schema_extra={"unit": N_("GB")},
    )
    gpus: Annotated[GpuRequest, BeforeValidator(_gpus)] = Field(
        default=GpuRequest(),
        title=N_("GPU configuration"),
        description=N_("Yours alone while the session runs."),
        json_schema_extra={"unit": N_("GPUs")},
    )
    walltime: Annotated[int, BeforeValidator(_walltime)] = Field(
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
    environment: Annotated[dict[str, str], BeforeValidator(_environment)] = Field(
        default_factory=dict,
        title=N_("Environment variables"),
        description=N_("Extra environment variables of the session."),
    )
    name: Annotated[str, BeforeValidator(_words)] = Field(
        default="",
        title=N_("Name of the session"),
        description=N_("What you call it, for telling your sessions apart."),
    )
    color: Annotated[str, BeforeValidator(_color)] = Field(
        default="",
        title=N_("Colour"),
        description=N_("Shown beside the name wherever the session is."),
    )

    def options(self) -> dict[str, Any]:
        """As ``user_options``: JSON with the contract's keys. ``profile`` is the line that the Hub's admin page shows."""
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
        for name in ("preset", *APPEARANCE_FIELDS):
            if getattr(self, name):
                options[name] = getattr(self, name)
        if self.environment:
            options["environment"] = dict(self.environment)
        if self.gpus.is_part and self.gpus.per_card:
            options[CARD] = f"{self.gpus.type or self.gpus.card}/{self.gpus.per_card}"
        return options

    @property
    def demand(self) -> Demand:
        """What the job asks of its node."""
        gpus = self.gpus
        return Demand(self.cores, self.memory, gpus.type, gpus.count, self.walltime, gpus.gres)

    @property
    def summary(self) -> str:
        """One short line for the Hub's admin page and the log: ``1 × V100, 4 cores, 8 GB, 1:00:00 on g100_int``."""
        with using(ENGLISH):
            return self.in_words

    @property
    def in_words(self) -> str:
        """:attr:`summary` for the user, in the language in use."""
        return _("{gpus}, {cores}, {memory}, {time} on {partition}").format(
            gpus=self.gpus.words,
            cores=cores_in_words(self.cores),
            memory=format_memory(self.memory),
            time=format_walltime(self.walltime),
            partition=self.partition,
        )


def memory_value(memory_mb: int) -> str:
    """MB as a value of the contract: ``8G`` where it is whole GB, else ``1536M``."""
    return f"{memory_mb // 1024}G" if memory_mb % 1024 == 0 else f"{memory_mb}M"


FIELDS = tuple(SessionRequest.model_fields)
FORM_FIELDS = ("reservation", "account", "partition", "cores", "memory", "gpus", "walltime", "release", "interface")
"""The fields of the form, in the order in which they stand on the page."""

APPEARANCE_FIELDS = ("name", "color")
"""How a session looks to its user, one fold away on the form. The job does not depend on them, nor is it told."""


def label_of(field: str) -> str:
    """The field's name for a person."""
    info = SessionRequest.model_fields.get(field)
    return _(info.title or field) if info else field


def help_of(field: str) -> str:
    """What the field is for, in a sentence."""
    description = SessionRequest.model_fields[field].description
    return _(description) if description else ""


def unit_of(field: str) -> str:
    """The unit that stands behind the field, empty if it has none."""
    extra = SessionRequest.model_fields[field].json_schema_extra
    return _(str(extra["unit"])) if isinstance(extra, dict) and "unit" in extra else ""


def at_field(name: str, sentence: str) -> str:
    """A sentence about a field, behind its name."""
    return _("{field}: {sentence}").format(field=name, sentence=sentence)


def parse_request(options: Mapping[str, Any]) -> SessionRequest:
    """Read a request; keys that are missing get the model's defaults.

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


_A_CARD = re.compile(r"([A-Za-z0-9._+-]{0,64})/([1-9][0-9]{0,3})", re.ASCII)


def _with_card(request: SessionRequest, value: object) -> SessionRequest:
    """The request, a part of a GPU with what it is a part of, as :meth:`SessionRequest.options` wrote it: for its words only."""
    found = _A_CARD.fullmatch(value) if isinstance(value, str) else None
    if found is None or not request.gpus.is_part:
        return request
    return request.model_copy(update={"gpus": replace(request.gpus, card=found[1], per_card=int(found[2]))})
