"""How a command ends: what went wrong is one sentence on standard error, and an exit code."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from .exit_codes import FAILED, INTERRUPTED, NOBODY_READS, REFUSED, UNREACHABLE, WRONG
from .hub_client import HubTrouble, WrongCall, plain

REFUSALS = (400, 401, 403, 409, 429)
"""Answers of HTTP with which the Hub refuses what was asked; mostly it says why."""


class NotPossible(Exception):
    """What was asked for cannot be done; the message is for the user, ``code`` the exit status."""

    def __init__(self, sentence: str, code: int = FAILED) -> None:
        super().__init__(sentence)
        self.code = code


def answered(command: str, work: Callable[[], int]) -> int:
    """Do the work of a command; return the exit status of the process.

    What goes wrong is told in a sentence. Ctrl-C ends it quietly, and so does a reader of its output who has gone.
    """
    # Whoever has started it in the background may have had Ctrl-C ignored, and kill -INT with it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        code = work()
        sys.stdout.flush()
    except WrongCall as error:
        return told(command, str(error), WRONG)
    except NotPossible as error:
        return told(command, str(error), error.code)
    except HubTrouble as error:
        return told(command, *words_of(error))
    except KeyboardInterrupt:
        with suppress(OSError):
            sys.stdout.write("\n" if sys.stdout.isatty() else "")
            sys.stdout.flush()
        return INTERRUPTED
    except BrokenPipeError:
        # Python would complain about it once more when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOBODY_READS
    return code


def words_of(error: HubTrouble) -> tuple[str, int]:
    """Return what is said of trouble with the Hub, and the exit code."""
    if error.status in REFUSALS:
        return error.said or str(error), REFUSED
    return str(error), UNREACHABLE


def told(command: str, sentence: str, code: int) -> int:
    """Tell a sentence on standard error, and return the code."""
    sys.stderr.write(f"resource-form {command}: {plain(sentence).strip()}\n")
    return code


def say(*lines: object) -> None:
    """Write lines to standard output, each without what a terminal takes as an order; empty ones are left out."""
    sys.stdout.write("".join(f"{plain(str(line))}\n" for line in lines if line))


def note(*lines: object) -> None:
    """Write lines to standard error, as :func:`say`."""
    sys.stderr.write("".join(f"{plain(str(line))}\n" for line in lines if line))


def print_json(answer: Mapping[str, Any] | Sequence[Any]) -> None:
    """Print one line of JSON; what a terminal could take as an order is written as an escape."""
    text = json.dumps(answer, ensure_ascii=False)
    sys.stdout.write(f"{text if text.isprintable() else json.dumps(answer)}\n")
