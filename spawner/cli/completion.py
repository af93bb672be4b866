"""``resource-form completion``: what a shell needs to complete the command's words. Needs argcomplete; all else does without."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from ..i18n import _
from .answering import NotPossible, answered
from .exit_codes import READY
from .hub_client import Hub, HubTrouble, WrongCall
from .hubs import known_hubs
from .servers import Servers
from .which_hub import hub_of

SHELLS = ("bash", "zsh", "fish")
PATIENCE_SECONDS = 2.0
"""So long the Hub is waited for while somebody looks at the prompt."""

Names = Callable[[argparse.Namespace], Iterable[str]]

EPILOG = """\
bash:  eval "$(resource-form completion bash)"           in ~/.bashrc
zsh:   eval "$(resource-form completion zsh)"            in ~/.zshrc, behind compinit
fish:  resource-form completion fish | source            in ~/.config/fish/config.fish"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    parser.add_argument("shell", choices=SHELLS, help=_("the shell"))


def run(arguments: argparse.Namespace) -> int:
    """Print the lines for the shell; return the exit status of the process."""
    return answered("completion", lambda: _print(arguments.shell))


def _print(shell: str) -> int:
    try:
        from argcomplete.shell_integration import shellcode
    except ImportError:
        raise NotPossible(_("The Python package argcomplete is missing here: pip install argcomplete.")) from None
    sys.stdout.write(shellcode(["resource-form"], shell=shell))  # nosec B604 - the name of one
    return READY


def words_so_far() -> list[str]:
    """Return the words of the line in the shell, without the command's own name."""
    return os.environ.get("COMP_LINE", "").split()[1:]


def answer(parser: argparse.ArgumentParser) -> None:
    """Tell the shell what may stand next, and end the process; without argcomplete nothing is told."""
    try:
        from argcomplete import autocomplete
    except ImportError:
        sys.exit(1)
    _complete(parser)
    autocomplete(parser)


def _complete(parser: argparse.ArgumentParser) -> None:
    """Say of each argument that has a name of something in it whose names these are."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to them, and argcomplete goes it as well
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for each in action.choices.values():
                _complete(each)
        elif action.dest in _NAMES:
            action.completer = _Completer(_NAMES[action.dest])  # type: ignore[attr-defined]


class _Completer:
    """One of argcomplete's: whatever goes wrong, there is no word to offer, and nothing is written over the prompt."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def __call__(self, parsed_args: argparse.Namespace, **_rest: Any) -> list[str]:
        try:
            return sorted(self._names(parsed_args))
        except (WrongCall, HubTrouble, OSError, AttributeError):
            return []


def _hub(arguments: argparse.Namespace) -> Hub:
    return replace(hub_of(arguments), timeout=PATIENCE_SECONDS)


def _sessions(arguments: argparse.Namespace) -> Iterable[str]:
    return filter(None, Servers.of(_hub(arguments)).models())


def _partitions(arguments: argparse.Namespace) -> Iterable[str]:
    return _hub(arguments).read("GET", "resource-form/cluster").get("partitions") or {}


def _releases(arguments: argparse.Namespace) -> Iterable[str]:
    found = _hub(arguments).read("GET", "resource-form/releases").get("releases") or []
    return (str(release["tag"]) for release in found)


_NAMES: dict[str, Names] = {
    "hub": lambda _arguments: known_hubs(),
    "partition": _partitions,
    "field_partition": _partitions,
    "field_release": _releases,
    "name": _sessions,
    "names": _sessions,
    "server": _sessions,
    "session": _sessions,
}
"""Whose names they are, by where argparse keeps the argument."""
