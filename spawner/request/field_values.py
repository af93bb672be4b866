"""How the value of each field of a request is read from what was typed, or posted as JSON.

A value that cannot be read raises PydanticCustomError with a sentence for the user, which pydantic turns into a message about the field.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from pydantic_core import PydanticCustomError

from ..i18n import _
from ..slurm.names import in_accounting, may_be_a_name
from ..units import parse_memory_mb, parse_walltime
from .gpus import GpuRequest, parse_gpus
from .variables import MASK, read_text

MAX_VARIABLES = 100
MAX_BYTES = 32768
MAX_BYTES_IN_ALL = 262144
"""Linux takes at most 128 KiB for one variable, and for all of them together (with argv) a part of the stack: 2 MiB as a rule."""

NAME = re.compile(r"[A-Za-z0-9_.@+-]{1,64}")
"""Names of releases, interfaces and presets, which the admin of the Hub gives."""

ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")
RESERVED_ENVIRONMENT = re.compile(
    r"(JUPYTERHUB_|JPY_|SLURM_|SLURMD_|SBATCH_|SRUN_|SALLOC_|SQUEUE_|SINFO_|SCANCEL_|SCONTROL_|SACCT|RESOURCE_FORM_|LD_|PYTHON|BASH_|DYLD_).*"
    r"|PATH|HOME|USER|LOGNAME|SHELL|PWD|OLDPWD|IFS|ENV|CDPATH|SHELLOPTS|BASHOPTS|GCONV_PATH|LOCPATH|TMPDIR|CUDA_VISIBLE_DEVICES|MODULEPATH"
)
"""Variables that act on sudo, sbatch, the shell or the launcher, or that the session is told apart by."""

_FEATURES = re.compile(r"[A-Za-z0-9_.:/+=-]{1,64}(&[A-Za-z0-9_.:/+=-]{1,64}){0,7}")
"""Eight at most, each of what names of features are made of: none of the signs that join, count or group them."""

_FILLERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and a sign of Unicode's that show as nothing."""

LONGEST_NAME = 60
"""Characters of a session's name as its user sees it: as many as stand on one line of a phone's page, twice."""

LONGEST_FOLDER = 200
"""Characters of the folder in which a session opens."""

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


def quoted(value: object) -> str:
    """Return a value for a sentence: printable, at most 60 characters, in quotation marks."""
    try:
        text = str(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits, a list a thousand deep
        text = type(value).__name__
    shown = "".join(character if character.isprintable() else "�" for character in text[:60])
    return f"“{shown}…”" if len(text) > 60 else f"“{shown}”"


def _fail(sentence: str) -> PydanticCustomError:
    return PydanticCustomError("request", "{sentence}", {"sentence": sentence})


def read_name(value: Any) -> str:
    """Return the name of a release, an interface or a preset; it may be empty."""
    if not isinstance(value, str) or value.startswith("-") or (value and not NAME.fullmatch(value)):
        sentence = _("{value} is not a name of at most 64 letters, digits and . _ + @ -. Choose one from the list.")
        raise _fail(sentence.format(value=quoted(value)))
    return value


def read_slurm_name(value: Any) -> str:
    """Return the name of a partition or a reservation; it is empty, or one that Slurm itself could have."""
    if not isinstance(value, str) or (value and not may_be_a_name(value)):
        sentence = _("{value} is not a name that Slurm could have. Choose one from the list.")
        raise _fail(sentence.format(value=quoted(value)))
    return value


def read_accounting_name(value: Any) -> str:
    """Return the name of an account or a QOS as slurmdbd writes it, from any spelling with capitals: to Slurm they are the same."""
    return in_accounting(read_slurm_name(value))


def read_constraint(value: Any) -> str:
    """Return features of nodes, joined by ``&`` (sbatch(1), --constraint); what else Slurm knows of there, the admin's options may say."""
    text = value.replace(" ", "") if isinstance(value, str) else None
    if text is None or (text and not _FEATURES.fullmatch(text)):
        sentence = _("{value} is not a list of features. Choose one, or join several by & such as avx512&ib.")
        raise _fail(sentence.format(value=quoted(value)))
    return "&".join(dict.fromkeys(text.split("&")))


def read_cores(value: Any) -> int:
    """Return a number of cores, 1 at least, from a whole number or its digits."""
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


def read_number(value: Any) -> int:
    """Return a number of nodes or tasks, 1 at least, from a whole number or its digits; 1 for None or an empty text."""
    text = value.strip() if isinstance(value, str) else ""
    if value is None or value == "":
        return 1
    number = value if isinstance(value, int) and not isinstance(value, bool) else int(text) if re.fullmatch(r"[0-9]{1,6}", text) else 0
    if not 1 <= number < 10**6:
        raise _fail(_("{value} is not a number of at least 1. Type a number such as 2.").format(value=quoted(value)))
    return number


def read_memory(value: Any) -> int:
    """Return MB, from what :func:`.units.parse_memory_mb` takes."""
    try:
        return parse_memory_mb(value)
    except ValueError as error:
        sentence = _("{value} is not an amount of memory. {why} Type for example 8G or 500M.")
        raise _fail(sentence.format(value=quoted(value), why=_(str(error)))) from error


def read_shared_memory(value: Any) -> int:
    """Return MB, as :func:`read_memory`; 0 for what is left to the service: None, an empty text or 0."""
    if value is None or (isinstance(value, str) and value.strip() in ("", "0")) or (value == 0 and not isinstance(value, bool)):
        return 0
    return read_memory(value)


def read_walltime(value: Any) -> int:
    """Return minutes, from what :func:`.units.parse_walltime` takes."""
    try:
        return parse_walltime(value)
    except ValueError as error:
        sentence = _("{value} is not a time. {why} Type for example 2h, 90m or 1-12:00:00.")
        raise _fail(sentence.format(value=quoted(value), why=_(str(error)))) from error


def read_gpus(value: Any) -> GpuRequest:
    """Return the GPUs, from what :func:`.gpus.parse_gpus` takes."""
    try:
        return parse_gpus(value)
    except ValueError as error:
        sentence = _("{value} is not a GPU configuration. {why} Choose one from the list.")
        raise _fail(sentence.format(value=quoted(value), why=_(str(error)))) from error


def read_environment(value: Any) -> dict[str, str]:
    """Return variables of the environment by their names, from such or from text (:func:`.variables.read_text`): none that is reserved,
    none that the job could not have.
    """
    if value is None:
        return {}
    if isinstance(value, str):
        try:
            value = read_text(value)
        except ValueError as error:
            raise _fail(str(error)) from error
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
        if text == MASK:
            raise _fail(_("The value of {name} is not known here any more. Type it, or remove the variable.").format(name=name))
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


def read_start_folder(value: Any) -> str:
    """Return a folder as an area's name, and a folder below it if there is one: ``work``, ``work/thesis``; empty for none.

    No part of it is hidden, so that none leads back up; one that is a link the job looks at (session_setup.StartFolder).
    """
    if value in (None, ""):
        return ""
    if isinstance(value, str) and len(value) <= LONGEST_FOLDER and value.isprintable():
        parts = value.strip(" ").rstrip("/").split("/")
        if NAME.fullmatch(parts[0]) and not any(part in ("", "~") or part.startswith(".") for part in parts):
            return "/".join(parts)
    sentence = _("{value} is no folder to start in. Type the name of an area, such as work, or a folder in it, such as work/project.")
    raise _fail(sentence.format(value=quoted(value)))


def read_words(value: Any) -> str:
    """Return a session's name as its user types it: on one line, blanks and accents written in one way."""
    if isinstance(value, str) and len(value) <= 4 * LONGEST_NAME and value.strip(" ").isprintable():
        text = unicodedata.normalize("NFC", " ".join(value.split()))
        if len(text) <= LONGEST_NAME and (not text or _can_be_seen(text)):
            return text
    sentence = _("{value} cannot be the name of a session. Use at most {most} letters, digits, signs and blanks.")
    raise _fail(sentence.format(value=quoted(value), most=LONGEST_NAME))


def _can_be_seen(text: str) -> bool:
    """Whether there is anything to see, and nothing that only takes room: another name would look the same."""
    return not _FILLERS & set(text) and any(unicodedata.category(character)[0] in "LNPS" for character in text)


def read_color(value: Any) -> str:
    """Return a colour as ``#rrggbb``, from that or from one of the names of :data:`COLORS`; empty for none."""
    text = value.strip().lower() if isinstance(value, str) and len(value) <= LONGEST_NAME else None
    if text is not None and (text == "" or COLOR.fullmatch(text)):
        return text
    if text is not None and text in COLORS:
        return COLORS[text]
    sentence = _("{value} is not a colour. Choose one of: {list}; or type one such as #1f77b4.")
    raise _fail(sentence.format(value=quoted(value), list=", ".join(COLORS)))
