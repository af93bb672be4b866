"""What settings of several kinds are checked for."""

from __future__ import annotations

from typing import Any

from traitlets import TraitError


def check_command(proposal: Any) -> Any:
    """Return the value of a trait that is a command with its arguments, as it was proposed; empty for none.

    Raises
    ------
    TraitError
        It is not the absolute path of a program, or has a NUL in it.
    """
    command, name = proposal["value"], f"ResourceFormSpawner.{proposal['trait'].name}"
    if command and (not command[0].startswith("/") or command[0].split() != command[:1]):
        raise TraitError(f"{name}: {command[0]!r} is not the absolute path of a program, without blanks")
    if any("\0" in word for word in command):
        raise TraitError(f"{name}: an argument has a NUL in it")
    return command
