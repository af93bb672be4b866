"""The sequence of a start, for a spawner: the request is judged, its job handed to Slurm, and its server waited for."""

from __future__ import annotations

import asyncio
from functools import partial

from ...advice.assessment import cost_there, verdict_of
from ...advice.service import refuse_over_budget
from ...availability.node_choice import node_choice_of
from ...errors import ResourceFormError, SessionFailed, SlurmUnavailable
from ...i18n import _
from ...job.sbatch import PreparedJob, new_tag, signing_key
from ...request.choices import Choices
from ...request.model import SessionRequest
from ...request.release_rules import options_for
from ...request.validation import resolve_request
from ...session.log_reader import configured_state_home
from ...session.session import Session
from ...session.startup_log import StartupLog
from ...slurm.runner import Identity
from ...slurm.states import RUNNING
from ...worker import run_in_worker
from ..known import name_of
from ..metrics.starts import server_started
from ..protocol import StartingSpawner
from ..state import HubState
from ..variables import TypedSecrets, with_known_variables
from .offers import offered_while_waiting
from .tell import tell_started
from .view import usage_factor_of

ESTIMATE_PATIENCE_SECONDS = 1.5
"""A job that has to wait is submitted so much later at most, to know until when."""

LONGEST_TURN_SECONDS = 20.0
"""Where Slurm does not answer, one start waits for it for minutes, and those behind it no longer than this."""


async def submit_and_wait(spawner: StartingSpawner, session: Session) -> tuple[str, int]:
    """Judge the spawner's request, submit its job, and wait until the server listens; return its address and port.

    Raises
    ------
    ResourceFormError
        The request cannot be had, Slurm refused the job, or the job ended before the server listened.
    """
    turns = HubState.of(spawner).starts
    if not turns.is_free(name_of(spawner.user)):
        session.say(1, _("Waiting for its turn: other sessions are being handed to Slurm."))
    async with turns.turn(name_of(spawner.user), at_most=LONGEST_TURN_SECONDS):
        await _submit(spawner, session)
    spawner.ip, spawner.port = await _until_listening(spawner, session)
    server_started(session, spawner.user_options or {})
    session.note("ready", node=session.record.node, log=f"{spawner.ip}:{spawner.port}")
    tell_started(spawner, session)
    return spawner.ip, spawner.port


async def _submit(spawner: StartingSpawner, session: Session) -> None:
    options = spawner.user_options or {}
    choices = await spawner.choices(options=options)
    request = resolve_request(with_known_variables(spawner, options), choices)
    pricing = await spawner.terms()
    await refuse_over_budget(spawner.cluster, choices, request, pricing)
    spawner.user_options = request.options()
    spawner.kept_options = spawner.user_options
    spawner.port = 0
    spawner.member = member = await spawner.cluster.member(name_of(spawner.user))
    tagged = partial(
        new_tag,
        spawner.cluster.hub_name,
        name_of(spawner.user),
        spawner.name,
        token=spawner.api_token,
        key=signing_key(spawner.user.settings["cookie_secret"]),
        clock=spawner.cluster.clock,
    )
    job = await spawner.prepare(request, tagged, member.identity.home)
    session.usage_factor, session.is_priced = usage_factor_of(choices, request.partition, request.account, pricing), True
    session.billing = await _billing_of(spawner, request, choices)
    session.say(5, _("Handing the job to Slurm"))
    session.expected = await expected_start(spawner, job, request, choices, member.identity)
    taken = partial(spawner.remember_request, request)
    job_id = await session.submit(job.tag.nonce, job.argv, job.script, job.environment, member.identity, taken=taken)
    HubState.of(spawner).part(TypedSecrets).forget(name_of(spawner.user))
    session.note("submitted", text=request.summary)
    session.say(15, _("Job {number} is submitted").format(number=job_id))


async def _billing_of(spawner: StartingSpawner, request: SessionRequest, choices: Choices) -> int | None:
    """What Slurm will charge the job an hour, where that does not depend on the node; from what is known already."""
    whole = node_choice_of(spawner.sbatch_options).whole
    rule = await spawner.cluster.billing_rule(request.partition, request.reservation, whole_nodes=whole, patience=0)
    cost = cost_there(request, choices, rule)
    return cost.billing if cost is not None and cost.exact else None


async def expected_start(
    spawner: StartingSpawner, job: PreparedJob, request: SessionRequest, choices: Choices, identity: Identity
) -> float | None:
    """Return when Slurm would start the job, in seconds since the epoch, where it has to wait for others; None where nobody knows.

    Asked before the job is submitted: afterwards Slurm would tell when it starts a second one like it.
    """
    try:
        forecast = await spawner.cluster.forecast(sbatch_options=options_for(request, choices, spawner.sbatch_options), patience=0)
        found = await run_in_worker(lambda: verdict_of(request, {}, forecast, choices))
        if found.kind != "wait" or choices.waits_for(request):
            return None
        question = spawner.cluster.estimator.ask(job.argv, job.script, job.environment, identity)
        return (await asyncio.wait_for(question, ESTIMATE_PATIENCE_SECONDS)).start
    except (ResourceFormError, asyncio.TimeoutError):
        return None


async def wait_for_adopted(spawner: StartingSpawner, session: Session) -> tuple[str, int]:
    """Take up a job that was lost and found, and return the address and port of its server.

    The job's launcher is asked to report again, with the token that it has. If it does not, the job is left as it is: perhaps it is
    another Hub's.

    Raises
    ------
    ResourceFormError
        The job ended, or its launcher does not report.
    """
    session.remember(reference=session.reference)
    session.note("adopted")
    found = _("Job {number} of yours was found again. Waiting for its server.")
    session.say(15, found.format(number=session.record.job_id))
    spawner.member = await spawner.cluster.member(name_of(spawner.user))
    try:
        await spawner.cluster.ask_for_report(session.record.job_id, spawner.member.identity)
    except SlurmUnavailable as error:
        spawner.log.warning("Job %s of %s could not be asked for its port: %s", session.record.job_id, spawner.log_name, error.log)
    try:
        spawner.ip, spawner.port = await _until_listening(spawner, session)
    except SessionFailed:
        if session.end is not None and session.end.state == "LISTEN_TIMEOUT":
            spawner.session = None
            spawner.cluster.ended.forget([session.record.nonce])  # another run of the Hub may reach it
        raise
    return spawner.ip, spawner.port


async def _until_listening(spawner: StartingSpawner, session: Session) -> tuple[str, int]:
    with offered_while_waiting(spawner, session):
        return await _with_startup_log(spawner, session)


async def _with_startup_log(spawner: StartingSpawner, session: Session) -> tuple[str, int]:
    startup_log = startup_log_of(spawner, session)
    if startup_log is None:
        return await session.until_listening()

    def runs() -> bool:
        job = (spawner.cluster.jobs.last_value or {}).get(session.record.job_id)
        return job is not None and job.state in RUNNING

    with startup_log.shown_if_slow(session.progress, runs):
        return await session.until_listening()


def startup_log_of(spawner: StartingSpawner, session: Session) -> StartupLog | None:
    """Return what can be read of the log of the session's job; None while there is none."""
    if spawner.member is None or not session.record.job_id:
        return None
    return StartupLog(
        HubState.of(spawner).session_logs,
        spawner.member.identity,
        session.record.job_id,
        configured_state_home(spawner.environment),
        session.record.queued_at or session.record.submitted or None,
    )
