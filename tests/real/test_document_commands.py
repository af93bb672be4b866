"""The commands of the documents, as they stand there, by a shell: on a Hub and a cluster, with the site's names in place of the example's.

``tests/unit/test_document_commands.py`` says of all the others which test runs them.
"""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
import time
from pathlib import Path

from tests.support.document_commands import DOCUMENTS, commands
from tests.support.site_under_test import Site, wait_for
from tests.support.terminal import Terminal

RUN = (
    ("resource-form login https://jupyter.example.org", r"You are logged in to \S+ as ada\."),
    ("resource-form gpus", r"(?s)NODE .*g003 +idle +2 of 2 v100"),
    ("resource-form launch -c 8 -m 32 -g 1 -t 4h", r"You may access your Jupyter notebook at: https://jupyter\.example\.org/user/ada/"),
    ("resource-form list", r"\(without a name\)\s+Running .*1 × V100, 8 cores, 32 GB"),
    ("resource-form forward 8000", r"ssh -N -L 8000:[\w.]+:8000 ada@login\.example\.org"),
    (
        'curl -s -H "Authorization: token $TOKEN" https://jupyter.example.org/hub/api/resource-form/sessions',
        r'"state": ?"running"',
    ),
    (
        'curl -sN -H "Authorization: token $TOKEN" https://jupyter.example.org/hub/api/resource-form/sessions/events',
        r"(?s)data: ?\{.*running",
    ),
    (
        'curl -s -H "Authorization: token $TOKEN" "https://jupyter.example.org/hub/api/resource-form/log?job=4711"',
        r"(?i)jupyter",
    ),
    ("resource-form stop", r"\(without a name\) is stopped, and job \d+ is gone\."),
    (
        "resource-form launch -g 1 -b -N train && resource-form status train --quiet -w 3600 && ./begin.sh",
        r"the training begins",
    ),
    (
        (
            'curl -s -X POST -H "Authorization: token $TOKEN" -d \'{"user": "ada", "server": "fit", "why": "The node is needed."}\' '
            "https://jupyter.example.org/hub/api/resource-form/stop"
        ),
        r"^$",
    ),
    ("resource-form login http://127.0.0.1:8000", r"You are logged in to \S+ as ada\."),
    ("resource-form launch -c 2 -m 4 -t 1h", r"You may access your Jupyter notebook at: https://jupyter\.example\.org/user/ada/"),
    ("squeue", r" ada +R "),
    ("resource-form stop", r"\(without a name\) is stopped, and job \d+ is gone\."),
    (
        "scontrol create reservation ReservationName=s_gpu_course Accounts=cin_train Nodes=g003 StartTime=now+1hour Duration=04:00:00",
        r"Reservation created: s_gpu_course",
    ),
    ("scontrol delete ReservationName=s_gpu_course", r"^$"),
    ("resource-form report --month 2026-11", r"Account +Release +Partition +Sessions +Hours +GPU hours"),
    ("resource-form report --month 2026-11 --csv > 2026-11.csv", r"^$"),
    ("resource-form capture --output capture.json", r"(?i)replaced"),
    ("resource-form gpu-token --token-file /etc/jupyterhub/gpu-report-token --directory tokens 'g[001-100]'", r"100"),
    ('eval "$(resource-form completion bash)"', r"^$"),
    (
        'cp "$(resource-form files jupyterhub_config.example.py)" /etc/jupyterhub/jupyterhub_config.py',
        r"^$",
    ),
    (
        (
            "#!/bin/sh\n"
            "/opt/jupyterhub/bin/resource-form doctor -f /etc/jupyterhub/jupyterhub_config.py --user monitor --json "
            ">/run/jupyterhub/doctor.json\n"
            "case $? in 0) echo OK; exit 0 ;; 1) echo WARNING; exit 1 ;; 3) echo CRITICAL; exit 2 ;; *) echo UNKNOWN; exit 3 ;; esac\n"
        ),
        r"^(OK|WARNING|CRITICAL)\n$",
    ),
)
"""In the order in which they are run, each with what it prints, in the documents' names."""


def here(site: Site, folder: Path, month: str) -> dict[str, str]:
    """What stands in the documents, and what it is here; the month is that in which the last session ended."""
    return {
        "https://jupyter.example.org": site.hub.url.rstrip("/"),
        "http://127.0.0.1:8000": site.hub.url.rstrip("/"),
        '.example.py)" /etc/jupyterhub': f'.example.py)" {folder}',
        "/etc/jupyterhub/jupyterhub_config.py": str(site.hub.config_file),
        "/etc/jupyterhub": str(folder),
        "/opt/jupyterhub/bin": str(Path(sys.prefix) / "bin"),
        "/run/jupyterhub": str(folder),
        "monitor": site.users[0],
        "2026-11": month,
        '"ada"': f'"{site.users[0]}"',
    }


def test_each_command_does_what_its_page_says(site: Site, tmp_path: Path) -> None:
    """One after the other, by one user in one folder; nothing is a traceback. What only an admin may is done with an admin's token."""
    user, admin = Terminal.of(site, tmp_path), tmp_path / "admin"
    admin.write_text(site.token)
    token = user.token.read_text()
    (tmp_path / "gpu-report-token").write_text(secrets.token_hex(32))
    (tmp_path / "gpu-report-token").chmod(0o600)
    (tmp_path / "begin.sh").write_text("#!/bin/sh\necho the training begins\n")
    (tmp_path / "begin.sh").chmod(0o755)
    path = f"{Path(sys.prefix) / 'bin'}:{site.cluster.bin_dir}:{os.environ['PATH']}"
    known = {command for document in DOCUMENTS for command in commands(document)}
    wrong, month = [], ""
    for command, printed in RUN:
        assert command in known, command
        variables = {"PATH": path, "HOME": str(tmp_path), "SLURM_CONF": str(site.cluster.slurm_conf), "TOKEN": token}
        variables["RESOURCE_FORM_LOGIN_HOST"] = "login.example.org"
        if "/stop" in command or " report " in command:
            variables |= {
                "TOKEN": site.token,
                "RESOURCE_FORM_TOKEN_FILE": str(admin),
                "RESOURCE_FORM_HUB_API_URL": f"{site.hub.url}hub/api",
            }
        if '"fit"' in command:
            site.start({"gpus": 0}, server="fit")
        text = command.replace("4711", site.job_of()["JobId"]) if "4711" in command else command
        for theirs, ours in here(site, tmp_path, month).items():
            text = text.replace(theirs, ours)
        limit = ["timeout", "3"] if "events" in command else []
        done = subprocess.run(
            [*limit, "bash", "-c", text],
            cwd=tmp_path,
            env=user.environment(**variables),
            input=token,
            capture_output=True,
            text=True,
            timeout=120,
        )
        said = (done.stdout + done.stderr).replace(site.hub.url, "https://jupyter.example.org/").replace(site.users[0], "ada")
        codes = {124} if limit else {0, 1, 2} if "doctor" in command else {0}
        if "Traceback" in said or done.returncode not in codes or not re.search(printed, said):
            wrong.append(f"{command}\n{done.returncode}: {said}")
        if "./begin.sh" in command:
            site.clean()
        if command == "resource-form stop":
            month = time.strftime("%Y-%m")
    assert not wrong, "\n\n".join(wrong)
    assert (tmp_path / f"{month}.csv").read_text().startswith("month,account,")
    assert (tmp_path / "capture.json").stat().st_mode & 0o077 == 0
    assert (tmp_path / "jupyterhub_config.py").read_text().startswith('"""A configuration that an HPC centre can start from.')
    wait_for(lambda: site.cluster.active_jobs() == [], "the session that was stopped to be gone", 60)
