"""A Hub that is not root: sbatch and scancel as the user through sudo, with the rule that we ship."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from conftest import CHECKOUT
from private_slurm import packages
from private_slurm.releases import JUPYTERHUB_VERSION
from private_slurm.users import ensure_system_users
from site_under_test import Site

HUB_USER = "demo-hub"

PROGRAM = """
import asyncio, json, os, sys
from spawner.cluster import Cluster
from spawner.slurm.run import Identity, SlurmRunner

given = json.loads(sys.stdin.read())

async def main():
    cluster = Cluster(runner=SlurmRunner(slurm_conf=given["slurm_conf"]))
    ada, hub = Identity.of(given["user"]), os.geteuid()
    options = ["--partition=g100_int", "--account=cin_train", "--mem=100M", "--time=5", "--export=ALL", "--chdir=/"]
    options.append("--output=" + given["output"])
    environment = {"PATH": "/usr/bin:/bin", "JUPYTERHUB_API_TOKEN": given["token"], "MY_VALUE": given["value"]}
    job = await cluster.submit(["sbatch", "--parsable", *options], given["script"], environment, ada)
    other = await cluster.submit(["sbatch", "--parsable", *options], "#!/bin/sh\\nsleep 600\\n", environment, ada)
    await cluster.cancel(other, ada)
    beyond = await cluster.runner.run(["scontrol", "ping"], identity=ada)
    print(json.dumps({"job": job, "other": other, "hub": hub, "beyond": beyond.returncode}))

asyncio.run(main())
"""


def test_submit_and_cancel_through_sudo(site: Site, test_folder: Path, tmp_path: Path) -> None:
    """The job is the user's, its environment arrives byte for byte, the order to cancel counts, and no third command is allowed."""
    if os.geteuid() != 0:
        pytest.skip("needs root: makes the user that the Hub runs as, and a name space in which sudo knows the rule")
    packages.ensure_debian_packages(["sudo"])
    ensure_system_users([HUB_USER])
    user = site.users[0]
    rules = tmp_path / "sudoers.d"
    rules.mkdir()
    rule = (CHECKOUT / "share" / "resource_form" / "sudoers").read_text()
    rule = re.sub(r"^jupyterhub ", f"{HUB_USER} ", rule, flags=re.MULTILINE).replace("%hpc-users", user)
    (rules / "resource-form").write_text(rule)
    (rules / "resource-form").chmod(0o440)
    environment = packages.ensure_venv(test_folder / "hub-environment", [f"jupyterhub=={JUPYTERHUB_VERSION}"])
    packages.ensure_checkout(environment, CHECKOUT)
    output = Path("/tmp") / f"resource-form-sudo-{os.getpid()}.out"
    value = 'a,b "c" $HOME\nend'
    given = {
        "slurm_conf": str(site.cluster.slurm_conf),
        "user": user,
        "token": "a-secret-token",
        "value": value,
        "output": str(output),
        "script": '#!/bin/sh\nid -un\nprintf \'%s|%s|\' "$JUPYTERHUB_API_TOKEN" "$MY_VALUE"\n',
    }
    # In a name space of its own the rule lies over /etc/sudoers.d: the machine's own rules are not touched.
    become = f"setpriv --reuid={HUB_USER} --regid={HUB_USER} --init-groups"
    script = f'mount --bind {rules} /etc/sudoers.d && exec {become} {environment}/python -I -c "$0"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, PROGRAM],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd="/",
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    try:
        site.cluster.wait_for_job_state(told["job"], "COMPLETED")
        site.cluster.wait_for_job_state(told["other"], "CANCELLED")
        assert told["hub"] != 0
        assert site.cluster.job(told["job"])["UserId"].startswith(f"{user}(")
        who, rest = output.read_text().split("\n", 1)
        assert who == user
        assert rest == f"a-secret-token|{value}|"
        assert told["beyond"] != 0, "sudo must refuse what the rule does not name"
    finally:
        output.unlink(missing_ok=True)
