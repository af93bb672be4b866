"""The file: every question that the product asks of Slurm in general, with its answer, disguised."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import SlurmError
from .. import commands
from ..runner import Result, Runner
from ..squeue import MARK
from .answers import FILE_MARK, rewritten, without_what_is_left_out
from .disguise import Disguise

FORMAT = "resource-form capture"
VERSION = 1
ABOUT = (
    "What Slurm answers, without names: people, accounts, groups, partitions, QOS and hosts have other names of the same shape, the same "
    "ones everywhere. {-90} is ninety seconds before the capture; times of jobs are in whole minutes."
)


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of one question; ``failed`` is the class of the error where there is none, with ``words`` for the log."""

    argv: tuple[str, ...]
    result: Result | None = None
    failed: str = ""
    words: str = ""


def questions() -> Mapping[str, tuple[str, ...]]:
    """Return the argv of each question, by its name in the file."""
    return {
        "version": ("scontrol", "--version"),
        "configuration": commands.show_config(),
        "nodes": commands.show_nodes(),
        "partitions": commands.show_partitions(),
        "reservations": commands.show_reservations(),
        "associations": commands.show_associations(),
        "users": commands.show_users(),
        "QOS": commands.show_qos(),
        "holdings": commands.show_holdings(),
        "jobs": commands.list_jobs(),
    }


async def ask(runner: Runner, *, timeout: float = 60.0) -> dict[str, Answer]:
    """Ask every question, one after the other; a failure is an answer as well. ``timeout`` is in seconds, for each."""
    answers = {}
    for name, argv in questions().items():
        try:
            answers[name] = Answer(argv, await runner.run(argv, timeout=timeout))
        except SlurmError as error:
            answers[name] = Answer(argv, failed=type(error).__name__, words=error.log)
    return answers


@dataclass(frozen=True, slots=True)
class Capture:
    """The ``document`` to be written as JSON, and what there is to say of it."""

    document: Mapping[str, Any]
    replaced: Mapping[str, int]
    left_out: int
    stays: Mapping[str, Sequence[str]]
    still_read: tuple[str, ...]


def capture_of(answers: Mapping[str, Answer], *, now: float, product: str, keep: Collection[str] = ()) -> Capture:
    """Return the file of these answers.

    Parameters
    ----------
    now
        Seconds since the epoch at which they were given.
    product
        The version of this package.
    keep
        Names that stay as they are.
    """
    disguise = Disguise(now, keep)
    _written(answers, disguise)
    disguise.settle()
    written, left_out = _written(answers, disguise)
    version = written["version"].get("stdout", [""])[0] if "version" in written else ""
    document = {
        "format": FORMAT,
        "version": VERSION,
        "about": ABOUT,
        "product": product,
        "slurm": version,
        "kept": sorted(keep),
        "replaced": dict(sorted(disguise.replaced.items())),
        "answers": written,
    }
    stays = {what: sorted(found) for what, found in sorted(disguise.stays.items())}
    return Capture(document, document["replaced"], left_out, stays, disguise.still_read)  # type: ignore[arg-type]


def _written(answers: Mapping[str, Answer], disguise: Disguise) -> tuple[dict[str, dict[str, Any]], int]:
    left_out = 0
    written: dict[str, dict[str, Any]] = {}
    for name, answer in answers.items():
        entry: dict[str, Any] = {"argv": [argument.replace(MARK, FILE_MARK) for argument in answer.argv]}
        if answer.result is None:
            entry |= {"failed": answer.failed, "words": disguise.text(answer.words)}
        else:
            stdout, lines = without_what_is_left_out(rewritten(name, answer.result.stdout, disguise))
            left_out += lines
            entry |= {
                "exit_status": answer.result.returncode,
                "seconds": round(answer.result.seconds, 2),
                "stdout": stdout.split("\n"),
                "stderr": disguise.text(answer.result.stderr).split("\n"),
            }
        written[name] = entry
    return written, left_out
