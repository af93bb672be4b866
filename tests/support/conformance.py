"""What we say of a request against what Slurm does with it, on a site that is described as data.

The whole product but for the Hub's pages is asked, by way of the cluster object that a Hub has: what may be chosen, the verdict, and the
submission itself. Slurm is asked by doing: a request starts, or waits, or never runs. "Never" is told from "waits" without Slurm's words:
what waits starts once all others are gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import pwd
import random
import re
import shlex
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from private_slurm.accounting import run_sacctmgr
from private_slurm.cluster import PrivateCluster
from private_slurm.errors import PrivateSlurmError
from private_slurm.processes import wait_until
from private_slurm.spec import SlurmInstallation

from spawner.accounting.qos import forced_qos
from spawner.advice.service import PricingSettings, advise
from spawner.availability.node_choice import node_choice_of
from spawner.cluster.cluster import SlurmCluster
from spawner.cluster.hub_user import HubUser
from spawner.errors import NoAccount, RequestRejected, ResourceFormError, SlurmError, SlurmRefused
from spawner.job.sbatch import Tag, sbatch_arguments
from spawner.request.choices import Choices
from spawner.request.model import FORM_FIELDS, SessionRequest, parse_request
from spawner.request.policy import parse_policies
from spawner.request.release_rules import options_of_job
from spawner.site.catalogue import parse_catalogue

from .conformance_table import Counts
from .slurm_sites import Ask, SlurmSite

HOLD = "#!/bin/bash\nexec sleep 3600\n"
CYCLES_SECONDS = 2.5
"""Two cycles of backfill: what has not started by then is not starting now."""

UNDECIDED = ("", "None")
"""Reasons of a job at which no scheduler has looked."""


@dataclass
class Trial:
    """One request, what was said of it, and what Slurm did with it.

    ``raised`` is what the submission raised. ``lost`` says that the product took a job of its own for none, or the other way round.
    """

    asked: Ask
    request: SessionRequest
    said: str
    sentence: str
    did: str = ""
    reason: str = ""
    raised: str = ""
    lost: str = ""
    place: str = ""

    @property
    def problem(self) -> str:
        """What is wrong with it; empty where what was said came true."""
        expected = {"now": "started", "wait": "waited", "never": "never"}.get(self.said)
        if self.lost:
            return self.lost
        if expected is None and not self.asked.unknown:
            return "we did not know"
        if expected is not None and expected != self.did:
            return f"wrong {self.said}"
        if self.asked.slurm and self.asked.slurm != self.did:
            return f"Slurm was expected to do: {self.asked.slurm}"
        if self.asked.place and self.asked.place != self.place:
            return f"its place is {self.place or 'not known'} in place of {self.asked.place}"
        return "" if self.asked.words in self.sentence else f"“{self.asked.words}” was not said"

    def __str__(self) -> str:
        slurm = " ".join(filter(None, [self.did, self.reason, self.raised]))
        return f"{dict(self.asked.options)} = {self.request.summary}: {self.sentence} ({self.said}); Slurm: {slurm}"


@dataclass
class Report:
    """All trials of one site under one Slurm."""

    site: str
    slurm: str
    trials: list[Trial] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    """What went wrong beside the verdicts: nothing is offered, what is offered is refused by our own rules."""

    @property
    def problems(self) -> list[str]:
        """One line each, empty where all is well."""
        return [*self.failures, *(f"{trial.problem}: {trial}" for trial in self.trials if trial.problem)]

    @property
    def counts(self) -> Counts:
        """How many were wrong of how many, by what was said."""
        return Counts.of(self.site, self.slurm, ((trial.said, trial.problem.startswith("wrong")) for trial in self.trials))


class Laboratory:
    """One site, running: asked and tried."""

    def __init__(self, site: SlurmSite, cluster: PrivateCluster, users: Mapping[str, str], seed: str) -> None:
        self.site = site
        self.slurm = cluster
        self.users = users
        self.ada = users["ada"]
        self.catalogue = parse_catalogue({"releases": list(site.releases)})
        self.first_release = site.releases[0]["tag"]
        self.random = random.Random(f"{seed} {site.name}")
        self._busy: list[int] = []
        hub_user = HubUser(pwd.getpwnam(users[site.hub_user]).pw_uid) if site.hub_user else None
        commands = str(self._commands())
        self.product = SlurmCluster(slurm_conf=str(cluster.slurm_conf), bin_dir=commands, jitter=0.0, hub_user=hub_user, **site.settings)
        self.job_qos = forced_qos(site.sbatch_options)
        self._number = 0

    def _commands(self) -> Path:
        """The folder of the commands that the product is given: the cluster's own, or its wrappers."""
        wrappers = dict(self.site.wrappers)
        if self.site.hub_user:
            # What only reads is asked by the Hub's user; what a user's job needs is run as that user anyway.
            ask = f'[ "$(id -u)" = 0 ] && exec runuser -u {self.users[self.site.hub_user]} -- "$REAL" "$@"\nexec "$REAL" "$@"'
            wrappers = {**dict.fromkeys(("scontrol", "sacctmgr", "squeue", "sinfo", "sacct"), ask), **wrappers}
        if not wrappers:
            return self.slurm.bin_dir
        folder = self.slurm.folder / "wrapped"
        folder.mkdir(exist_ok=True)
        for path in self.slurm.bin_dir.iterdir():
            wrapper = folder / path.name
            wrapper.unlink(missing_ok=True)
            script = wrappers.get(path.name, wrappers.get("*"))
            if script is None:
                wrapper.symlink_to(path)
            else:
                wrapper.write_text(f"#!/bin/bash\nREAL={shlex.quote(str(path))}\n{script}\n")
                wrapper.chmod(0o755)
        return folder

    # --- the site ---

    def set_up(self) -> None:
        """Who may what, reservations, and what changes once all is up."""
        fill = {**self.users, "folder": str(self.slurm.folder)}
        if self.site.limits:
            run_sacctmgr(self.slurm, self.site.limits.format(**fill).splitlines())
        for name, options in self.site.reservations.items():
            self.slurm.create_reservation(name, options.format(**fill))
        for line in self.site.once_up:
            self.slurm.run("scontrol", *shlex.split(line.format(**fill)))

    def occupy(self, busy: tuple[str, ...]) -> None:
        """Others' jobs and nobody else's: all running or waiting for something, before anything is asked."""
        self.slurm.cancel_all()
        self._busy = []
        for line in busy:
            who, _, options = line.partition(":")
            words = shlex.split(options.format(**self.users))
            try:
                self._busy.append(
                    self.slurm.submit(*self.site.busy_options, *words, user=self.users[who.strip()], script="exec sleep 3600")
                )
            except PrivateSlurmError:
                if not self.site.drawn:
                    raise
        self._settle(self._busy)

    def prepare(self, before: tuple[str, ...]) -> None:
        """What an admin does right before a request."""
        for line in before:
            words = shlex.split(line)
            if words[0] == "wait":
                self._await_state(words[1], words[2])
            else:
                self.slurm.run("scontrol", *words)

    def _await_state(self, node: str, word: str) -> None:
        def state() -> str:
            done = self.slurm.run("scontrol", "-o", "show", "node", node, check=False)
            return next((entry for entry in done.stdout.split() if entry.startswith("State=")), "hidden")

        wait_until(lambda: word in state(), f"node {node} to be {word}", 30, state, interval_s=0.2)

    def _settle(self, jobs: Iterable[int]) -> None:
        wanted = set(jobs)

        seen: dict[int, str] = {}
        since = time.monotonic()

        def settled() -> bool:
            # A job may have a reason and start all the same in the next cycle, as when its node has only just answered.
            nonlocal seen, since
            fates = {job: fate for job, fate in self.fates().items() if job in wanted}
            states = {job: state for job, (state, _reason) in fates.items()}
            if states != seen:
                seen, since = states, time.monotonic()
            waiting = [reason for state, reason in fates.values() if state not in ("RUNNING", "SUSPENDED", "CONFIGURING")]
            return not waiting or (not set(waiting) & set(UNDECIDED) and time.monotonic() - since > CYCLES_SECONDS)

        wait_until(settled, "others' jobs to run or to wait", 20, lambda: str(self.fates()), interval_s=0.1)

    def fates(self) -> dict[int, tuple[str, str]]:
        """State and reason of every job or array that Slurm knows, by its id."""
        said = self.slurm.run("squeue", "--noheader", "--all", "--states=all", "--Format=JobArrayID:|,State:|,Reason:").stdout
        rows = [line.split("|", 2) for line in said.splitlines()]
        return {int(job.split("_")[0].split("+")[0]): (state, reason.strip()) for job, state, reason in rows}

    # --- what we say ---

    async def choices(self) -> Choices:
        """What the form offers to ada now."""
        queries = self.product.queries
        for query in (queries.nodes, queries.jobs, queries.holdings, queries.all_partitions, queries.reservations, queries.licenses):
            query.expire()
        own = await self.product.entitlement(self.ada, job_qos=self.job_qos, whole_nodes=node_choice_of(self.site.sbatch_options).whole)
        features = await self.product.features.by_partition()
        return Choices(own, self.catalogue, parse_policies(self.site.fields), now=time.time(), features=features)

    async def say(self, asked: Ask) -> tuple[Trial, SessionRequest]:
        """Judge a request as the form does; with it the request as it would be handed in if no rule stood before it."""
        pricing = PricingSettings(sbatch_options=self.site.sbatch_options)
        options = {"release": self.first_release, "interface": "lab", **asked.options}
        advice = await advise(self.product, await self.choices(), options, pricing)
        assessment = advice.assessment
        explicit = {name: value for name, value in asked.options.items() if name in FORM_FIELDS}
        typed = parse_request({**assessment.request.options(), **explicit})
        request = assessment.request.model_copy(update={name: getattr(typed, name) for name in explicit})
        return Trial(asked, request, assessment.verdict.kind, assessment.verdict.sentence), request

    def draw(self, choices: Choices) -> Ask:
        """A request of what the form offers, now and then more than that."""
        choose, chance = self.random.choice, self.random.random
        partition = choose(choices.partitions)
        gpus = choose([entry.value for entry in choices.gpus.values()])
        cores = self.random.randint(1, max(1, partition.max_cores + (1 if chance() < 0.1 else 0)))
        memory = self.random.randint(1, max(1, partition.max_memory_mb + (1000 if chance() < 0.1 else 0)))
        options: dict[str, Any] = {
            "partition": partition.name,
            "cores": cores,
            "memory": f"{memory}M",
            "gpus": gpus,
            "walltime": f"{choose((5, 10, 30, 60, 120, 240))}m",
        }
        if partition.accounts:
            options["account"] = choose(partition.accounts)
        if chance() < 0.4:
            options["reservation"] = choose(choices.reservation_values)
        return Ask(options, unknown=self.site.drawn)

    def nothing_offered(self) -> Iterator[Trial]:
        """Small requests of every partition, for a site whose form offers none of them."""
        for partition in self.site.partitions:
            for gpus in ("0", "1"):
                options = {"release": self.first_release, "interface": "lab", "cores": 1, "memory": "5000M", "walltime": "10m"}
                request = parse_request({**options, "partition": partition.name, "gpus": gpus})
                yield Trial(Ask({"partition": partition.name, "gpus": gpus}), request, "never", "nothing is offered")

    # --- what Slurm does ---

    async def submit(self, trial: Trial, request: SessionRequest) -> int:
        """Hand the job to Slurm by the product's own way; 0 if there is none."""
        self._number += 1
        tag = Tag("harness", self.ada, "", f"nonce-{self._number}")
        member = await self.product.member(self.ada)
        argv = await self._argv(request, tag)
        before = self._alive()
        job_id = 0
        try:
            job_id = await self.product.submit(argv, HOLD, {"PATH": "/usr/bin:/bin"}, member.identity)
        except SlurmError as error:
            trial.raised = f"{type(error).__name__}: {error.log}"
            made = sorted(self._alive() - before)
            if made and isinstance(error, SlurmRefused):
                trial.lost = f"job {made} exists and was called refused"
            elif not made and not isinstance(error, SlurmRefused):
                trial.lost = "there is no job, and it was not called refused"
            job_id = made[0] if made else 0
        if job_id and await self.product.sees_all_jobs():
            found = [job for job in await self.product.tagged_jobs(self.ada) if tag.nonce in job.comment or job.job_id == job_id]
            if not found:
                trial.lost = trial.lost or f"job {job_id} is not found among the jobs of {self.ada}"
        return job_id

    async def _argv(self, request: SessionRequest, tag: Tag) -> tuple[str, ...]:
        own = await self.product.entitlement(self.ada, job_qos=self.job_qos)
        return sbatch_arguments(
            request,
            tag,
            home="/tmp",
            extra=options_of_job(request, self.catalogue.get(request.release), own.partition(request.partition), self.site.sbatch_options),
            memory=await self.product.memory_rule(request.partition),
            gpu_option=self.product.gpu_option,
            qos=own.qos_to_ask_for(request.partition, request.account),
        )

    def _alive(self) -> set[int]:
        """Jobs that wait or run; of a refused one a record may stay behind."""
        return {job for job, (state, _reason) in self.fates().items() if state in ("PENDING", "RUNNING", "CONFIGURING")}

    async def try_one(self, asked: Ask) -> Trial:
        """Ask, submit, watch, and take it back."""
        return await self.watch(*await self.say(asked))

    async def watch(self, trial: Trial, request: SessionRequest) -> Trial:
        """Submit the request, see what becomes of it, and take it back."""
        asked = trial.asked
        job = await self.submit(trial, request)
        if not job:
            trial.did = "never"
            return trial
        begun = time.monotonic()
        while not trial.did:
            state, trial.reason = self.fates().get(job, ("", ""))
            waited = time.monotonic() - begun
            if state in ("RUNNING", "CONFIGURING", "COMPLETING", "COMPLETED"):
                trial.did = "started"
            elif waited > asked.seconds or (
                waited > CYCLES_SECONDS and trial.said != "now" and state == "PENDING" and trial.reason not in UNDECIDED
            ):
                break
            else:
                await asyncio.sleep(0.1)
        if trial.did == "started" and self._outlasts_its_reservation(trial):
            trial.did = "never"
        if asked.place:
            self.product.queries.jobs.expire()
            await self.product.queries.jobs.get()
            found = (await self.product.queue_positions()).get(job)
            trial.place = f"{found.place} of {found.of}" if found else ""
        member = await self.product.member(self.ada)
        await self.product.cancel(job, member.identity)
        wait_until(
            lambda: self.fates().get(job, ("", ""))[0] not in ("PENDING", "RUNNING", "CONFIGURING", "COMPLETING"),
            f"job {job} to be gone",
            20,
            lambda: str(self.fates()),
            interval_s=0.1,
        )
        return trial

    def _outlasts_its_reservation(self, trial: Trial) -> bool:
        """Whether Slurm will end the job before its time: it starts what is longer than its reservation, and ends it with that."""
        if not trial.request.reservation:
            return False
        said = self.slurm.run("scontrol", "-o", "show", "reservation", trial.request.reservation).stdout
        fields = dict(word.split("=", 1) for word in said.split() if "=" in word)
        overrun = re.search(r"(?m)^ResvOverRun\s*= (\S+)", self.slurm.run("scontrol", "show", "config").stdout)
        if "FLEX" in fields["Flags"] or (overrun and overrun[1] == "UNLIMITED"):
            return False
        left = (datetime.fromisoformat(fields["EndTime"]) - datetime.now()).total_seconds()
        return trial.request.walltime * 60 > left + 60 * int(overrun[1] if overrun else 0)

    async def decide(self, trials: list[Trial]) -> None:
        """Tell what waits from what never runs: with all others and their reservations gone, the first starts and the second does not."""
        undecided = [trial for trial in trials if not trial.did]
        if not undecided:
            return
        self.slurm.cancel_all()
        asked = {trial.request.reservation for trial in undecided} & set(self.site.reservations)
        for names, trials in (
            (set(self.site.reservations) - asked, [trial for trial in undecided if trial.request.reservation]),
            (asked, [trial for trial in undecided if not trial.request.reservation]),
        ):
            for name in names:
                self.slurm.run("scontrol", "delete", f"ReservationName={name}")
            await self._try_again(trials)
            # Beside others that are tried again Slurm may give it less than it would need alone: it has to run alone, too.
            for trial in trials:
                if (trial.said, trial.did) == ("never", "waited"):
                    await self._try_again([trial])

    async def _try_again(self, undecided: list[Trial]) -> None:
        jobs: dict[int, Trial] = {}
        for trial in undecided:
            argv = await self._argv(trial.request, Tag("harness", self.ada, "", "again"))
            done = self.slurm.run(*argv, user=self.ada, input="#!/bin/bash\nexit 0\n", check=False)
            if done.returncode == 0:
                jobs[int(done.stdout.split()[-1].split(";")[0])] = trial
            else:
                trial.did = "never"
        quiet_since, last = time.monotonic(), {}
        patience = CYCLES_SECONDS
        while time.monotonic() < quiet_since + patience:
            fates = {job: fate for job, fate in self.fates().items() if job in jobs}
            waiting = {reason for state, reason in fates.values() if state != "COMPLETED"}
            if not waiting:
                break
            # Slurm may take its time over what it can run; what it cannot, it says so.
            patience = 3 * CYCLES_SECONDS if waiting & {*UNDECIDED, "Resources", "Priority", "BeginTime"} else CYCLES_SECONDS + 1
            states = {job: state for job, (state, _reason) in fates.items()}
            if states != last:
                quiet_since, last = time.monotonic(), states
            await asyncio.sleep(0.1)
        fates = self.fates()
        for job, trial in jobs.items():
            trial.did = "never" if fates[job][0] == "PENDING" or self._outlasts_its_reservation(trial) else "waited"
        self.slurm.cancel_all()

    # --- all of it ---

    async def run(self, report: Report) -> None:
        """All requests of the site, then those that are drawn."""
        occupied: tuple[str, ...] | None = None
        pending: list[Trial] = []
        draws = [None] * self.site.draws
        for asked in (*self.site.asks, *draws):
            busy = self.site.busy if asked is None or asked.busy is None else asked.busy
            if busy != occupied or not self._as_before():
                self.occupy(busy)
                occupied = busy
            try:
                if asked is None:
                    choices = await self.choices()
                    if not choices.partitions and self.site.drawn:
                        pending += [await self.watch(trial, trial.request) for trial in self.nothing_offered()]
                        break
                    if not choices.partitions:
                        report.failures.append("nothing is offered")
                        break
                    asked = self.draw(choices)
                self.prepare(asked.before)
                pending.append(await self.try_one(asked))
            except NoAccount as error:
                report.failures.append(f"no account: {error.sentence}")
                break
            except (RequestRejected, ResourceFormError) as error:
                report.failures.append(f"{asked}: {type(error).__name__}: {error.log}")
        await self.decide(pending)
        report.trials += pending

    def _as_before(self) -> bool:
        """Whether others' jobs are as they were: what was tried may have preempted them."""
        fates = self.fates()
        return all(fates.get(job, ("", ""))[0] in ("RUNNING", "PENDING", "SUSPENDED", "CONFIGURING") for job in self._busy)


@contextlib.contextmanager
def laboratory(site: SlurmSite, slurm: SlurmInstallation, folder: Path, users: Mapping[str, str], seed: str) -> Iterator[Laboratory]:
    """The site, up and running; nothing is left of it afterwards, for each has a database of 100 MB."""
    try:
        with PrivateCluster(site.spec(slurm, users), folder) as cluster:
            there = Laboratory(site, cluster, users, seed)
            there.set_up()
            yield there
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def try_site(site: SlurmSite, slurm: str, installation: SlurmInstallation, folder: Path, users: Mapping[str, str], seed: str) -> Report:
    """Bring the site up, try all of it, and take it down."""
    report = Report(site.name, slurm)
    with laboratory(site, installation, folder, users, seed) as there:
        try:
            asyncio.run(there.run(report))
        except PrivateSlurmError as error:
            report.failures.append(f"{error}\n{there.slurm.logs(15)}")
    return report
