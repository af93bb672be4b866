"""A rule for sudo that one name space of the machine has, and no other: for tests of a Hub that is not root."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from private_slurm.operations import COMMANDS

from spawner.session.log_reader import INSTALLED_READER
from spawner.slurm.sudo import INSTALLED_SUBMITTER
from tests.support.real_hub import CHECKOUT

HUB_USER = "demo-hub"
SHARED = CHECKOUT / "share" / "resource_form"


@dataclass
class Rules:
    """A place for rules and programs that one name space sees as /etc/sudoers.d and /usr/local/libexec: the machine's are not touched.

    There the commands of the cluster's Slurm, whichever version it is, are those in /usr/bin, of which the rule speaks.
    """

    folder: Path
    users: tuple[str, ...]
    slurm_commands: Path

    def write(self, text: str) -> None:
        """Have sudo know this rule and no other, with the names and paths of the tests in it."""
        rules = self.folder / "sudoers.d"
        rules.mkdir(parents=True, exist_ok=True)
        text = re.sub(r"^jupyterhub ", f"{HUB_USER} ", text, flags=re.MULTILINE).replace("%hpc-users", ", ".join(self.users[:2]))
        path = rules / "resource-form"
        path.unlink(missing_ok=True)
        path.write_text(text.replace("/etc/jupyterhub-resource-form.env", str(self.folder / "environment")))
        path.chmod(0o440)
        subprocess.run(["visudo", "--check", "--strict", "--file", str(path)], check=True, capture_output=True)

    def wrapper(self, *programs: str, before: str = "") -> tuple[str, ...]:
        """argv that makes a command run as the Hub's user in that name space, with these programs of ours installed."""
        above = Path(INSTALLED_READER).parent.parent
        above.mkdir(exist_ok=True)
        install = [f"mount --bind {self.folder / 'sudoers.d'} /etc/sudoers.d", f"mount -t tmpfs tmpfs {above}"]
        sources = {INSTALLED_SUBMITTER: "submit.py", INSTALLED_READER: "session_log.py"}
        install += [f"mount --bind {self.slurm_commands / name} /usr/bin/{name}" for name in COMMANDS]
        install += [f"install -D --mode=0755 {SHARED / sources[program]} {program}" for program in programs]
        become = f"setpriv --reuid={HUB_USER} --regid={HUB_USER} --init-groups"
        return ("unshare", "--mount", "sh", "-ec", "\n".join([before, *install, f'exec {become} "$@"']), "sh")
