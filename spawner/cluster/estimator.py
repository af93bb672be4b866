"""When would this request start? Slurm's own estimate, from ``sbatch --test-only``: asked seldom, briefly, and never submitting anything.

A question takes the controller's locks and a job id, so it is asked when a person wants to know, and never on a timer. What the answer is
worth (measured with 22.05.8 and 24.11.5): it is the end of the running jobs that are in the way; for the jobs in front Slurm only adds
their time, divided by the nodes of the partition. It knows reservations and drained nodes, but neither the limits of the account, nor that
the partition is down, nor that the time is longer than the partition's limit.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..bounds import DEFAULTS, Bounds
from ..cache import BoundedDict
from ..errors import EstimateUnavailable, ResourceFormError, SlurmRefused, SlurmTimeout
from ..humanize import Dated, dated, day_and_time, duration
from ..i18n import N_, _
from ..slurm.reasons import Outcome, Refusal, outcome_of_sbatch, refusal_for, slurm_words
from ..slurm.runner import READING_ENVIRONMENT, Identity, Result, Runner, last_line
from ..slurm.test_only import Estimate, parse_estimate

TIMEOUT_SECONDS = 3.0
REMEMBERED_SECONDS = 30.0
MAX_REMEMBERED = 500
MAX_AT_ONCE = 4
MAX_UNDER_WAY = 20
"""So many users' questions are under way, those that wait for a place among :data:`MAX_AT_ONCE` included."""
PAUSE_SECONDS = 10.0
"""After a question that Slurm did not answer its user asks no other for so long: a command that sudo runs cannot be ended by us."""
SILENCE_OF_USERS = 3
"""Questions of so many users without an answer within the pause: it is Slurm that does not answer, and nobody asks. A user may stop or end
their own commands, which run as them: that says nothing about Slurm."""
NOW_SECONDS = 15.0
"""What starts within so many seconds starts now: Slurm looks at its queue every few seconds."""

TEST_ONLY = "--test-only"
_OPTION = re.compile(r"--[a-z][a-z-]*(=.*)?", re.ASCII | re.DOTALL)
_NOT_ASKED = ("--quiet", "--comment=")
"""Options that are left out: one silences the answer; the other carries what is new for each start, and nothing depends on it."""

_AS_THINGS_ARE: tuple[tuple[str, Refusal], ...] = (
    (
        "Requested node configuration is not available",
        Refusal("", N_("No node can be had for it: it is more than a node has, or the nodes are out of service or reserved.")),
    ),
    ("Required partition not available", Refusal("partition", N_("The partition takes no jobs at the moment."))),
    ("Invalid time specified", Refusal("reservation", N_("The reservation has not begun yet, or is over."))),
)
"""What ``--test-only`` also answers where sbatch would take the job and let it wait."""

_UNREADABLE = N_("Slurm gave no estimate that can be read.")


@dataclass(frozen=True, slots=True)
class NoStart:
    """The answer that Slurm could not start the job: why, and Slurm's own words, one line each."""

    refusal: Refusal
    details: tuple[str, ...] = ()


Answer = Estimate | NoStart
_Key = tuple[str, tuple[str, ...], str]


@dataclass(slots=True)
class _UnderWay:
    """A user's question that is being asked, and the one to be asked after it, if any."""

    key: _Key
    task: asyncio.Task[Answer]
    then: _Key | None = None


class Estimator:
    """Slurm's estimates, asked for on behalf of all users.

    A user has one question under way at most. The same question again shares its answer; another one waits for it, and a still newer one
    takes the place of the one that waits: whoever changes a form wants to know about the last change.

    Parameters
    ----------
    timeout
        Seconds after which a question is given up.
    enabled
        Whether this service asks at all.
    """

    def __init__(
        self,
        runner: Runner,
        *,
        log: logging.Logger | logging.LoggerAdapter[logging.Logger],
        clock: Callable[[], float] = time.time,
        timeout: Callable[[], float] = lambda: TIMEOUT_SECONDS,
        enabled: Callable[[], bool] = lambda: True,
        bounds: Bounds = DEFAULTS,
    ) -> None:
        self.asked = 0
        """The number of questions that Slurm got."""
        self._runner = runner
        self._log = log
        self._clock = clock
        self._timeout = timeout
        self._enabled = enabled
        self._bounds = bounds
        self._places = asyncio.Semaphore(MAX_AT_ONCE)
        self._under_way: dict[str, _UnderWay] = {}
        self._remembered: BoundedDict[_Key, tuple[float, Answer]] = BoundedDict(MAX_REMEMBERED)
        self._last_minute: list[tuple[float, str]] = []
        self._unanswered: BoundedDict[str, float] = BoundedDict(MAX_REMEMBERED)
        """When each user's question was last not answered."""

    async def ask(self, argv: Sequence[str], script: str, environment: Mapping[str, str], identity: Identity) -> Estimate:
        """Return when Slurm would start the job of :func:`.sbatch_arguments`, as ``identity``; an answer may be half a minute old.

        The same arguments count as the same question, whatever nonce the comment carries. A caller that goes away stops nothing.

        Raises
        ------
        SlurmRefused
            Slurm could not start it as things are, and why.
        EstimateUnavailable
            Nobody knows: no answer in time, asked too often, or not offered here.
        """
        if not self._enabled():
            raise EstimateUnavailable(N_("This service gives no estimates."), label="estimates_off")
        command = question_of(argv)
        key = (identity.name, command, hashlib.sha256(script.encode()).hexdigest())
        answer = self._known(key)
        if answer is None:
            answer = await self._answer(key, script, {**environment, **READING_ENVIRONMENT}, identity)
        if isinstance(answer, Estimate):
            return answer
        raise SlurmRefused(
            answer.refusal.sentence,
            details=answer.details,
            field=answer.refusal.field,
            words=answer.refusal.words,
            log=f"no estimate for {identity.name}: {' / '.join(answer.details)}",
        )

    async def _answer(self, key: _Key, script: str, environment: Mapping[str, str], identity: Identity) -> Answer:
        while (running := self._under_way.get(identity.name)) is not None and running.key != key:
            running.then = key
            await asyncio.wait({running.task})
            if running.then != key:
                raise EstimateUnavailable(
                    N_("The request has been changed since: the newer one is asked about."), label="estimate_superseded"
                )
        if running is None:
            self._may_ask(identity.name)
            task = asyncio.ensure_future(self._run(key, script, environment, identity))
            running = self._under_way[identity.name] = _UnderWay(key, task)
            task.add_done_callback(lambda done: self._is_over(identity.name, done))
        return await asyncio.shield(running.task)

    def _is_over(self, user: str, task: asyncio.Task[Answer]) -> None:
        del self._under_way[user]
        if not task.cancelled():
            task.exception()  # whoever asked may have gone away

    def _known(self, key: _Key) -> Answer | None:
        known = self._remembered.get(key)
        return known[1] if known is not None and 0 <= self._clock() - known[0] < REMEMBERED_SECONDS else None

    def _may_ask(self, user: str) -> None:
        self._is_not_paused(user)
        now = self._clock()
        self._last_minute = [entry for entry in self._last_minute if 0 <= now - entry[0] < 60]
        own = sum(name == user for _asked, name in self._last_minute)
        too_many = own >= self._bounds.estimates or len(self._last_minute) >= self._bounds.estimates_in_all
        if too_many or len(self._under_way) >= MAX_UNDER_WAY:
            raise EstimateUnavailable(
                N_("Slurm has been asked often just now. Ask again in a few seconds."),
                log=f"no estimate for {user}: {own} of {len(self._last_minute)} questions in the last minute were theirs",
                label="estimate_too_often",
            )
        self._last_minute.append((now, user))

    def _is_not_paused(self, user: str) -> None:
        now = self._clock()
        lately = {name for name, at in self._unanswered.items() if 0 <= now - at < PAUSE_SECONDS}
        if user in lately or len(lately) >= SILENCE_OF_USERS:
            raise EstimateUnavailable(N_("Slurm did not answer just now: no estimate."), label="estimate_timeout")

    async def _run(self, key: _Key, script: str, environment: Mapping[str, str], identity: Identity) -> Answer:
        async with self._places:
            self._is_not_paused(identity.name)
            self.asked += 1
            started = self._clock()
            try:
                result = await self._runner.run(key[1], stdin=script, environment=environment, identity=identity, timeout=self._timeout())
                answer = answer_of(result)
            except SlurmTimeout as error:
                self._unanswered[identity.name] = self._clock()
                raise EstimateUnavailable(
                    N_("Slurm did not answer in time: no estimate."), log=f"no estimate: {error.log}", label="estimate_timeout"
                ) from error
            except EstimateUnavailable:
                self._unanswered[identity.name] = self._clock()
                raise
            except ResourceFormError as error:
                raise EstimateUnavailable(error.sentence, log=f"no estimate: {error.log}") from error
            except Exception as error:
                self._log.exception("Asking Slurm for an estimate failed unexpectedly")
                raise EstimateUnavailable(_UNREADABLE, log=f"no estimate: {error!r}") from error
        if isinstance(answer, Estimate):
            answer = replace(answer, as_of=started)
        self._remembered[key] = (self._clock(), answer)
        return answer


def question_of(argv: Sequence[str]) -> tuple[str, ...]:
    """Return the question that belongs to a submission: the same arguments behind ``--test-only``, which no other option can take back.

    Raises
    ------
    EstimateUnavailable
        It is no sbatch, or has more than options: a script of its own, or a second component of the job.
    """
    command, *options = argv or ("",)
    odd = [option for option in options if not _OPTION.fullmatch(option)]
    if command != "sbatch" or odd:
        raise EstimateUnavailable(N_("There is no estimate for this request."), log=f"not asked with --test-only: {command!r}, {odd!r}")
    return (command, TEST_ONLY, *(option for option in options if option != TEST_ONLY and not option.startswith(_NOT_ASKED)))


def answer_of(result: Result) -> Answer:
    """Tell what an ``sbatch --test-only`` has left means.

    Raises
    ------
    EstimateUnavailable
        The way to the controller and back was at fault.
    SlurmOutputError
        It succeeded, and printed no estimate.
    """
    if result.ok:
        return parse_estimate(result.stderr)
    if outcome_of_sbatch(result.returncode, result.stderr) is not Outcome.REFUSED:
        said = last_line(result.stderr)
        raise EstimateUnavailable(
            N_("Slurm does not answer at the moment: no estimate."), log=f"sbatch --test-only exited with {result.returncode}: {said}"
        )
    for text, refusal in _AS_THINGS_ARE:
        if text in result.stderr:
            return NoStart(refusal, _own_words(result.stderr))
    return NoStart(refusal_for(result.stderr), _own_words(result.stderr))


def _own_words(stderr: str) -> tuple[str, ...]:
    return tuple(line.removeprefix("allocation failure: ") for line in slurm_words(stderr))


def estimate_in_words(estimate: Estimate, now: float) -> Dated:
    """Return the estimate as a sentence, in the Hub's own time zone; ``now`` in seconds since the epoch."""
    node = estimate.nodes[0] if len(estimate.nodes) == 1 else ""
    seconds = estimate.start - now
    if seconds <= NOW_SECONDS:
        sentence = _("Slurm's estimate: now on {node}.") if node else _("Slurm's estimate: now.")
        return dated(sentence, node=node)
    if node:
        sentence = _("Slurm's estimate: about {time} (in {duration}) on {node}. It changes as other jobs come and end.")
    else:
        sentence = _("Slurm's estimate: about {time} (in {duration}). It changes as other jobs come and end.")
    return dated(sentence, time=day_and_time(estimate.start, now), duration=_roughly(seconds), node=node)


def no_start_in_words(refused: SlurmRefused) -> str:
    """Return what :meth:`Estimator.ask` raises where Slurm could not start the job, as a sentence."""
    return _("Slurm could not start it as things are.") + " " + refused.sentence


def _roughly(seconds: float) -> str:
    """The time until then, in whole hours from two hours on: nothing about it is exact."""
    minutes = max(1, math.ceil(seconds / 60))
    return duration(minutes if minutes < 120 else round(minutes / 60) * 60)
