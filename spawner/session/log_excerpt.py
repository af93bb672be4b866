"""The text of a session's log: what of it can be shown, which lines tell why a session failed, and what is not repeated of them. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_LINES = 2000
"""So many lines are shown at a time."""

MAX_OF_AN_UNFINISHED_LINE = 4096
MAX_OF_A_TELLING_LINE = 300
MAX_OF_A_LINE = 1000
"""So much of a line is looked at for what it tells."""

_ESCAPES = re.compile(
    "\x1b\\[[0-?]*[ -/]*[@-~]"  # colours and movements (ECMA-48, 5.4)
    "|\x1b[\\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\\\)?"  # titles, links and other strings up to their end
    "|\x1b[ -/]*[0-~]?"
)
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""All but tab and newline; and what turns the direction of text around, so that a line reads otherwise than it is."""

_TELLS = re.compile(
    r"resource-form( launcher)?: (?!the server listens on port )"
    r"|: command not found\b"
    r"|No such file or directory"
    r"|Permission denied"
    r"|\bcannot execute\b|\bExec format error\b"
    r"|Disk quota exceeded|No space left on device"
    r"|Lmod has detected the following error|module\(s\) are unknown|Unable to locate a modulefile"
    r"|cannot open shared object file|version [`'‘]\S+ not found"
    r"|^(\w+\.)*\w*(Error|Exception|Interrupt)\b(: |$)"
    r"|\bOut of memory\b|oom[-_ ]kill|\bKilled\b|\bSegmentation fault\b|\bBus error\b|\bIllegal instruction\b"
    r"|^slurmstepd: error: |^srun: error: ",
    re.IGNORECASE,
)
"""Lines that say by themselves what went wrong, as bash, Lmod, Python, the loader, the kernel, Slurm and our own launcher write them."""

_SECRETS = (
    # What comes after a word that announces a secret: token=…, "api_key": "…", Authorization: Bearer ….
    re.compile(
        r"""(?ix) ( (?:token|secret|password|passwd|(?:api|access|private)_?key|credentials?|cookie|authorization) [\w.-]{0,40}
            ["']? \s* [=:] \s* ["']? (?:(?:bearer|token|basic)\s+)? ) [^\s"'&,;]+"""
    ),
    re.compile(r"(?i)(\b(?:bearer)\s+)[\w.~+/=-]{8,}"),
    # The name and password in an address.
    re.compile(r"(://)[^/\s@]*:[^/\s@]*(?=@)"),
)
_LONG_HEXADECIMAL = re.compile(r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{32,}(?![0-9A-Fa-f])")
MASK = "…"


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Whole lines of a log, ready to be shown, and ``partial``, the unfinished line at its end.

    ``start`` and ``end`` are where the whole lines stand in the log, in bytes.
    """

    start: int
    end: int
    text: str
    partial: str


def shown(content: bytes) -> str:
    """Return a log's bytes as text that is safe to look at.

    It has no escape sequence and no control character; of a line that was written over it has the last state.
    """
    text = _ESCAPES.sub("", content.decode("utf-8", errors="replace"))
    if "\r" in text:
        text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    return _CONTROLS.sub("", text)


def excerpt(content: bytes, start: int, *, latest: bool = True, at_a_line: bool = False) -> Excerpt:
    """Return the whole lines of ``content``, which begins at byte ``start`` of the log.

    Parameters
    ----------
    latest
        Where there are more than :data:`MAX_LINES`, these are the last ones and not the first.
    at_a_line
        ``content`` begins where a line does; else what comes before the first newline is the end of some line, and left out.
    """
    if start > 0 and not at_a_line and (newline := content.find(b"\n")) >= 0:
        start, content = start + newline + 1, content[newline + 1 :]
    length = content.rfind(b"\n") + 1
    if length == 0 and len(content) > MAX_OF_AN_UNFINISHED_LINE:
        # One endless line: taken in pieces, none of which ends inside a character.
        length = len(content)
        for back in range(1, 4):
            if content[-back] & 0xC0 != 0x80:
                length -= back if content[-back] >= 0xC0 else 0
                break
    lines, rest = content[:length], content[length:]
    if lines.count(b"\n") > MAX_LINES:
        if latest:
            kept = b"\n".join(lines.rsplit(b"\n", MAX_LINES + 1)[1:])
            start, lines = start + len(lines) - len(kept), kept
        else:
            lines, rest = b"\n".join(lines.split(b"\n", MAX_LINES)[:MAX_LINES]) + b"\n", b""
    return Excerpt(start, start + len(lines), shown(lines), shown(rest[-MAX_OF_AN_UNFINISHED_LINE:]))


def masked(text: str) -> str:
    """Return the text without what looks like a token, a password or a key."""
    for pattern in _SECRETS:
        text = pattern.sub(rf"\1{MASK}", text)
    return _LONG_HEXADECIMAL.sub(MASK, text)


def telling_lines(text: str, max_lines: int = 3) -> tuple[str, ...]:
    """Return the last lines of a log that say what went wrong, or the last ones that are not empty. Secrets are masked."""
    lines = [line[:MAX_OF_A_LINE].strip() for line in text.splitlines()]
    lines = [line for line in lines if line]
    telling = [line for line in lines if _TELLS.search(line)]
    once = list(dict.fromkeys(reversed(telling or lines)))[:max_lines]
    return tuple(_shortened(masked(line)) for line in reversed(once))


def _shortened(line: str) -> str:
    return line if len(line) <= MAX_OF_A_TELLING_LINE else line[: MAX_OF_A_TELLING_LINE - 1] + "…"
