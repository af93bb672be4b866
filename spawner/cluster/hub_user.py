"""The user that the Hub runs as, as Slurm sees it."""

from __future__ import annotations

import os
import pwd


class HubUser:
    """Who asks Slurm: the user of this process, or the one of ``uid`` where the commands are run as somebody else."""

    def __init__(self, uid: int | None = None) -> None:
        self._uid = uid

    @property
    def uid(self) -> int:
        """The numeric id."""
        return os.geteuid() if self._uid is None else self._uid

    @property
    def is_root(self) -> bool:
        """Whether nothing is hidden from it."""
        return self.uid == 0

    @property
    def name(self) -> str:
        """The name, the numeric id where the system has none."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return str(self.uid)
