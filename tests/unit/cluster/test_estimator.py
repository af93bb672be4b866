"""When would it start? What sbatch --test-only prints, and how seldom, how briefly and for whom it is asked; nothing is ever submitted."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from traitlets import TraitError

from spawner.bounds import DEFAULTS
from spawner.cluster import estimator as room
from spawner.cluster.estimator import Estimator, answer_of, estimate_in_words, no_start_in_words, question_of
from spawner.errors import EstimateUnavailable, SlurmError, SlurmOutputError, SlurmRefused
from spawner.humanize import day_and_time
from spawner.job.sbatch import new_tag, sbatch_arguments
from spawner.request.model import parse_request
from spawner.slurm.runner import Identity, Result
from spawner.slurm.test_only import Estimate, parse_estimate
from tests.support.fake_slurm import EPOCH, FakeSlurm, Trouble
from tests.support.session_rig import KEY, make_cluster, virtually

LOG = logging.getLogger("tests.estimate")
SCRIPT = "#!/bin/sh\n"

# Captured: 22.05.8 and 24.11.5 print the same.
STARTS = "sbatch: Job 27 to start at 1795244921 using 4 processors on nodes g001 in partition g100_int\n"
WARNED = "sbatch: Warning: can't run 1 processes on 2 nodes, setting nnodes to 1\n" + STARTS
TWO_COMPONENTS = "sbatch: Job 16 to start at 1795244920 using 5 processors on g001\n"
VERBOSE = "sbatch: select/cons_res: common_init: select/cons_res loaded\n" + STARTS
# From the source of 25.05 (src/api/allocate.c) and of 22.05 (the second line).
NEWER = "sbatch: Job 27 to start at 1795244921 on cluster one a using 4 processors on nodes g001 in partition g100_int\n"
PREEMPTS = STARTS + "sbatch:   Preempts: 12,13\n"

FAILED = "allocation failure: "


@pytest.mark.parametrize("text", [STARTS, WARNED, VERBOSE, PREEMPTS, NEWER, STARTS.replace("27", "26") + STARTS])
def test_estimate(text: str) -> None:
    """Time, node, cores and partition, whatever else sbatch has to say."""
    assert parse_estimate(text) == Estimate(1795244921.0, ("g001",), 4, "g100_int")


def test_estimate_without_a_partition() -> None:
    """A job of several components."""
    assert parse_estimate(TWO_COMPONENTS) == Estimate(1795244920.0, ("g001",), 5, "")


def test_estimate_on_several_nodes() -> None:
    """A host list is taken apart."""
    assert parse_estimate(STARTS.replace("g001", "g[001-002]")).nodes == ("g001", "g002")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Submitted batch job 12\n",
        "sbatch: Job 1 to start at 2026-11-21T07:08:40 using 4 processors on nodes g001 in partition g100_int\n",
        "sbatch: Job 1 to start at Unknown using 4 processors on nodes g001 in partition g100_int\n",
        "sbatch: Job 1 to start at ١٧٩ using 4 processors on nodes g001 in partition g100_int\n",
        "sbatch: error: lua: " + STARTS,
        STARTS.replace("g001", "g[001"),
    ],
)
def test_no_estimate(text: str) -> None:
    """A time without a zone, no time, or no such line: nothing is guessed."""
    with pytest.raises(SlurmOutputError):
        parse_estimate(text)


@given(st.one_of(st.text(), st.text(alphabet="sbatch: Job12[]-,tosarunigdeP\n").map(lambda text: STARTS[:30] + text + STARTS[40:])))
def test_any_text(text: str) -> None:
    """Any text is read, or refused with an error of ours."""
    with contextlib.suppress(SlurmOutputError):
        assert parse_estimate(text).start >= 0
    for returncode in (0, 1, 255, -9):
        with contextlib.suppress(SlurmError):
            answer_of(Result(("sbatch",), returncode, "", text, 0.1))


# Captured, both versions, but for the last.
POLICY = "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)"
REFUSALS = [
    (FAILED + "Requested node configuration is not available\n", "", "out of service or reserved"),
    (FAILED + "Required partition not available (inactive or drain)\n", "partition", "takes no jobs at the moment"),
    (FAILED + "Invalid time specified\n", "reservation", "has not begun"),
    (FAILED + "Requested reservation is invalid\n", "reservation", "does not exist any more"),
    (FAILED + "Access denied to requested reservation\n", "reservation", "may not use this reservation"),
    (FAILED + "Invalid account or account/partition combination specified\n", "account", "may not be used"),
    (FAILED + "Invalid qos specification\n", "", "quality of service"),
    (FAILED + "Invalid feature specification\n", "", "No node has the features"),
    (f"sbatch: error: invalid partition specified: nix\n{FAILED}Invalid partition name specified\n", "partition", "does not know"),
    (f"sbatch: error: AssocMaxSubmitJobLimit\n{FAILED}{POLICY}\n", "", "beyond your limits"),
    ("sbatch: unrecognized option '--nope'\nTry \"sbatch --help\" for more information\n", "", "Slurm refused the job"),
    (FAILED + "Something new\n", "", "Slurm refused the job"),
]


@pytest.mark.parametrize(("stderr", "at_fault", "words"), REFUSALS)
def test_refusals(stderr: str, at_fault: str, words: str) -> None:
    """Each refusal has its field, a sentence, and Slurm's own words."""
    answer = answer_of(Result(("sbatch",), 1, "", stderr, 0.1))
    assert not isinstance(answer, Estimate)
    assert answer.refusal.field == at_fault
    assert words in answer.refusal.sentence
    assert answer.details
    assert not answer.details[-1].startswith(FAILED)


@pytest.mark.parametrize(
    ("returncode", "stderr"),
    [
        (1, FAILED + "Unable to contact slurm controller (connect failure)\n"),
        (1, FAILED + "Socket timed out on send/recv operation\n"),
        (1, "sbatch: error: resolve_ctls_from_dns_srv: res_nsearch error: Unknown host\n"),
        (-9, ""),
        (1, ""),
    ],
)
def test_nobody_knows(returncode: int, stderr: str) -> None:
    """Where the way to the controller is at fault, nothing follows about the request."""
    with pytest.raises(EstimateUnavailable, match=r"exited with") as caught:
        answer_of(Result(("sbatch",), returncode, "", stderr, 0.1))
    assert caught.value.sentence.endswith("no estimate.")


# --- the question ---------------------------------------------------------------------------------------------------------------


def submission(user: str = "ada", *, cores: int = 4, token: str = "t", extra: Sequence[str] = ()) -> tuple[str, ...]:
    """A submission's argv, with a nonce of its own each time."""
    options = {"cores": cores, "memory": "8G", "gpus": "1", "walltime": 60, "partition": "g100_int", "release": "a", "interface": "lab"}
    tag = new_tag("jupyterhub", user, "", "", token=token, key=KEY, clock=lambda: EPOCH)
    return sbatch_arguments(parse_request(options), tag, home=f"/home/{user}", extra=extra)


def test_question() -> None:
    """A submission's own arguments in their order, behind --test-only; without the nonce, and without what would silence the answer."""
    argv = submission(extra=("--qos=interactive", "--quiet", "--test-only"))
    asked = question_of(argv)
    assert asked[:3] == ("sbatch", "--test-only", "--parsable")
    left_out = [option for option in argv if option.startswith("--comment=")] + ["--quiet", "--test-only"]
    assert len(left_out) == 3
    assert asked[2:] == tuple(option for option in argv[1:] if option not in left_out)
    assert question_of(submission()) == question_of(submission())


@pytest.mark.parametrize(
    "argv",
    [
        (),
        ("squeue", "--all"),
        ("/usr/bin/sbatch", "--nodes=1"),
        ("sbatch", "--nodes=1", "/etc/passwd"),
        ("sbatch", "--", "--nodes=1"),
        ("sbatch", "-n1"),
        ("sbatch", "--nodes=1", ":", "--nodes=1"),
        ("sbatch", ""),
    ],
)
def test_what_is_not_asked(argv: Sequence[str]) -> None:
    """Anything but sbatch with long options; Slurm hears nothing of it."""
    with pytest.raises(EstimateUnavailable):
        question_of(argv)


@given(st.lists(st.text()))
def test_every_question_has_test_only(options: list[str]) -> None:
    """Whatever the arguments are: --test-only is the first of them, or nothing is asked."""
    try:
        asked = question_of(("sbatch", *options))
    except EstimateUnavailable:
        return
    assert asked[:2] == ("sbatch", "--test-only")
    assert all(option.startswith("--") and len(option) > 2 for option in asked[1:])


# --- asking ---------------------------------------------------------------------------------------------------------------------


@dataclass
class Controller(FakeSlurm):
    """The fake, which answers --test-only with ``stderr`` and would make a job of anything else."""

    returncode: int = 0
    stderr: str = STARTS
    asked: list[tuple[str, ...]] = field(default_factory=list)
    environments: list[Mapping[str, str]] = field(default_factory=list)
    most_at_once: int = 0

    async def run(
        self,
        argv: Sequence[str],
        *,
        stdin: str = "",
        environment: Mapping[str, str] | None = None,
        identity: Identity | None = None,
        timeout: float = 60.0,
    ) -> Result:
        self.asked.append(tuple(argv))
        self.environments.append(environment or {})
        self.most_at_once = max(self.most_at_once, len(self.under_way) + 1)
        return await super().run(argv, stdin=stdin, environment=environment, identity=identity, timeout=timeout)

    def _sbatch(self, argv: Sequence[str], identity: Identity | None) -> tuple[int, str, str]:
        assert identity is not None
        return (self.returncode, "", self.stderr) if argv[1] == "--test-only" else super()._sbatch(argv, identity)


class Rig:
    """An estimator on the fake, and users who ask."""

    def __init__(self) -> None:
        self.slurm = Controller(asyncio.get_running_loop())
        self.estimator = Estimator(self.slurm, log=LOG, clock=self.slurm.now)

    async def ask(self, user: str = "ada", *, cores: int = 4, script: str = SCRIPT) -> Estimate:
        """Ask as a page does."""
        identity = Identity(user, 1000, 1000, f"/home/{user}", "/bin/bash", (1000,))
        return await self.estimator.ask(submission(user, cores=cores), script, {"JUPYTERHUB_API_TOKEN": "secret"}, identity)

    async def label_of(self, user: str = "ada", *, cores: int = 4) -> str:
        """The label of the error, empty for an estimate."""
        try:
            await self.ask(user, cores=cores)
        except SlurmError as error:
            return error.label
        return ""


def test_ask() -> None:
    """The question is asked as a submission would be made, in an environment that makes the time readable; there is no job of it."""

    async def test() -> None:
        rig = Rig()
        found = await rig.ask()
        assert found == Estimate(1795244921.0, ("g001",), 4, "g100_int", as_of=EPOCH)
        assert rig.slurm.asked == [question_of(submission())]
        assert rig.slurm.environments == [{"JUPYTERHUB_API_TOKEN": "secret", "LC_ALL": "C", "SLURM_TIME_FORMAT": "%s"}]
        assert rig.slurm.jobs == {}

    virtually(test)


def test_the_same_question_again() -> None:
    """For half a minute the answer is remembered, whatever the nonce is; not for another user, another size or another script."""

    async def test() -> None:
        rig = Rig()
        first = await rig.ask()
        await asyncio.sleep(room.REMEMBERED_SECONDS - 1)
        assert await rig.ask() == first
        assert rig.estimator.asked == 1
        await rig.ask("grace")
        await rig.ask(cores=5)
        await rig.ask(script="#!/bin/bash\n")
        assert rig.estimator.asked == 4
        await asyncio.sleep(2)
        assert (await rig.ask()).as_of > first.as_of
        assert rig.estimator.asked == 5

    virtually(test)


def test_a_refusal_is_remembered_too() -> None:
    """What Slurm could not start it is not asked about again at once; each time it is a new error, with the sentence."""

    async def test() -> None:
        rig = Rig()
        rig.slurm.returncode, rig.slurm.stderr = 1, REFUSALS[0][0]
        errors = []
        for _ in range(2):
            with pytest.raises(SlurmRefused, match="Requested node configuration is not available") as caught:
                await rig.ask()
            errors.append(caught.value)
        assert errors[0] is not errors[1]
        assert rig.estimator.asked == 1
        assert errors[0].details == ("Requested node configuration is not available",)
        assert no_start_in_words(errors[0]).startswith("Slurm could not start it as things are. No node can be had for it:")

    virtually(test)


def test_one_question_of_a_user_at_a_time() -> None:
    """The same question shares the answer of the one under way; of several others the newest is asked after it."""

    async def test() -> None:
        rig = Rig()
        rig.slurm.delay = 1.0
        cores = (1, 1, 2, 3, 4, 4)
        tasks = []
        for number in cores:
            tasks.append(asyncio.ensure_future(rig.label_of(cores=number)))
            await asyncio.sleep(0.01)
        labels = await asyncio.gather(*tasks)
        assert labels == ["", "", "estimate_superseded", "estimate_superseded", "", ""]
        assert rig.estimator.asked == 2
        assert rig.slurm.most_at_once == 1

    virtually(test)


def test_whoever_asks_may_go_away() -> None:
    """The answer of a question whose page was closed serves the next who asks."""

    async def test() -> None:
        rig = Rig()
        task = asyncio.ensure_future(rig.ask())
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.sleep(1)
        assert (await rig.ask()).nodes == ("g001",)
        assert rig.estimator.asked == 1

    virtually(test)


def test_questions_a_minute() -> None:
    """Ten of one user; then there is a sentence, others are not affected, and a minute later it goes on."""

    async def test() -> None:
        rig = Rig()
        labels = [await rig.label_of(cores=number) for number in range(1, 13)]
        assert labels == [""] * 10 + ["estimate_too_often"] * 2
        with pytest.raises(EstimateUnavailable) as caught:
            await rig.ask(cores=40)
        assert caught.value.sentence == "Slurm has been asked often just now. Ask again in a few seconds."
        assert await rig.label_of(cores=1) == ""  # remembered
        assert await rig.label_of("grace") == ""
        await asyncio.sleep(61)
        assert await rig.label_of(cores=12) == ""

    virtually(test)


def test_a_class_asks() -> None:
    """A hundred users at once: four commands at once at most, no more under way than there is room for, all others told at once."""

    async def test() -> None:
        rig = Rig()
        rig.slurm.delay = 0.5
        labels = await asyncio.gather(*(rig.label_of(f"user{number}") for number in range(100)))
        assert rig.slurm.most_at_once == room.MAX_AT_ONCE
        assert labels.count("") == room.MAX_UNDER_WAY
        assert labels.count("estimate_too_often") == 100 - room.MAX_UNDER_WAY

    virtually(test)


def test_nothing_grows() -> None:
    """Many users, one after the other, over hours: what is kept stays bounded; and Slurm gets so many questions a minute at most."""

    async def test() -> None:
        rig = Rig()
        labels = [await rig.label_of(f"user{number}") for number in range(300)]
        assert labels.count("") == DEFAULTS.estimates_in_all
        for number in range(700):
            await rig.label_of(f"other{number}")
            await asyncio.sleep(1)
        state = vars(rig.estimator)
        assert len(state["_remembered"]) <= room.MAX_REMEMBERED
        assert len(state["_last_minute"]) <= DEFAULTS.estimates_in_all
        assert state["_under_way"] == {}

    virtually(test)


def test_slurm_hangs() -> None:
    """After three seconds there is a sentence; then nobody asks for ten seconds, so that a stuck controller does not gather processes."""

    async def test() -> None:
        rig = Rig()
        rig.slurm.hang = True
        asked_at = rig.slurm.now()
        everybody = [asyncio.ensure_future(rig.label_of(f"user{number}")) for number in range(room.MAX_UNDER_WAY - 1)]
        with pytest.raises(EstimateUnavailable) as caught:
            await rig.ask()
        assert caught.value.sentence in ("Slurm did not answer in time: no estimate.", "Slurm did not answer just now: no estimate.")
        assert set(await asyncio.gather(*everybody)) == {"estimate_timeout"}
        assert rig.slurm.now() - asked_at == pytest.approx(3, abs=0.5)
        assert rig.estimator.asked == room.MAX_AT_ONCE
        assert await rig.label_of() == "estimate_timeout"
        assert rig.estimator.asked == room.MAX_AT_ONCE
        rig.slurm.hang = False
        await asyncio.sleep(room.PAUSE_SECONDS)
        assert await rig.label_of() == ""

    virtually(test)


def test_one_users_command_says_nothing_about_slurm() -> None:
    """A user may stop or end their own question, which runs as them: they wait, all others ask. Three users' silence is Slurm's."""

    async def test() -> None:
        rig = Rig()
        for trouble in (Trouble("sbatch", hangs=True), Trouble("sbatch", "", returncode=-9)):
            rig.slurm.troubles = [trouble]
            assert await rig.label_of("mallory") != ""
            asked = rig.estimator.asked
            assert await rig.label_of("mallory") == "estimate_timeout"
            assert rig.estimator.asked == asked
            assert await rig.label_of("ada") == ""
            await asyncio.sleep(room.PAUSE_SECONDS)
            assert await rig.label_of("mallory") == ""
            await asyncio.sleep(room.REMEMBERED_SECONDS)
        for number in range(room.SILENCE_OF_USERS):
            assert await rig.label_of("ada") == "", number
            await asyncio.sleep(0)
            rig.slurm.troubles = [Trouble("sbatch", FAILED + "Unable to contact slurm controller (connect failure)")]
            await rig.label_of(f"user{number}")
        assert await rig.label_of("grace") == "estimate_timeout"
        await asyncio.sleep(room.PAUSE_SECONDS)
        assert await rig.label_of("grace") == ""

    virtually(test)


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (Trouble("sbatch", FAILED + "Unable to contact slurm controller (connect failure)"), "does not answer at the moment"),
        (Trouble("sbatch", missing=True), "could not be started"),
        (Trouble("sbatch", "", returncode=0), "cannot read"),
        (Trouble("sbatch", "sbatch: Submitted batch job 12", returncode=0), "cannot read"),
        (Trouble("sbatch", hangs=True), "did not answer in time"),
    ],
)
def test_trouble(trouble: Trouble, words: str) -> None:
    """Whatever happens, it is an error of ours with a sentence, and is not remembered as an answer."""

    async def test() -> None:
        rig = Rig()
        rig.slurm.troubles = [trouble]
        with pytest.raises(EstimateUnavailable) as caught:
            await rig.ask()
        assert words in caught.value.sentence
        await asyncio.sleep(room.PAUSE_SECONDS)
        assert (await rig.ask()).nodes == ("g001",)
        assert rig.slurm.jobs == {}

    virtually(test)


def test_the_unexpected(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """An error that nobody thought of becomes one of ours; the log has it."""

    async def test() -> None:
        rig = Rig()

        def broken(argv: Sequence[str], identity: Identity | None) -> tuple[int, str, str]:
            raise ZeroDivisionError

        monkeypatch.setattr(rig.slurm, "_sbatch", broken)
        with pytest.raises(EstimateUnavailable):
            await rig.ask()

    virtually(test)
    assert "ZeroDivisionError" in caplog.text


def test_the_clock_is_set_back() -> None:
    """Neither an answer nor a pause nor the count of a minute lasts for as long as the clock was set back."""

    async def test() -> None:
        rig = Rig()
        set_back = 0.0
        rig.estimator = Estimator(rig.slurm, log=LOG, clock=lambda: rig.slurm.now() - set_back)
        labels = [await rig.label_of(cores=number) for number in range(1, 12)]
        assert labels[-1] == "estimate_too_often"
        set_back = 86400.0
        assert await rig.label_of(cores=1) == ""
        assert rig.estimator.asked == 11

    virtually(test)


def test_settings_of_the_cluster() -> None:
    """An admin may turn it off, or give Slurm more time."""

    async def test() -> None:
        slurm = Controller(asyncio.get_running_loop())
        cluster = make_cluster(slurm)
        identity = (await cluster.member("ada")).identity
        cluster.estimates = False
        with pytest.raises(EstimateUnavailable, match="no estimates"):
            await cluster.estimator.ask(submission(), SCRIPT, {}, identity)
        assert slurm.asked == []
        cluster.estimates, cluster.estimate_timeout = True, 7.0
        slurm.hang = True
        asked_at = slurm.now()
        with pytest.raises(EstimateUnavailable):
            await cluster.estimator.ask(submission(), SCRIPT, {}, identity)
        assert slurm.now() - asked_at == pytest.approx(7, abs=0.1)
        with pytest.raises(TraitError, match="estimate_timeout"):
            cluster.estimate_timeout = 0.0

    virtually(test)


# --- in words -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "nodes", "words"),
    [
        (-3600, ("g001",), "Slurm's estimate: now on g001."),
        (0, (), "Slurm's estimate: now."),
        (10, ("g001", "g002"), "Slurm's estimate: now."),
        (20, ("g001",), "Slurm's estimate: about {} (in 1 min) on g001. It changes as other jobs come and end."),
        (1500, ("g001",), "Slurm's estimate: about {} (in 25 min) on g001. It changes as other jobs come and end."),
        (3600, (), "Slurm's estimate: about {} (in 1 h). It changes as other jobs come and end."),
        (3 * 3600 + 700, ("g001",), "Slurm's estimate: about {} (in 3 h) on g001. It changes as other jobs come and end."),
    ],
)
def test_in_words(seconds: int, nodes: tuple[str, ...], words: str) -> None:
    """An estimate, said as one; nothing about it is exact."""
    now = EPOCH - EPOCH % 86400 + 4 * 3600
    expected = words.format(day_and_time(now + seconds, now))
    assert estimate_in_words(Estimate(now + seconds, nodes), now) == expected


def test_another_day_in_words() -> None:
    """Then the day is told."""
    now = EPOCH - EPOCH % 86400 + 4 * 3600
    assert " on Mon 18 Jan (in 3 days 1 h) on g001." in estimate_in_words(Estimate(now + 73 * 3600, ("g001",)), now)
