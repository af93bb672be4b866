"""What the demo shows besides a bare Hub: presets and a course in a file, several sessions, notices, a budget, GPUs' reports, an admin."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from private_slurm.hub import PrivateHub
from private_slurm.processes import ProcessFolder
from private_slurm.services import SYSTEM_PATH

ADMIN = "demo-admin"
STAND_IN = Path(__file__).resolve().parent / "nvml_stand_in"
GPU_NODES = tuple(f"g{number:03}" for number in range(1, 5))
REPORT_SECONDS = 5

FORM = """\
# Fields and presets of the demo's form. Change something and load the form anew: the Hub reads this file again.
fields:
  qos: {}
presets:
  - name: notebook
    label: A notebook
    description: 2 cores, 8 GB, 4 h
    values: {partition: g100_int, gpus: 0, cores: 2, memory: 8G, walltime: 4h}
  - name: gpu
    label: One GPU
    description: 1 V100, 8 cores, 64 GB, 4 h
    values: {partition: g100_int, gpus: "v100:1", cores: 8, memory: 64G, walltime: 4h}
  - name: school
    label: The school
    description: 1 V100 of the course, 4 cores, 32 GB, 2 h
    values: {partition: g100_int, reservation: s_tra_school, account: cin_train, gpus: "v100:1", cores: 4, memory: 32G, walltime: 2h}
    groups: [school, leaders]
"""

BUDGETS = """\
#!/bin/sh
# The budgets of the demo's accounts, as a site's own program would print them.
cat <<'END'
[{"account": "cin_staff", "unit": "core hours", "limit": 20000, "used": 7310},
 {"account": "cin_train", "unit": "core hours", "limit": 500, "used": 462}]
END
"""


def notices(base_url: str) -> str:
    """The text of the file of notices: one that ends today in a week, one that leads to the page of the course."""
    until = (datetime.now().astimezone() + timedelta(days=7)).date().isoformat()
    entries = [
        {"text": f"This is a demo: nothing here is charged to anybody. Maintenance on {until}, from 8:00 to 12:00.", "level": "info"},
        {
            "text": "Course: GPU programming. The page of the class says how much room there is.",
            "link": f"{base_url}hub/resource-form/class?preset=school",
            "groups": ["school", "leaders"],
        },
    ]
    return "notices: " + json.dumps(entries, indent=2) + "\nhealth: {}\n"


@dataclass(frozen=True)
class Showcase:
    """What is written into `folder`, and what the Hub's configuration says of it.

    `users` are those of the cluster; the first leads the course. `admin` is the administrator, whose
    password, `admin_password`, has 32 characters at least, as JupyterHub demands.
    """

    folder: Path
    users: Sequence[str]
    admin: str
    admin_password: str

    @property
    def token_file(self) -> Path:
        """Holds the token that the nodes' tokens are made of."""
        return self.folder / "gpu-report-token"

    def write(self, base_url: str = "/") -> None:
        """Write the files that the configuration names. What a visitor has changed in the form's file stays."""
        self.folder.mkdir(parents=True, exist_ok=True)
        form = self.folder / "form.yaml"
        if not form.exists():
            form.write_text(FORM)
        (self.folder / "notices.yaml").write_text(notices(base_url))
        budgets = self.folder / "budgets"
        budgets.write_text(BUDGETS)
        budgets.chmod(0o755)
        self.token_file.unlink(missing_ok=True)
        with os.fdopen(os.open(self.token_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32) + "\n")

    def config(self) -> str:
        """Configuration text, for below the Hub's own."""
        first, others = self.users[0], list(self.users[1:]) or [self.users[0]]
        return f"""
spawner.configure(c, gpu_report_token_file={str(self.token_file)!r})
c.JupyterHub.allow_named_servers = True
c.ResourceFormSpawner.form_file = {str(self.folder / "form.yaml")!r}
c.ResourceFormSpawner.notices_file = {str(self.folder / "notices.yaml")!r}
c.ResourceFormSpawner.budget_command = [{str(self.folder / "budgets")!r}]
c.Authenticator.admin_users = {{{self.admin!r}}}
c.Authenticator.allowed_users = {{*{list(self.users)!r}, {self.admin!r}}}
c.SharedPasswordAuthenticator.admin_password = {self.admin_password!r}
c.JupyterHub.load_groups = {{"school": {{"users": {others!r}}}, "leaders": {{"users": [{first!r}]}}}}
c.JupyterHub.load_roles.append({{
    "name": "school-leader", "groups": ["leaders"],
    "scopes": ["list:users!group=school", "read:servers!group=school", "delete:servers!group=school"],
}})
"""

    def start_reporters(self, hub: PrivateHub) -> None:
        """Start the reporter of each node with GPUs, with the token of the node, on a stand-in for NVML."""
        command = str(hub.bin_dir / "resource-form")
        processes, tokens = self.processes, self.folder / "tokens"
        env = {"PATH": f"{hub.bin_dir}:{SYSTEM_PATH}", "LANG": "C.UTF-8", "HOME": os.path.expanduser("~")}
        make = [command, "gpu-token", "--token-file", str(self.token_file), "--directory", str(tokens), *GPU_NODES]
        processes.run("gpu-tokens", make, env, 30)
        for node in GPU_NODES:
            where = ["--hub-api-url", hub.api_url, "--token-file", str(tokens / node), "--node", node]
            own = {**env, "PYTHONPATH": str(STAND_IN), "RESOURCE_FORM_STAND_IN_NODE": node}
            lock = ["--lock-file", str(self.folder / f"{node}.lock")]
            processes.start(f"gpu-report-{node}", [command, "gpu-report", *where, *lock, "--interval", str(REPORT_SECONDS)], own)

    @property
    def processes(self) -> ProcessFolder:
        """The reporters."""
        return ProcessFolder(self.folder)
