"""Which commands of ours still run on this machine: one outlives the Hub that started it, and anybody may write anything into arguments."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

PROC = Path("/proc")

_REAL_UID = re.compile(rb"^Uid:\s+([0-9]+)\s", re.MULTILINE)


def is_running(command: str, text: str, *, user: str, uid: int, sudo: Sequence[str], proc: Path = PROC) -> bool:
    """Tell whether a process that we can see runs one of Slurm's commands for a user, with ``text`` in its arguments.

    It is the user's own, or a sudo that the Hub has started for that user: the real uid of a sudo stays that of whoever called it.

    Parameters
    ----------
    command
        The bare name. A site may have put a script of that name in its place, whose interpreter is then the program.
    sudo
        The words in front of a command that runs as another user.
    """
    own = os.getuid()
    for folder in proc.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            argv = [os.fsdecode(word) for word in (folder / "cmdline").read_bytes().split(b"\0")]
            if not any(text in word for word in argv):
                continue
            found = _REAL_UID.search((folder / "status").read_bytes())
        except OSError:
            continue
        of = int(found[1]) if found is not None else -1
        if of == uid and _names(argv[:4], command):
            return True
        if of == own and sudo and _names(argv[:1], Path(sudo[0]).name) and "--" in argv:
            at = argv.index("--")
            if user in argv[:at] and _names(argv[at + 1 : at + 2], command):
                return True
    return False


def _names(words: Sequence[str], command: str) -> bool:
    """Whether one of the words is a path of the command, or of a script around it (``sbatch.real``)."""
    return any(Path(word).name.split(".")[0] == command for word in words)
