"""Has one small job look around on a node, and asks it what it sees: what of a site shows nowhere else."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...cluster.cluster import SlurmCluster
from ...errors import RequestRejected, ResourceFormError, SlurmRefused
from ...job.sbatch import JOB_PATH
from ...request.model import SessionRequest
from ...slurm import commands
from ...slurm.runner import Identity, read
from ...slurm.states import ENDED
from . import probe
from .addresses import talk
from .facts import JobFacts
from .read_config import Configured
from .read_user import Trial

SMALLEST: Mapping[str, Any] = {"cores": 1, "memory": "1G", "gpus": 0, "walltime": 1}
NAME = "resource-form-doctor"
"""The job's name and comment: no Hub takes it for a session."""

LOOK_SECONDS = 0.5
CONNECT_SECONDS = 3.0
RUN_SECONDS = 90.0
"""So long a job of a minute may take from its start to its end."""
PORTS = (20000, 32000)
"""Where any port will do: below those that systems give to connections by themselves."""
MAX_PORTS = 5

_SCRIPT = """#!/bin/bash
command -v python3 >/dev/null || exit 127
exec python3 -I - <<'END_OF_PROBE'
{probe}
END_OF_PROBE
"""
_FIELD = re.compile(r"(?:^|\s)(JobState|Reason|BatchHost|ExitCode)=(\S+)")

Say = Callable[[str], object]


async def read_job(configured: Configured, name: str, api_url: str, *, patience: float, say: Say) -> JobFacts:
    """Submit the job, wait until it has told, and end it.

    Parameters
    ----------
    patience
        Seconds that it may wait in the queue.
    say
        Is told what happens meanwhile.
    """
    cluster = configured.cluster
    ports, word = _ports(configured.settings.port_range), secrets.token_hex(16)
    try:
        identity = (await cluster.member(name)).identity
        trial = Trial(configured, identity)
        request = await _smallest(trial)
        told = {"ports": ports, "word": word, "hub": api_url}
        job_id = await cluster.submit(
            tuple(map(_as_ours, await trial.argv(request))),
            _script(),
            {**_environment(identity), probe.TOLD_IN: json.dumps(told)},
            identity,
        )
    except SlurmRefused as error:
        return JobFacts(error=" / ".join(error.details) or error.sentence)
    except RequestRejected as error:
        return JobFacts(error=error.sentence)
    except ResourceFormError as error:
        return JobFacts(error=error.log)
    say(f"{job_id}: {request.partition}")
    watch = _Watch(cluster, job_id)
    try:
        return await _told(watch, JobFacts(tried=tuple(ports)), word, identity, patience)
    except ResourceFormError as error:
        return JobFacts(error=error.log)
    finally:
        if watch.state not in ENDED:
            with contextlib.suppress(ResourceFormError):
                await cluster.cancel(job_id, identity)


def _ports(port_range: str) -> list[int]:
    low, high = map(int, port_range.split("-")) if port_range else PORTS
    # A port is no secret: the word is.
    return random.sample(range(low, high + 1), min(MAX_PORTS, high + 1 - low))  # nosec B311


def _script() -> str:
    return _SCRIPT.format(probe=Path(probe.__file__).read_text("utf-8").rstrip("\n"))


def _environment(identity: Identity) -> dict[str, str]:
    return {"PATH": JOB_PATH, "LANG": "C.UTF-8", "HOME": identity.home, "USER": identity.name, "SHELL": identity.shell}


def _as_ours(option: str) -> str:
    for name in ("--job-name", "--comment"):
        if option.startswith(f"{name}="):
            return f"{name}={NAME}"
    return option


async def _smallest(trial: Trial) -> SessionRequest:
    """A small request; where the site does not want one so small, what it has by itself."""
    options = dict(SMALLEST)
    try:
        return await trial.request(options)
    except RequestRejected as error:
        return await trial.request({name: value for name, value in options.items() if name not in error.errors})


class _Watch:
    """What Slurm says of the job."""

    def __init__(self, cluster: SlurmCluster, job_id: int) -> None:
        self.cluster = cluster
        self.state, self.reason, self.host, self.exit_status = "PENDING", "", "", 0
        self._job_id = job_id

    async def look(self) -> None:
        """Ask once.

        Raises
        ------
        ResourceFormError
            Slurm does not answer.
        """
        text = await read(self.cluster.runner, commands.show_job(self._job_id), timeout=self.cluster.command_timeout)
        found = dict(_FIELD.findall(text))
        self.state, self.reason = found.get("JobState", self.state), found.get("Reason", "")
        self.host = found.get("BatchHost", self.host)
        code = found.get("ExitCode", "0:0").partition(":")[0]
        self.exit_status = int(code) if code.isdigit() else 0


async def _told(watch: _Watch, facts: JobFacts, word: str, identity: Identity, patience: float) -> JobFacts:
    begun = time.monotonic()
    while watch.state in ("PENDING", "CONFIGURING"):
        if time.monotonic() - begun > patience:
            return replace(facts, waited=watch.reason or watch.state)
        await asyncio.sleep(LOOK_SECONDS)
        await watch.look()
    address = await watch.cluster.node_address(watch.host) if watch.host else ""
    facts = replace(facts, node=watch.host, address=address)
    started = time.monotonic()
    while watch.state not in ENDED and time.monotonic() - started < RUN_SECONDS:
        before = time.time()
        answers = await asyncio.gather(*(talk(address, port, f"{word}\n".encode(), CONNECT_SECONDS * 4) for port in facts.tried))
        for port, answer in zip(facts.tried, answers, strict=True):
            with contextlib.suppress(ValueError, KeyError, TypeError):
                return _seen(replace(facts, port=port), json.loads(answer or b""), identity, before, time.time())
        await asyncio.sleep(LOOK_SECONDS)
        await watch.look()
    return _by_exit_status(facts, watch)


def _seen(facts: JobFacts, said: Mapping[str, Any], identity: Identity, before: float, after: float) -> JobFacts:
    told = float(said["time"])
    ahead = told - after if told > after else min(0.0, told - before)
    return replace(facts, ahead=ahead, home=str(said["home"]), same_home=_is_same(identity.home, said["identity"]), hub=str(said["hub"]))


def _is_same(home: str, there: Any) -> bool | None:
    """Whether the home of the node is the one of this machine; None where one of them is not there, or it has just been changed."""
    try:
        here = Path(home).stat()
    except OSError:
        return None
    if there is None:
        return None
    if here.st_ino != there[0]:
        return False
    return True if here.st_mtime_ns == there[1] else None


def _by_exit_status(facts: JobFacts, watch: _Watch) -> JobFacts:
    """What the job has left where nobody could come to its port."""
    status = watch.exit_status
    if status & ~(probe.NO_HUB | probe.NO_HOME | probe.NO_PORT) != probe.NOT_TOLD or watch.state != "FAILED":
        words = "python3?" if status == 127 else watch.reason
        return replace(facts, error=f"{watch.state} {status} {words}".strip())
    return replace(
        facts,
        tried=() if status & probe.NO_PORT else facts.tried,
        hub="-" if status & probe.NO_HUB else "",
        home="-" if status & probe.NO_HOME else "",
    )
