"""What an admin or a user does with a running cluster: the conveniences that tests are written in."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from private_slurm.errors import PrivateSlurmError
from private_slurm.processes import wait_until
from private_slurm.users import credentials, current_user, home_of

COMMANDS = ("sbatch", "squeue", "scontrol", "scancel", "sacctmgr", "sinfo", "sacct", "srun", "sshare", "sprio", "sstat", "sreport")
ENDED = ("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "TIMEOUT")


class ClusterOperations:
    """Slurm's commands against the cluster in one folder, whoever started it."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder).absolute()

    @property
    def slurm_conf(self) -> Path:
        """The configuration that every Slurm command has to be told of, in SLURM_CONF."""
        return self.folder / "etc" / "slurm.conf"

    @property
    def bin_dir(self) -> Path:
        """The folder that holds this cluster's version of Slurm's commands, for every user."""
        return self.folder / "bin"

    def command_environment(self) -> dict[str, str]:
        """The variables that make a Slurm command talk to this cluster."""
        return {"SLURM_CONF": str(self.slurm_conf)}

    def run(
        self,
        *argv: str,
        user: str | None = None,
        input: str | None = None,  # noqa: A002 - the name that subprocess.run has for it
        check: bool = True,
        timeout_s: float = 60,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command against this cluster, as another user if asked (root only), with a small environment of its own."""
        name = user or current_user()
        environment = {
            "PATH": f"{self.bin_dir}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "LC_ALL": "C.UTF-8",
            "HOME": home_of(name),
            "USER": name,
            "LOGNAME": name,
            **self.command_environment(),
            **(env or {}),
        }
        done = subprocess.run(
            argv,
            input=input if input is not None else "",
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
            env=environment,
            cwd=home_of(name),
            **credentials(user),
        )
        if check and done.returncode != 0:
            said = (done.stderr + done.stdout).strip()
            raise PrivateSlurmError(f"{' '.join(argv)} failed with exit status {done.returncode}: {said}")
        return done

    def submit(self, *options: str, user: str | None = None, script: str = "sleep 3600", check_output: bool = False) -> int:
        """Submit a batch job that runs `script` (by default one that only fills its place) and return its id."""
        output = () if check_output or any(option.startswith("--output") for option in options) else ("--output=/dev/null",)
        done = self.run("sbatch", "--parsable", *output, *options, user=user, input=f"#!/bin/bash\n{script}\n")
        return int(done.stdout.strip().splitlines()[-1].split(";")[0])

    def job(self, job_id: int) -> dict[str, str]:
        """A job as `scontrol show job` has it, `{}` if Slurm does not know it."""
        done = self.run("scontrol", "-o", "show", "job", "-d", str(job_id), check=False)
        return dict(word.split("=", 1) for word in done.stdout.split() if "=" in word)

    def job_state(self, job_id: int) -> str:
        """A job's state in capitals, `""` if Slurm does not know it."""
        return self.job(job_id).get("JobState", "")

    def wait_for_job_state(self, job_id: int, *states: str, deadline_s: float = 30) -> str:
        """Wait until a job is in one of these states (by default: ended) and return the one it is in."""
        wanted = states or ENDED

        def reached() -> str:
            state = self.job_state(job_id)
            return state if state in wanted else ""

        return wait_until(reached, f"job {job_id} to be {' or '.join(wanted)}", deadline_s, lambda: str(self.job(job_id)))

    def active_jobs(self) -> list[int]:
        """The ids of all jobs that wait, run or are just ending."""
        states = "PENDING,RUNNING,SUSPENDED,COMPLETING,CONFIGURING"
        done = self.run("squeue", "--noheader", "--all", f"--states={states}", "--format=%A")
        return sorted({int(line) for line in done.stdout.split()})

    def cancel_all(self, deadline_s: float = 15) -> None:
        """Cancel every job and wait until their resources are free again."""
        jobs = self.active_jobs()
        if jobs:
            self.run("scancel", *map(str, jobs), check=False)
            wait_until(lambda: not self.active_jobs(), "all jobs to end", deadline_s, lambda: self.run("squeue", check=False).stdout)

    def node(self, name: str) -> dict[str, str]:
        """A node as `scontrol show node -d` has it."""
        done = self.run("scontrol", "-o", "show", "node", "-d", name)
        return dict(word.split("=", 1) for word in done.stdout.split() if "=" in word)

    def drain(self, node: str, reason: str = "out for a test") -> None:
        """Let no more jobs start on a node."""
        self.run("scontrol", "update", f"NodeName={node}", "State=DRAIN", f"Reason={reason}")

    def set_down(self, node: str, reason: str = "broken for a test") -> None:
        """Say that a node is broken: what runs on it has failed."""
        self.run("scontrol", "update", f"NodeName={node}", "State=DOWN", f"Reason={reason}")

    def resume_all(self) -> None:
        """Put every node back into service that is drained or down but answers: Slurm itself drains one that has a job of a lost life."""
        for line in self.run("sinfo", "--noheader", "--Node", "--Format=NodeList:|,StateComplete:|").stdout.splitlines():
            node, state = (part.strip() for part in line.split("|")[:2])
            if ("drain" in state or state.startswith("down")) and "not_responding" not in state:
                self.resume(node)

    def resume(self, node: str) -> None:
        """Bring a drained or down node back, and wait until jobs can start there."""
        self.run("scontrol", "update", f"NodeName={node}", "State=RESUME")

        def usable() -> bool:
            return not re.search("DOWN|DRAIN|NOT_RESPONDING", self.node(node)["State"])

        wait_until(usable, f"node {node} to be usable", 20, lambda: str(self.node(node)))

    def create_reservation(self, name: str, options: str) -> None:
        """Make a reservation; `options` as scontrol has them, `Nodes=g004 Users=ada`. It starts now, for a day, unless they say so."""
        words = options.split()
        given = {word.split("=", 1)[0].lower() for word in words}
        defaults = [f"{key}={value}" for key, value in (("StartTime", "now"), ("Duration", "1-00:00:00")) if key.lower() not in given]
        self.run("scontrol", "create", "reservation", f"ReservationName={name}", *defaults, *words)

    def delete_reservation(self, name: str) -> None:
        """Take a reservation away."""
        self.run("scontrol", "delete", f"ReservationName={name}")

    def sacctmgr(self, *argv: str) -> str:
        """Change or list accounts, users and QOS; no question is asked."""
        return self.run("sacctmgr", "--immediate", "--parsable2", "--noheader", *argv).stdout


def controller_answers(operations: ClusterOperations) -> bool:
    """Whether slurmctld answers a ping."""
    return " UP" in operations.run("scontrol", "ping", check=False, timeout_s=15).stdout


__all__ = ["COMMANDS", "ENDED", "ClusterOperations", "controller_answers"]
