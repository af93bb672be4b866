"""The commands that change something: sbatch, scancel and a signal to a job's launcher, each run as the job's owner."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ..errors import SlurmNotStarted, SlurmRefused, SlurmUnavailable, SlurmUnconfirmed
from ..i18n import N_
from ..slurm import commands, sbatch
from ..slurm.reasons import Outcome, outcome_of_sbatch, refusal_for, slurm_words
from ..slurm.runner import Identity, Runner, last_line

SUBMIT_TIMEOUT_SECONDS = 300.0
CANCEL_TIMEOUT_SECONDS = 60.0

NO_SUCH_JOB = "Invalid job id specified"


class JobCommands:
    """The commands to submit, cancel and signal jobs.

    Parameters
    ----------
    changed
        Called once a job has come or gone, so that what is known of the cluster is read anew.
    """

    def __init__(self, runner: Runner, *, changed: Callable[[], None]) -> None:
        self._runner = runner
        self._changed = changed

    async def submit(self, argv: Sequence[str], script: str, environment: Mapping[str, str], identity: Identity) -> int:
        """Hand a job to Slurm as ``identity``, and return its id.

        Raises
        ------
        SlurmRefused
            Slurm said no: there is no job.
        SlurmUnavailable
            Ambiguous: the job may exist or not.
        """
        result = await self._runner.run(argv, stdin=script, environment=environment, identity=identity, timeout=SUBMIT_TIMEOUT_SECONDS)
        printed = sbatch.printed_ids(result.stdout)
        if result.ok:
            self._changed()
            if len(printed) == 1:
                return printed[0]
        failed = f"sbatch for {identity.name} exited with {result.returncode}: "
        if result.ok or printed:
            said = " / ".join(result.stdout.split("\n")[-3:])[:300]
            raise SlurmUnconfirmed(
                N_("Slurm did not confirm the job."),
                log=f"{failed}{last_line(result.stderr)}; it printed {said!r}, which is not one id",
                stderr=result.stderr,
                printed=printed,
            )
        outcome = outcome_of_sbatch(result.returncode, result.stderr)
        refusal = refusal_for(result.stderr)
        refused = SlurmRefused(
            refusal.sentence,
            details=slurm_words(result.stderr),
            field=refusal.field,
            words=refusal.words,
            log=failed + " / ".join(slurm_words(result.stderr)),
            stderr=result.stderr,
        )
        if outcome is Outcome.REFUSED:
            raise refused
        if outcome is Outcome.NOT_ASKED:
            raise SlurmNotStarted(N_("Slurm is not set up on this service."), log=failed + last_line(result.stderr), stderr=result.stderr)
        raise SlurmUnconfirmed(
            N_("Slurm did not confirm the job."),
            log=failed + last_line(result.stderr),
            stderr=result.stderr,
            refusal=refused if outcome is Outcome.UNKNOWN_WORDS else None,
        )

    async def cancel(self, job_id: int, identity: Identity) -> None:
        """Ask Slurm to end the job, as its owner: Slurm itself refuses if the id belongs to somebody else by now.

        Raises
        ------
        SlurmUnavailable
            Slurm did not take the order; the job may still run.
        """
        argv = commands.cancel(job_id, identity.name)
        result = await self._runner.run(argv, identity=identity, timeout=CANCEL_TIMEOUT_SECONDS)
        self._changed()
        # With --user, scancel looks the job up first, and does not find one that is over.
        if not result.ok and NO_SUCH_JOB not in result.stderr:
            raise SlurmUnavailable(
                N_("Slurm did not take the order to end the job."),
                log=f"scancel {job_id} exited with {result.returncode}: {last_line(result.stderr)}",
                stderr=result.stderr,
            )

    async def ask_for_report(self, job_id: int, identity: Identity) -> None:
        """Ask the launcher of a running job to report its port again; without effect on a job that does not run yet.

        Raises
        ------
        SlurmUnavailable
            Slurm did not take the order.
        """
        argv = commands.ask_for_report(job_id, identity.name)
        result = await self._runner.run(argv, identity=identity, timeout=CANCEL_TIMEOUT_SECONDS)
        if not result.ok:
            raise SlurmUnavailable(
                N_("Slurm did not reach the job."),
                log=f"scancel --signal for job {job_id} exited with {result.returncode}: {last_line(result.stderr)}",
                stderr=result.stderr,
            )

    async def is_being_submitted(self, nonce: str, identity: Identity) -> bool:
        """Tell whether an sbatch of this nonce still runs for the user, perhaps one that an earlier run of the Hub has begun."""
        return await self._runner.is_running("sbatch", nonce, identity)
