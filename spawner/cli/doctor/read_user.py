"""Tries what the Hub does as a user, without doing it: the rule for sudo is asked, and Slurm is with ``--test-only``."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Mapping
from typing import Any

import jinja2

from ...accounting.qos import forced_qos
from ...availability.demand import MemoryRule
from ...availability.node_choice import node_choice_of
from ...cluster.cluster import SlurmCluster
from ...cluster.estimator import question_of
from ...errors import RequestRejected, ResourceFormError, SlurmNotStarted, SlurmOutputError
from ...i18n import N_
from ...job.sbatch import Tag, job_script, sbatch_arguments
from ...request.choices import Choices
from ...request.model import SessionRequest
from ...request.policy import parse_policies
from ...request.release_rules import constraint_of, with_constraint
from ...request.validation import resolve_request
from ...session.log_reader import INSTALLED_READER
from ...slurm.precautions import of_sudo
from ...slurm.reasons import slurm_words
from ...slurm.runner import READING_ENVIRONMENT, Identity
from ...slurm.sudo import INSTALLED_SUBMITTER, submitter_is_installed
from ...slurm.test_only import parse_estimate
from .facts import SudoFacts, UserFacts
from .read_config import Configured
from .read_site import catalogue_of

SUDO_SECONDS = 15.0
PATIENCE_SECONDS = 60.0

MEMORY_OPTIONS = ("mem", "mem-per-cpu", "none")
GPU_OPTIONS = ("gres", "gpus", "gpus-per-node")


async def read_sudo(cluster: SlurmCluster, user: str) -> SudoFacts:
    """Ask sudo what it would let the Hub do as a user, where the Hub is not root: a Hub that is needs no sudo.

    It is asked by ``sudo -l``, which runs nothing (sudo(8)). Without a user its rules are looked at alone.
    """
    if os.geteuid() == 0:
        return SudoFacts()
    program = shutil.which(cluster.sudo[0]) if cluster.sudo else None
    if program is None:
        return SudoFacts(is_needed=True, is_there=False)
    sudo = (program, *cluster.sudo[1:], "-l")
    has_submitter = submitter_is_installed()
    try:
        listing = await cluster.runner.run(sudo, timeout=SUDO_SECONDS)
        precaution = of_sudo(listing.stdout, has_submitter=has_submitter) if listing.ok else ""
        if not user:
            return SudoFacts(is_needed=True, precaution=precaution)
        tried = []
        for what, as_user, argv, must in _commands_to_try(cluster, user, has_submitter=has_submitter):
            found = await cluster.runner.run((*sudo, "-u", as_user, "--", *argv), timeout=SUDO_SECONDS)
            tried.append((what, must, found.ok))
        reader = await cluster.runner.run((*sudo, "-u", user, "--", INSTALLED_READER, "7", "tail", "9"), timeout=SUDO_SECONDS)
    except ResourceFormError as error:
        return SudoFacts(is_needed=True, precaution=error.log)
    return SudoFacts(True, True, precaution, tuple(tried), reads_logs=reader.ok and os.access(INSTALLED_READER, os.X_OK))


def _commands_to_try(cluster: SlurmCluster, user: str, *, has_submitter: bool) -> list[tuple[str, str, tuple[str, ...], bool]]:
    """What each is, whose it would be, its argv, and whether the rule must allow it."""
    try:
        sbatch, scancel = cluster.runner.executable("sbatch"), cluster.runner.executable("scancel")  # type: ignore[attr-defined]
    except SlurmNotStarted:
        return []
    before = (INSTALLED_SUBMITTER, sbatch) if has_submitter else (sbatch,)
    options = ("--parsable", "--nodes=1", "--ntasks=1", "--mem=100M")
    cancel = (scancel, f"--user={user}", "1")
    return [
        (N_("submit a job"), user, (*before, *options), True),
        (N_("ask when a job would start"), user, (*before, "--test-only", *options), True),
        (N_("cancel a job"), user, cancel, True),
        (N_("run any program"), user, ("/usr/bin/id",), False),
        (N_("run a shell"), user, ("/bin/sh", "-c", "id"), False),
        (N_("submit a file of the user’s"), user, (*before, *options, "/etc/passwd"), False),
        (N_("cancel jobs by their state"), user, (scancel, f"--user={user}", "--state=PENDING"), False),
        (N_("cancel a job as root"), "root", (scancel, "--user=root", "1"), False),
    ]


class Trial:
    """A user whose requests are tried, as the Hub would submit them."""

    def __init__(self, configured: Configured, identity: Identity) -> None:
        self.cluster = configured.cluster
        self.settings = configured.settings
        self.identity = identity

    async def choices(self) -> Choices:
        """Return what the user may choose.

        Raises
        ------
        ResourceFormError
            Slurm does not answer, or the catalogue is broken.
        """
        options = self.settings.sbatch_options
        own = await self.cluster.entitlement(
            self.identity.name, job_qos=forced_qos(options), whole_nodes=node_choice_of(options).whole, patience=PATIENCE_SECONDS
        )
        # What a function of the site's gives is for one spawner of a running Hub.
        fields = self.settings.fields if isinstance(self.settings.fields, dict) else {}
        return Choices(own, catalogue_of(self.settings), parse_policies(fields), now=time.time())

    async def request(self, options: Mapping[str, Any]) -> SessionRequest:
        """Return a request as the form would take it.

        Raises
        ------
        ResourceFormError
            It cannot be had.
        """
        return resolve_request(options, await self.choices())

    async def argv(self, request: SessionRequest, *, memory: MemoryRule | None = None, gpu_option: str = "") -> tuple[str, ...]:
        """Return sbatch's arguments for it; ``memory`` and ``gpu_option`` in place of what is set."""
        own = (await self.choices()).entitlement
        release = catalogue_of(self.settings).get(request.release)
        options: tuple[str, ...] = tuple(self.settings.sbatch_options)
        if release is not None:
            options = tuple(with_constraint(options, constraint_of(release, own.partition(request.partition))))
        return sbatch_arguments(
            request,
            Tag(self.cluster.hub_name, self.identity.name, "", secrets.token_hex(8)),
            home=self.identity.home,
            extra=options,
            memory=memory or await self.cluster.memory_rule(request.partition),
            gpu_option=gpu_option or self.cluster.gpu_option,
            qos=own.qos_to_ask_for(request.partition, request.account),
        )

    async def refusal(self, argv: tuple[str, ...]) -> tuple[str, bool]:
        """Return what Slurm says against a submission, empty if nothing, and whether what it says for it can be read."""
        try:
            release = catalogue_of(self.settings).releases[0]
            script = job_script(release, template_folders=self.settings.template_paths, lab_extension=self.settings.lab_extension)
        except (jinja2.TemplateError, OSError, ValueError):
            # That is told of by a check of its own.
            script = "#!/bin/sh\n"
        result = await self.cluster.runner.run(
            question_of(argv), stdin=script, environment=READING_ENVIRONMENT, identity=self.identity, timeout=PATIENCE_SECONDS
        )
        if not result.ok:
            return " / ".join(slurm_words(result.stderr)) or f"sbatch --test-only: exit {result.returncode}", True
        try:
            parse_estimate(result.stderr)
        except SlurmOutputError:
            return "", False
        return "", True


async def read_user(configured: Configured, name: str, *, has_slurm: bool) -> UserFacts:
    """Try the request that the form has by itself."""
    request, refusal, passes_with, is_readable = None, "", "", True
    try:
        identity = (await configured.cluster.member(name)).identity
        if not has_slurm:
            return UserFacts(name)
        trial = Trial(configured, identity)
        for request in await _typical(trial):
            refusal, is_readable = await trial.refusal(await trial.argv(request))
            if refusal:
                passes_with = await _passes_with(trial, request)
                break
    except RequestRejected as error:
        return UserFacts(name, error=error.sentence)
    except ResourceFormError as error:
        return UserFacts(name, error=error.log)
    return UserFacts(name, "", request, refusal, unreadable=not is_readable, passes_with=passes_with)


async def _typical(trial: Trial) -> list[SessionRequest]:
    """The request that the form has by itself, and the same with a GPU, where the user may have one."""
    found = [await trial.request({})]
    try:
        with_gpu = await trial.request({"gpus": 1, "walltime": 10})
    except RequestRejected:
        return found
    return [*found, with_gpu]


async def _passes_with(trial: Trial, request: SessionRequest) -> str:
    """The line of the configuration with which Slurm takes it, if one of these is it."""
    for option in MEMORY_OPTIONS:
        if option != trial.cluster.memory_option:
            rule = MemoryRule("mem") if option == "mem" else MemoryRule(option, 1)
            if not (await trial.refusal(await trial.argv(request, memory=rule)))[0]:
                return f'c.SlurmCluster.memory_option = "{option}"'
    for option in GPU_OPTIONS if request.gpus.option else ():
        if option != trial.cluster.gpu_option and not (await trial.refusal(await trial.argv(request, gpu_option=option)))[0]:
            return f'c.SlurmCluster.gpu_option = "{option}"'
    return ""
