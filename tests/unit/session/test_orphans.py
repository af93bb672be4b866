"""Jobs with this Hub's tag and no session: found after a time of grace, and only those."""

from __future__ import annotations

import asyncio

import pytest

from spawner.cluster.users import Member
from spawner.errors import ResourceFormError, SlurmOutputError, SlurmUnavailable
from spawner.job.sbatch import Tag, new_tag, signing_key
from spawner.session.orphans import CLOCKS_DIFFER_SECONDS, SUBMITTED_WITHIN_SECONDS, SUSPECTED_SECONDS, Orphan, Sweep, why_not_ours
from spawner.session.record import Record
from spawner.slurm.model import Job
from spawner.slurm.runner import Identity
from tests.support.fake_slurm import EPOCH, FakeSlurm, Trouble
from tests.support.session_rig import KEY, SCRIPT, make_cluster, virtually


def make_sweep() -> tuple[FakeSlurm, Sweep]:
    """A sweep over a fake controller."""
    slurm = FakeSlurm(asyncio.get_running_loop())
    return slurm, Sweep(make_cluster(slurm), KEY)


def tag(user: str = "ada", server: str = "", hub: str = "jupyterhub", began: float = EPOCH, key: bytes = KEY) -> Tag:
    """A tag that the Hub has made."""
    return new_tag(hub, user, server, SCRIPT, token="a token", key=key, clock=lambda: began)


def nobody() -> set[str]:
    """No session at all."""
    return set()


@pytest.mark.parametrize("state", ["PENDING", "RUNNING", "SUSPENDED", "CONFIGURING"])
def test_a_job_without_a_session(state: str) -> None:
    """It is an orphan once it was seen for as long as a start or a stop may take; then all that is needed to take it up is known."""

    async def scenario() -> None:
        slurm, sweep = make_sweep()
        own = tag(server="second")
        job = slurm.make_job("ada", own.comment, state)
        assert await sweep.look(nobody) == ()
        assert sweep.suspects
        await asyncio.sleep(SUSPECTED_SECONDS / 2)
        assert await sweep.look(nobody) == ()
        await asyncio.sleep(SUSPECTED_SECONDS / 2)
        (orphan,) = await sweep.look(nobody)
        assert orphan.record == Record(nonce=own.nonce, job_id=job.job_id, submitted=float(job.submit), queued_at=job.submit, owner="ada")
        assert str(orphan) == f"job {job.job_id} of ada:second"

    virtually(scenario)


OWN = tag()


@pytest.mark.parametrize(
    ("user", "comment", "state"),
    [
        ("ada", tag().comment, "COMPLETED"),
        ("ada", tag().comment, "CANCELLED"),
        ("ada", tag().comment, "COMPLETING"),
        ("ada", "", "RUNNING"),
        ("ada", "train the model", "RUNNING"),
        ("ada", tag(hub="another").comment, "RUNNING"),
        ("mallory", tag(user="ada").comment, "RUNNING"),
        ("mallory", Tag("jupyterhub", "mallory", "", tag(user="ada").nonce).comment, "RUNNING"),
        ("ada", Tag("jupyterhub", "ada", "", "0123456789abcdef").comment, "RUNNING"),
        ("ada", Tag("jupyterhub", "ada", "evil", tag().nonce).comment, "RUNNING"),
        ("ada", tag(key=signing_key(b"of the user's own making")).comment, "RUNNING"),
        ("ada", tag(began=EPOCH - 3600).comment, "RUNNING"),
        ("ada", OWN.comment, "RUNNING"),
    ],
    ids=[
        "completed",
        "cancelled",
        "ending",
        "no comment",
        "another comment",
        "another Hub's",
        "somebody else's",
        "somebody else's, in one's own name",
        "not signed",
        "for another server",
        "signed by somebody else",
        "of an old start",
        "a session's",
    ],
)
def test_what_is_no_orphan(user: str, comment: str, state: str) -> None:
    """Ended jobs, jobs of sessions, and jobs on which somebody has written a tag that the Hub did not make for them."""

    async def scenario() -> None:
        slurm, sweep = make_sweep()
        slurm.make_job(user, comment, state)
        for _ in range(3):
            assert await sweep.look(lambda: {OWN.nonce}) == ()
            assert not sweep.suspects
            await asyncio.sleep(SUSPECTED_SECONDS)

    virtually(scenario)


def test_a_copied_tag_is_not_the_job() -> None:
    """A user who writes the session's tag on another job of theirs does not make it the session: the first job is."""

    async def scenario() -> None:
        slurm, sweep = make_sweep()
        own = tag()
        job = slurm.make_job("ada", own.comment, "RUNNING")
        slurm.make_job("ada", own.comment, "RUNNING")
        await sweep.look(nobody)
        await asyncio.sleep(SUSPECTED_SECONDS)
        (orphan,) = await sweep.look(nobody)
        assert orphan.job.job_id == job.job_id

    virtually(scenario)


def test_the_first_job_counts_whatever_became_of_it() -> None:
    """Where the job that was submitted first is over, its session is, and a copy of its tag makes no other; the log can say so."""

    async def scenario() -> None:
        slurm, sweep = make_sweep()
        own = tag()
        slurm.make_job("ada", own.comment, "CANCELLED")
        copy = slurm.make_job("ada", own.comment, "RUNNING")
        assert await sweep.look(nobody) == ()
        assert not sweep.suspects
        assert sweep.over == (own,)
        assert [(found.job.job_id, found.why) for found in sweep.refused] == [
            (copy.job_id, "job 100 was submitted before it with the same tag")
        ]

    virtually(scenario)


def test_the_time_of_submission_decides_which_was_first() -> None:
    """Ids begin anew after the highest."""

    async def scenario() -> None:
        slurm, sweep = make_sweep()
        own = tag()
        slurm.make_job("ada", own.comment, "RUNNING", job_id=67_000_000)
        copy = slurm.make_job("ada", own.comment, "RUNNING", job_id=7)
        copy.submit += 1
        await sweep.look(nobody)
        await asyncio.sleep(SUSPECTED_SECONDS)
        (orphan,) = await sweep.look(nobody)
        assert orphan.job.job_id == 67_000_000

    virtually(scenario)


@pytest.mark.parametrize(
    ("user", "comment", "why"),
    [
        ("mallory", tag(user="ada").comment, "its tag is of another user"),
        ("ada", tag(key=signing_key(b"of the user's own making")).comment, "this Hub has not made its tag"),
        ("ada", tag(began=EPOCH - 3600).comment, "its tag is of another time than its submission"),
        ("ada", tag(hub="another").comment, None),
        ("ada", "train the model", None),
        ("ada", OWN.comment, None),
    ],
    ids=["another user's", "not signed", "of another time", "another Hub's", "no tag", "a session's"],
)
def test_what_is_refused_is_told(user: str, comment: str, why: str | None) -> None:
    """With the reason, for the log; nothing of jobs that do not say to be this Hub's, and of those that are over."""

    async def scenario() -> None:
        slurm, sweep = make_sweep()
        slurm.make_job(user, comment, "COMPLETED")
        slurm.make_job(user, comment, "RUNNING")
        await sweep.look(lambda: {OWN.nonce})
        assert [found.why for found in sweep.refused] == ([why] if why else [])

    virtually(scenario)


@pytest.mark.parametrize(
    ("partition", "may"),
    [("g100_cpu", True), ("g100_int", True), ("g100_int,g100_cpu", True), ("debug", False), ("g100_cpu,debug", False), ("", False)],
)
def test_where_the_admins_own_options_have_jobs_run(partition: str, may: bool) -> None:
    """That is allowed as well, and nothing else."""

    async def scenario() -> None:
        slurm, sweep = make_sweep()
        sweep.cluster.partitions = ["g100_int"]
        job = slurm.make_job("ada", OWN.comment, "RUNNING")
        job.script, job.partition = SCRIPT, partition
        orphan = Orphan(Job(job.job_id, "ada", "RUNNING"), OWN)
        assert (await why_not_ours(sweep.cluster, orphan, own_partitions={"g100_cpu"}) == "") is may

    virtually(scenario)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, ""),
        ({"partition": "g100_cpu"}, "sessions may not run in its partition g100_cpu"),
        ({"partition": "g100_int,g100_cpu"}, "sessions may not run in its partition g100_int,g100_cpu"),
        ({"script": SCRIPT + "exit\n"}, "its script is not the one that this Hub has submitted"),
        ({"script": ""}, "its script is not the one that this Hub has submitted"),
        ({"script": None}, ""),
    ],
    ids=["ours", "another partition", "one of several", "another script", "no script", "a script that the Hub may not read"],
)
def test_what_was_really_submitted(changes: dict[str, str | None], why: str) -> None:
    """The partition is one that the admin allows, and the script, where the Hub may read it, the one that it submitted."""

    async def scenario() -> None:
        slurm, sweep = make_sweep()
        sweep.cluster.partitions = ["g100_int"]
        job = slurm.make_job("ada", OWN.comment, "RUNNING")
        for name, value in {"script": SCRIPT, **changes}.items():
            setattr(job, name, value)
        assert await why_not_ours(sweep.cluster, Orphan(Job(job.job_id, "ada", "RUNNING"), OWN)) == why

    virtually(scenario)


def test_a_job_of_an_older_version() -> None:
    """Its tag says nothing of its script: it is not asked for."""

    async def scenario() -> None:
        slurm, sweep = make_sweep()
        job = slurm.make_job("ada", OWN.comment, "RUNNING")
        job.script = "another one"
        older = Tag("jupyterhub", "ada", "", ".".join([*OWN.nonce.split(".")[:3], "signature"]))
        assert await why_not_ours(sweep.cluster, Orphan(Job(job.job_id, "ada", "RUNNING"), older)) == ""

    virtually(scenario)


@pytest.mark.parametrize("trouble", ["slurm is away", "the job is not in the list", "no answer about the script"])
def test_what_nobody_can_say(trouble: str) -> None:
    """No answer is no permission."""

    async def scenario() -> None:
        slurm, sweep = make_sweep()
        job = slurm.make_job("ada", OWN.comment, "RUNNING")
        orphan = Orphan(Job(job.job_id, "ada", "RUNNING"), OWN)
        await sweep.cluster.lets_sessions_into(["g100_int"])
        slurm.answers = trouble != "slurm is away"
        if trouble == "the job is not in the list":
            del slurm.jobs[job.job_id]
        if trouble == "no answer about the script":
            await sweep.cluster.job(job.job_id)
            slurm.troubles.append(Trouble("scontrol", stderr="job script retrieval failed: Socket timed out on send/recv operation"))
        with pytest.raises(ResourceFormError):
            await why_not_ours(sweep.cluster, orphan)

    virtually(scenario)


def test_a_session_that_comes_to_be_while_slurm_answers() -> None:
    """The sessions are asked for after Slurm answered: a start meanwhile is not taken for an orphan."""

    async def scenario() -> None:
        slurm, sweep = make_sweep()
        slurm.make_job("ada", OWN.comment, "RUNNING")
        known: set[str] = set()
        asyncio.get_running_loop().call_later(slurm.delay / 2, known.add, OWN.nonce)
        assert await sweep.look(lambda: known) == ()
        assert not sweep.suspects

    virtually(scenario)


def test_a_job_that_has_a_session_again() -> None:
    """The time of grace begins anew where a job was a session's in between."""

    async def scenario() -> None:
        slurm, sweep = make_sweep()
        slurm.make_job("ada", OWN.comment, "RUNNING")
        await sweep.look(nobody)
        await asyncio.sleep(SUSPECTED_SECONDS)
        assert await sweep.look(lambda: {OWN.nonce}) == ()
        assert await sweep.look(nobody) == ()

    virtually(scenario)


def test_slurm_away() -> None:
    """No answer is not "no orphans": the suspicion stays as it was."""

    async def scenario() -> None:
        slurm, sweep = make_sweep()
        slurm.make_job("ada", OWN.comment, "RUNNING")
        await sweep.look(nobody)
        slurm.answers = False
        with pytest.raises(SlurmUnavailable):
            await sweep.look(nobody)
        slurm.answers = True
        await asyncio.sleep(SUSPECTED_SECONDS)
        assert len(await sweep.look(nobody)) == 1

    virtually(scenario)


def test_a_comment_that_forges_a_row() -> None:
    """Whoever has seen the mark could write a row about somebody else's job: then the job is there twice, and nothing is believed."""

    async def scenario() -> None:
        slurm, sweep = make_sweep()
        victim = slurm.make_job("grace", Tag("jupyterhub", "grace", "", "of a session").comment, "RUNNING")
        mallory = slurm.make_job("mallory", "", "RUNNING")
        ask = slurm.run

        async def run(argv, **arguments):  # type: ignore[no-untyped-def]
            mark = next(option for option in argv if option.startswith("--Format=")).split("^")[1]
            forged = tag(user="grace").comment
            mallory.comment = f"x\n{victim.job_id}^{mark}^grace^RUNNING^{victim.submit}^{forged}"
            return await ask(argv, **arguments)

        slurm.run = run  # type: ignore[method-assign]
        with pytest.raises(SlurmOutputError):
            await sweep.look(lambda: {"of a session"})
        assert not sweep.suspects

    virtually(scenario)


def test_every_job_is_looked_at() -> None:
    """No job that is none of ours, forged, copied or over hides an orphan that comes after it."""

    async def scenario() -> None:
        slurm, sweep = make_sweep()
        first, second = tag(), tag("grace")
        slurm.make_job("ada", "train the model", "RUNNING")
        slurm.make_job("ada", Tag("jupyterhub", "ada", "", "0123456789abcdef").comment, "RUNNING")
        slurm.make_job("ada", tag().comment, "COMPLETED")
        orphans = [slurm.make_job("ada", first.comment, "RUNNING")]
        slurm.make_job("ada", first.comment, "RUNNING")
        orphans.append(slurm.make_job("grace", second.comment, "RUNNING"))
        await sweep.look(nobody)
        await asyncio.sleep(SUSPECTED_SECONDS)
        found = await sweep.look(nobody)
        assert [orphan.job.job_id for orphan in found] == [job.job_id for job in orphans]
        assert [str(orphan) for orphan in found] == [f"job {orphans[0].job_id} of ada", f"job {orphans[1].job_id} of grace"]

    virtually(scenario)


@pytest.mark.parametrize(
    ("seconds", "ours"),
    [
        (SUBMITTED_WITHIN_SECONDS, True),
        (SUBMITTED_WITHIN_SECONDS + 1, False),
        (-CLOCKS_DIFFER_SECONDS, True),
        (-CLOCKS_DIFFER_SECONDS - 1, False),
    ],
)
def test_how_old_a_tag_may_be(seconds: float, *, ours: bool) -> None:
    """The job was submitted about when its start began, by either clock; a tag of another time was written on it by somebody."""

    async def scenario() -> None:
        slurm, sweep = make_sweep()
        slurm.make_job("ada", tag(began=EPOCH - seconds).comment, "RUNNING")
        await sweep.look(nobody)
        assert sweep.suspects is ours

    virtually(scenario)


@pytest.mark.parametrize(("spelled", "is_ours"), [("ada.lovelace", True), ("eve", False)])
def test_a_user_of_several_names(spelled: str, is_ours: bool) -> None:
    """The tag has the name that the Hub knows, Slurm's list the one that the system gives for the uid."""

    async def scenario() -> None:
        slurm, sweep = make_sweep()
        names = {"ada.lovelace": "ada"}

        async def member(user: str) -> Member:
            return Member(Identity(names.get(user, user), 1000, 1000, "/", "/bin/sh", ()), frozenset())

        sweep.cluster.users.member = member  # type: ignore[method-assign]
        own = tag(user=spelled)
        slurm.make_job("ada", own.comment, "RUNNING")
        await sweep.look(nobody)
        await asyncio.sleep(SUSPECTED_SECONDS)
        found = await sweep.look(nobody)
        assert [orphan.record.owner for orphan in found] == (["ada"] if is_ours else [])
        assert len(sweep.refused) == (0 if is_ours else 1)
        assert await sweep.look(lambda: {own.nonce}) == ()

    virtually(scenario)
