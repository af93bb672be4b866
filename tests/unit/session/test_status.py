"""How a session stands, in one object: each of Slurm's states in one list, the stages of a start, places, estimates, prices, words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spawner.availability.queue_position import QueuePosition, queue_positions_of
from spawner.session.record import End, Record
from spawner.session.status import Server, SessionStatus, kind_of_end, status_of
from spawner.session.status_json import DETAILS, as_json, details_of, without_clock
from spawner.session.status_text import Charge, charge_of, held_by, held_in_words
from spawner.session.used import Used
from spawner.slurm.model import Job
from spawner.slurm.states import ENDED, ENDING, PENDING, RUNNING, STARTING

NOW = 1_800_000_000.0
SUBMITTED = int(NOW) - 600
TRES = "cpu=8,mem=64G,node=1,billing=56,gres/gpu=2,gres/gpu:v100=2"
SLURMS_STATES = {
    **dict.fromkeys(("PENDING", "REQUEUED", "REQUEUE_FED", "EXPEDITING"), ("waiting", "running")),
    **dict.fromkeys(("REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD"), ("waiting", "running")),
    **dict.fromkeys(("CONFIGURING", "RUNNING", "SUSPENDED", "STOPPED", "SIGNALING", "RESIZING"), ("starting", "running")),
    **dict.fromkeys(("COMPLETING", "STAGE_OUT"), ("stopping", "running")),
    **dict.fromkeys(("COMPLETED", "TIMEOUT"), ("ended", "finished")),
    **dict.fromkeys(("CANCELLED", "FAILED", "NODE_FAIL", "PREEMPTED", "BOOT_FAIL"), ("ended", "others")),
    **dict.fromkeys(("DEADLINE", "OUT_OF_MEMORY", "REVOKED"), ("ended", "others")),
}
"""squeue(1), JOB STATE CODES: where a session stands whose server has not reported yet and whose job is in it, and in which list."""
WAIT = frozenset(state for state, (stands, _) in SLURMS_STATES.items() if stands == "waiting")

RECORD = Record(nonce="n", job_id=7, submitted=NOW - 601, queued_at=SUBMITTED)
READY = Record(nonce="n", job_id=7, submitted=NOW - 601, queued_at=SUBMITTED, node="g001", address="127.0.1.1", port=40000)


def job(state: str = "PENDING", **changes: Any) -> Job:
    """The session's job: it waits, or has run on g001 since 100 s, for an hour in all."""
    values: dict[str, Any] = {"user": "ada", "partition": "g100_int", "submit": SUBMITTED, "tres": TRES}
    if state in WAIT:
        values["reason"] = "Resources"
    else:
        values |= {"reason": "None", "batch_host": "g001", "start": int(NOW) - 100, "end": int(NOW) + 3500}
    return Job(7, state=state, **{**values, **changes})


def status(record: Record = RECORD, **arguments: Any) -> SessionStatus:
    """Of ada's default server, now."""
    return status_of(Server("ada"), record, **{"now": NOW, **arguments})


# --- lists ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stopped", [False, True])
@pytest.mark.parametrize("state", SLURMS_STATES)
def test_every_state_is_in_one_list(state: str, stopped: bool) -> None:
    """What is not over runs; of what is over each state is among the finished ones or among the others, and the session says the same."""
    stands, kind = SLURMS_STATES[state]
    if stopped:
        stands, kind = ("ended" if stands == "ended" else "stopping"), ("finished" if state == "CANCELLED" else kind)
    found = status(Record(nonce="n", job_id=7, stopping=stopped), job=job(state), stopped=stopped)
    assert (found.state, found.kind, found.slurm_state) == (stands, kind, state)


def test_the_states_are_all_that_we_know() -> None:
    """A word that is new to us is judged here too, before it is taken for one of a kind."""
    assert set(SLURMS_STATES) == PENDING | STARTING | RUNNING | ENDING | ENDED


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        *[(state, "finished") for state in ("STOPPED", "IDLE_GPUS")],
        *[(state, "others") for state in ("NOT_SUBMITTED", "NEVER_STARTS", "QUEUE_TIMEOUT", "LISTEN_TIMEOUT", "GONE", "REQUEUED")],
        ("A_WORD_OF_NEXT_YEAR", "others"),
    ],
)
def test_which_ends_of_ours_are_as_they_should_be(state: str, kind: str) -> None:
    """The user's own Stop, and the one for idle GPUs; what could not start or was lost is none."""
    assert kind_of_end(state) == kind
    assert (kind_of_end("CANCELLED"), kind_of_end("CANCELLED", stopped=True)) == ("others", "finished")


# --- state and stage -----------------------------------------------------------------------------------------------------------


HANDED_OVER, SUBMITTED_ALREADY = "The job is being handed to Slurm.", "The job is submitted."
RESOURCES = "You are first in the queue. What you asked for is not all free yet."
CONNECTED = "The session runs on g001."
STOPS = "The session is being stopped."


@pytest.mark.parametrize(
    ("record", "found", "expected", "sentence"),
    [
        pytest.param(Record(), None, ("waiting", "submitting", 5), HANDED_OVER, id="not-yet-asked-for"),
        pytest.param(Record(nonce="n"), None, ("waiting", "submitting", 5), HANDED_OVER, id="no-id-yet"),
        pytest.param(RECORD, None, ("waiting", "queue", 25), SUBMITTED_ALREADY, id="not-yet-in-the-list"),
        pytest.param(RECORD, job(), ("waiting", "queue", 25), RESOURCES, id="pending"),
        pytest.param(RECORD, job("CONFIGURING"), ("starting", "node", 40), "The node is being made ready.", id="configuring"),
        pytest.param(RECORD, job("RUNNING"), ("starting", "environment", 60), "The environment is being prepared on g001.", id="runs"),
        pytest.param(
            Record(nonce="n", job_id=7, port=40000),
            job("RUNNING"),
            ("starting", "server", 80),
            "The server has started on g001 and is being connected.",
            id="reported",
        ),
        pytest.param(READY, job("RUNNING"), ("running", "connected", 100), CONNECTED, id="ready"),
        pytest.param(READY, None, ("running", "connected", 100), CONNECTED, id="ready-and-not-in-the-list"),
        pytest.param(READY, job("NEWSTATE"), ("running", "connected", 100), CONNECTED, id="ready-in-an-unknown-state"),
        pytest.param(RECORD, job("NEWSTATE"), ("waiting", "queue", 25), SUBMITTED_ALREADY, id="unknown-state"),
        pytest.param(READY, job("COMPLETING"), ("stopping", "", 100), STOPS, id="completing"),
        pytest.param(Record(nonce="n", job_id=7, stopping=True), job("RUNNING"), ("stopping", "", 100), STOPS, id="stop-was-ordered"),
        pytest.param(READY, job("FAILED"), ("ended", "", 100), "The server could not run: its job failed.", id="over"),
    ],
)
def test_state_and_stage(record: Record, found: Job | None, expected: tuple[str, str, int], sentence: str) -> None:
    """From the record and Slurm's word; the progress only grows on the way."""
    found_status = status(record, job=found)
    assert (found_status.state, found_status.stage, found_status.progress) == expected
    assert found_status.sentence == sentence


def test_slurm_does_not_answer() -> None:
    """What was known is kept with the moment from which on it is old; an end that is known stays one."""
    silent = status(READY, job=job("RUNNING"), unknown_since=NOW - 60)
    assert (silent.state, silent.stage, silent.kind, silent.unknown_since) == ("unknown", "connected", "running", NOW - 60)
    assert "Slurm has not answered since" in silent.sentence
    over = status(READY, end=End("TIMEOUT", "The time was up.", NOW - 5), unknown_since=NOW - 60)
    assert (over.state, over.unknown_since, over.sentence) == ("ended", None, "The time was up.")


def test_suspended() -> None:
    """By an administrator: the session runs no more, and keeps its GPUs."""
    assert "suspended; its GPUs are still held" in status(READY, job=job("SUSPENDED")).sentence
    assert status(READY, job=job("SUSPENDED")).state == "running"
    without = status(READY, job=job("SUSPENDED", tres="cpu=1,mem=4G,node=1,billing=1")).sentence
    assert "suspended" in without
    assert "GPU" not in without


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ("REQUEUE_HOLD", "It is on hold. Ask the administrators."),
        ("SPECIAL_EXIT", "It is on hold. Ask the administrators."),
        ("RESV_DEL_HOLD", "The reservation was removed. Choose another one, or None."),
    ],
)
def test_held(state: str, sentence: str) -> None:
    """A state in which only an administrator helps says so."""
    assert status(job=job(state, reason="None")).sentence == sentence


# --- waiting -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "sentence", "helps", "what"),
    [
        ("Resources", RESOURCES, True, "ask for less"),
        ("Priority", "Other jobs are ahead of yours.", True, "ask for less"),
        (
            "QOSMaxGRESPerUser",
            "You or your account already use what you are allowed; it starts when another of your jobs ends.",
            True,
            "stop another session",
        ),
        (
            "ReqNodeNotAvail, UnavailableNodes:g001",
            "The nodes it needs are out of service or reserved.",
            None,
            "another partition",
        ),
        ("Licenses", "The job waits for a licence.", True, "starts by itself"),
        (
            "PartitionTimeLimit",
            "The time asked for is longer than the partition allows. Choose a shorter time.",
            False,
            "change the request",
        ),
        ("SomethingNew", "Slurm says: SomethingNew.", None, ""),
    ],
)
def test_reasons(reason: str, sentence: str, helps: bool | None, what: str) -> None:
    """Slurm's word, our sentence, whether waiting helps, and what can be done."""
    found = status(job=job(reason=reason))
    assert (found.reason, found.sentence, found.waiting_helps) == (reason, sentence, helps)
    assert what in found.what_to_do
    assert bool(found.what_to_do) == bool(what)


def test_a_job_that_runs_waits_for_nothing() -> None:
    """No reason, no advice, no place, no estimate."""
    found = status(READY, job=job("RUNNING"), positions={7: QueuePosition(1, 2)})
    assert (found.reason, found.waiting_helps, found.what_to_do, found.position, found.estimate) == ("", None, "", None, None)


@pytest.mark.parametrize(("planned", "expected"), [(int(NOW) + 900, NOW + 900), (int(NOW) - 1, None), (None, None)])
def test_estimate(planned: int | None, expected: float | None) -> None:
    """Slurm's own plan, if it lies ahead; it is not when the job started."""
    found = status(job=job(start=planned))
    assert (found.estimate, found.started, found.ends) == (expected, None, None)


def test_position() -> None:
    """Where all jobs are seen; else it is not known."""
    assert status(job=job(), positions={7: QueuePosition(3, 7), 8: QueuePosition(1, 7)}).position == QueuePosition(3, 7)
    assert status(job=job(), positions={}).position is None
    assert status(job=job(), positions=None).position is None


def waiting(job_id: int, priority: int = 10, **changes: Any) -> Job:
    """Somebody's job in the queue."""
    return Job(job_id, **{"user": "eve", "state": "PENDING", "reason": "Priority", "partition": "a", "priority": priority, **changes})


def test_places() -> None:
    """By priority, then by age; jobs that do not wait for their turn count for nothing."""
    line = [
        waiting(5, 10),
        waiting(3, 10),
        waiting(9, 99),
        waiting(1, 500, state="RUNNING", reason="None"),
        waiting(2, 500, state="CANCELLED"),
        waiting(10, 0, reason="JobHeldUser"),
        waiting(11, 500, reason="PartitionTimeLimit"),
        waiting(12, 500, reason="Dependency"),
        waiting(13, 500, reason="DependencyNeverSatisfied"),
        waiting(14, 500, reason="BeginTime"),
        waiting(15, 500, state="REQUEUE_HOLD"),
        waiting(4, 500, partition="b"),
    ]
    assert queue_positions_of(line) == {9: QueuePosition(1, 3), 3: QueuePosition(2, 3), 5: QueuePosition(3, 3), 4: QueuePosition(1, 1)}


def test_places_in_several_partitions() -> None:
    """A job that names several waits in each of them; what it is told is the best."""
    line = [waiting(1), waiting(2), waiting(3, partition="a,b"), waiting(4, partition="b")]
    assert queue_positions_of(line) == {1: QueuePosition(1, 3), 2: QueuePosition(2, 3), 3: QueuePosition(1, 2), 4: QueuePosition(2, 2)}


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["a", "b"])), max_size=30))
def test_each_place_is_taken_once(jobs: list[tuple[int, str]]) -> None:
    """In each partition the places are 1 to the number of those that wait."""
    found = queue_positions_of(waiting(number, priority, partition=name) for number, (priority, name) in enumerate(jobs, start=1))
    for name in ("a", "b"):
        own = [found[number] for number, (_priority, where) in enumerate(jobs, start=1) if where == name]
        assert sorted(place.place for place in own) == list(range(1, len(own) + 1))
        assert {place.of for place in own} <= {len(own)}


# --- time ----------------------------------------------------------------------------------------------------------------------


def test_moments_of_a_session_that_runs() -> None:
    """When it started, when its time is up, how long that is; it waited until it started."""
    found = status(READY, job=job("RUNNING"))
    assert (found.submitted, found.started, found.ends, found.ended) == (SUBMITTED, NOW - 100, NOW + 3500, None)
    assert (found.seconds_waited, found.seconds_left) == (500, 3500)


def test_moments_of_a_session_that_waits() -> None:
    """Until now, from the job's own moment of submission; without a job from the one that we know."""
    assert (status(job=job()).seconds_waited, status(job=job()).seconds_left) == (600, None)
    assert status(Record(nonce="n", submitted=NOW - 10)).seconds_waited == 10
    assert status(Record()).seconds_waited is None


def test_moments_of_a_session_that_is_over() -> None:
    """From its job while Slurm knows it, and from the record after that."""
    over = status(READY, job=job("FAILED", end=int(NOW) - 20), end=End("FAILED", "It failed.", NOW - 3))
    assert (over.started, over.ended, over.ends, over.seconds_left) == (NOW - 100, NOW - 20, None, None)
    assert status(READY, end=End("FAILED", "It failed.", NOW - 3)).ended == NOW - 3
    never = status(job=job("CANCELLED", batch_host="", start=int(NOW) - 20, end=int(NOW) - 20))
    assert (never.started, never.ended) == (None, NOW - 20)


def test_time_that_is_up_is_not_negative() -> None:
    """Slurm ends a job up to a minute late."""
    assert status(READY, job=job("RUNNING", end=int(NOW) - 30)).seconds_left == 0


# --- what is held, what it costs -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tres", "words"),
    [
        (TRES, "2 × V100, 8 cores, 64 GB"),
        ("cpu=1,mem=500M,node=1,billing=1", "1 core, 500 MB"),
        ("cpu=4,mem=32G,node=1,billing=28,gres/gpu=1", "1 GPU, 4 cores, 32 GB"),
        ("cpu=4,mem=32G,gres/gpu=3,gres/gpu:v100=1,gres/gpu:a100=2", "2 × A100, 1 × V100, 4 cores, 32 GB"),
        ("cpu=4,mem=32G,gres/gpu=2,gres/gpu:v100=1", "1 × V100, 1 GPU, 4 cores, 32 GB"),
        ("cpu=4,mem=32G,gres/shard=2,gres/shard:t4=2", "2 shards of a GPU, 4 cores, 32 GB"),
        ("cpu=4,mem=32G,gres/gpu=1,gres/gpu:a100_3g.20gb=1", "1 × A100 slice 3g.20gb, 4 cores, 32 GB"),
        ("cpu=4,mem=32G,gres/mps=20", "MPS 20 of a GPU, 4 cores, 32 GB"),
        ("cpu=4", "4 cores"),
        ("N/A", ""),
        ("", ""),
        ("what is this", ""),
    ],
)
def test_what_is_held(tres: str, words: str) -> None:
    """GPUs first, by type; nothing of what cannot be read."""
    assert held_in_words(held_by(tres)) == words


def test_cost() -> None:
    """Slurm's own number times the QOS's factor, an hour and so far; nothing where it is not charged or not known."""
    assert charge_of(TRES, 0.5, 1800) == Charge(28.0, 14.0)
    assert charge_of(TRES, 1.0, None) == Charge(56.0, None)
    assert charge_of(TRES, None, 1800) is None
    assert charge_of("cpu=1,mem=4G", 1.0, 1800) is None
    assert charge_of("cpu=1,billing=0", 1.0, 1800) == Charge(0.0, 0.0)
    assert charge_of("cpu=1,mem=4G", 2.0, 0, expected=5) == Charge(10.0, 0.0)
    assert charge_of("cpu=1,billing=3", 2.0, 0, expected=5) == Charge(6.0, 0.0)
    assert charge_of("cpu=1", None, 0, expected=5) is None


def test_what_a_session_holds_in_words() -> None:
    """As soon as Slurm tells of its job."""
    assert status(job=job()).held_text == "2 × V100, 8 cores, 64 GB"
    assert status().held_text == ""


def test_cost_of_a_session() -> None:
    """While it waits it has used nothing, and is said what it will cost; then by the time that it runs."""
    assert status(job=job(), usage_factor=1.0).cost == Charge(56.0, 0.0)
    assert status(READY, job=job("RUNNING"), usage_factor=1.0).cost == Charge(56.0, pytest.approx(56 / 36))
    assert status(READY, job=job("RUNNING")).cost is None
    assert status(READY, usage_factor=1.0).cost is None


# --- JSON ----------------------------------------------------------------------------------------------------------------------

KEYS = (
    *("user", "name", "display_name", "named", "color", "id", "kind", "state", "stage", "slurm_state", "job_id", "node", "request"),
    *(
        "summary",
        "release_text",
        "interface_text",
        "submitted",
        "started",
        "ends",
        "ended",
        "reason",
        "sentence",
        "waiting_helps",
        "what_to_do",
        "position",
    ),
    *("estimate", "seconds_waited", "seconds_left", "held", "held_text", "cost", "unknown_since", "progress", "url"),
    *(
        "progress_url",
        "spawn_url",
        "log_url",
        "change",
        "category",
        "reference",
        "exit_code",
        "used",
        "asked",
        "usage",
        "setup",
        "start_folder",
        "gpus",
        "warn_minutes",
        "apps",
    ),
    "idle_gpus",
    "killed",
)


def test_json() -> None:
    """The contract's keys; moments in UTC; what is not known is null."""
    full = as_json(status(job=job(start=int(NOW) + 60), positions={7: QueuePosition(3, 7)}, usage_factor=1.0))
    assert sorted(full) == sorted(KEYS)
    assert (full["id"], full["job_id"], full["submitted"]) == ("7", 7, "2027-01-15T07:50:00Z")
    assert (full["position"], full["estimate"]) == ({"place": 3, "of": 7}, "2027-01-15T08:01:00Z")
    assert full["held"][0] == {"name": "GPU v100", "amount": 2}
    assert full["cost"] == {"per_hour": 56.0, "used": 0.0, "unit": "units"}
    assert full["warn_minutes"] == [15, 5]
    nothing = as_json(status(Record()))
    assert (nothing["id"], nothing["job_id"]) == ("", None)
    for name in ("position", "estimate", "cost", "used", "started", "ends", "ended", "submitted", "unknown_since", "seconds_left"):
        assert nothing[name] is None, name


def test_what_an_end_leaves() -> None:
    """What to change for another try, and what was used, of a session that is over; of no other."""
    end = End("OUT_OF_MEMORY", "No memory.", NOW, what_to_do="Ask for more.", change={"memory": "16G"}, job_id=7, node="g001", used_mb=8000)
    over = as_json(status(Record(), end=end))
    assert (over["change"], over["used"]["memory_mb"], over["kind"]) == ({"memory": "16G"}, 8000, "others")
    assert (over["id"], over["node"], over["what_to_do"]) == ("7", "g001", "Ask for more.")
    assert status(Record(), end=End("CANCELLED", "Stopped.", NOW, kind="finished")).kind == "finished"
    assert as_json(status(READY, job=job("RUNNING")))["change"] == {}


def test_time_alone_changes_nothing() -> None:
    """Ten seconds later the clocks differ, and nothing that would have to be said."""
    for record, found in ((RECORD, job(start=int(NOW) + 60)), (READY, job("RUNNING"))):
        one, other = (as_json(status(record, job=found, usage_factor=1.0, now=moment)) for moment in (NOW, NOW + 10))
        assert one != other
        assert without_clock(one) == without_clock(other)
        details = [details_of(status(record, job=found, usage_factor=1.0, counts_use=False, now=moment)) for moment in (NOW, NOW + 10)]
        assert details[0] == details[1]
        assert tuple(details[0]) == DETAILS


def test_details_leave_jupyterhub_its_own_words() -> None:
    """``ready`` and ``failed`` mean something to JupyterHub, ``progress`` and ``message`` are the message's own."""
    assert not {"ready", "failed", "progress", "message", "html_message", "url"} & set(DETAILS)


# --- which of several sources counts ---------------------------------------------------------------------------------------------

FULL_END = End(
    "FAILED",
    "It failed.",
    NOW - 3,
    category="server_exit",
    kind="others",
    what_to_do="See the log.",
    change={"memory": "16G"},
    job_id=9,
    node="g009",
    exit_code=3,
    used_mb=7000,
    asked_mb=8192,
    use=Used(peak_mb=7100),
)


def test_all_of_an_end_is_told() -> None:
    """What was found out about an end stands in the session's status, whatever else is known."""
    for over in (status(Record(), end=FULL_END), status(READY, job=job("RUNNING"), end=FULL_END)):
        assert (over.state, over.stage, over.kind, over.progress) == ("ended", "", "others", 100)
        assert (over.sentence, over.what_to_do, over.change) == ("It failed.", "See the log.", {"memory": "16G"})
        assert (over.category, over.exit_code, over.used_memory_mb, over.asked_memory_mb) == ("server_exit", 3, 7000, 8192)
        assert over.use == FULL_END.use == Used(peak_mb=7100)
        assert over.for_others().use == Used()
        assert (over.ended, over.ends, over.seconds_left) == (NOW - 3, None, None)
    nothing = status(READY, job=job("RUNNING"))
    assert (nothing.category, nothing.exit_code, nothing.used_memory_mb, nothing.asked_memory_mb) == ("", None, None, None)


@pytest.mark.parametrize(
    ("record", "found", "end", "node"),
    [
        pytest.param(READY, job("RUNNING", batch_host="g002"), FULL_END, "g001", id="where its server listens"),
        pytest.param(RECORD, job("RUNNING", batch_host="g002"), FULL_END, "g002", id="where its job runs"),
        pytest.param(RECORD, None, FULL_END, "g009", id="where it was"),
        pytest.param(RECORD, job(), None, "", id="nowhere yet"),
        pytest.param(RECORD, None, None, "", id="not known"),
    ],
)
def test_the_node(record: Record, found: Job | None, end: End | None, node: str) -> None:
    """The record's first, then the job's, then that of the end."""
    assert status(record, job=found, end=end).node == node


@pytest.mark.parametrize(
    ("record", "end", "job_id"), [(RECORD, FULL_END, 7), (Record(), FULL_END, 9), (RECORD, None, 7), (Record(), None, None)]
)
def test_the_job_id(record: Record, end: End | None, job_id: int | None) -> None:
    """The record's first, then that of the end; 0 is none."""
    assert status(record, end=end).job_id == job_id


@pytest.mark.parametrize(
    ("record", "found", "submitted"),
    [
        pytest.param(RECORD, job(submit=SUBMITTED + 60), SUBMITTED + 60, id="the job's own"),
        pytest.param(RECORD, job(submit=None), SUBMITTED, id="when it was first seen"),
        pytest.param(RECORD, None, SUBMITTED, id="no job"),
        pytest.param(Record(nonce="n", submitted=NOW - 601), None, NOW - 601, id="when it was handed over"),
        pytest.param(Record(), None, None, id="not yet"),
    ],
)
def test_when_it_was_submitted(record: Record, found: Job | None, submitted: float | None) -> None:
    """Slurm's word first, then what the record has of it."""
    assert status(record, job=found).submitted == submitted


@pytest.mark.parametrize(
    ("planned", "expected", "estimate"),
    [
        pytest.param(int(NOW) + 900, NOW + 60, NOW + 900, id="Slurm's plan before our expectation"),
        pytest.param(None, NOW + 60, NOW + 60, id="the expectation where there is no plan"),
        pytest.param(None, NOW, None, id="not a moment that is here"),
        pytest.param(int(NOW) + 1, None, NOW + 1, id="a second ahead"),
        pytest.param(int(NOW), NOW + 60, None, id="a plan that has come"),
    ],
)
def test_what_is_expected(planned: int | None, expected: float | None, estimate: float | None) -> None:
    """What Slurm said before the submission stands until it has a plan; a moment that is not ahead is none."""
    assert status(job=job(start=planned), expected=expected).estimate == estimate


def test_a_job_that_waits_while_slurm_is_silent() -> None:
    """Its reason, its place and its estimate stay as they were known."""
    found = status(job=job(start=int(NOW) + 60), positions={7: QueuePosition(3, 7)}, unknown_since=NOW - 5)
    assert (found.state, found.stage, found.waiting_helps) == ("unknown", "queue", True)
    assert (found.position, found.estimate) == (QueuePosition(3, 7), NOW + 60)


def test_a_job_that_is_being_stopped_waits_for_nothing() -> None:
    """No advice and no place for a session that its user has given up."""
    found = status(Record(nonce="n", job_id=7, stopping=True), job=job(start=int(NOW) + 60), positions={7: QueuePosition(3, 7)})
    assert (found.state, found.waiting_helps, found.what_to_do, found.position, found.estimate) == ("stopping", None, "", None, None)


def test_the_cost_of_a_session_that_is_over() -> None:
    """By the time that it ran, not by the time since; none is counted where it is not to be said."""
    over = job("FAILED", start=int(NOW) - 3700, end=int(NOW) - 100)
    assert status(READY, job=over, usage_factor=1.0).cost == Charge(56.0, 56.0)
    assert status(READY, job=over, usage_factor=1.0, counts_use=False).cost == Charge(56.0, None)


@pytest.mark.parametrize(
    ("record", "found", "end", "waited"),
    [
        pytest.param(RECORD, job("RUNNING", start=SUBMITTED + 7), None, 7, id="until it started"),
        pytest.param(RECORD, None, End("GONE", "", NOW - 100), 500, id="until it was over"),
        pytest.param(RECORD, job(submit=int(NOW) + 5), None, 0, id="not negative"),
    ],
)
def test_how_long_it_waited(record: Record, found: Job | None, end: End | None, waited: int) -> None:
    """Until it started, or was over without that."""
    assert status(record, job=found, end=end).seconds_waited == waited


def test_an_end_counts_before_a_list_that_does_not_know_of_it() -> None:
    """The list may be older: the session is among those of its end, and has no time left."""
    over = status(READY, job=job("RUNNING"), end=End("TIMEOUT", "The time was up.", NOW - 3))
    assert (over.kind, over.ends, over.seconds_left) == ("finished", None, None)


def test_a_plan_is_no_time_limit() -> None:
    """Of a job that waits Slurm tells when it expects its end: nothing runs out before it has started."""
    found = status(job=job(start=int(NOW) + 60, end=int(NOW) + 3660))
    assert (found.ends, found.seconds_left) == (None, None)


def test_moments_where_the_job_does_not_tell_its_end() -> None:
    """The moment at which the end was noticed stands in; a running job without a limit has none."""
    assert status(READY, job=job("FAILED", end=None), end=End("FAILED", "", NOW - 3)).ended == NOW - 3
    assert status(READY, job=job("FAILED", end=None)).ended is None
    endless = status(READY, job=job("RUNNING", end=None))
    assert (endless.started, endless.ends, endless.seconds_left) == (NOW - 100, None, None)


@pytest.mark.parametrize(
    ("found", "reason"),
    [(job(reason="None"), "None"), (job("RUNNING"), ""), (job("FAILED", reason="NonZeroExitCode"), "NonZeroExitCode"), (None, "")],
)
def test_the_reason(found: Job | None, reason: str) -> None:
    """Slurm's word for none is one only while the job waits: the scheduler has not looked at it yet."""
    assert status(job=found).reason == reason


@pytest.mark.parametrize("record", [Record(nonce="n", job_id=7, node="g001"), Record(nonce="n", job_id=7, port=40000)])
def test_a_server_is_connected_once_its_node_and_its_port_are_known(record: Record) -> None:
    """Either alone is not enough."""
    assert status(record, job=job("RUNNING")).state == "starting"
    assert status(record).state == "waiting"


@pytest.mark.parametrize(("state", "cost"), [("PENDING", Charge(10.0, 0.0)), ("RUNNING", None), ("CONFIGURING", None)])
def test_what_is_expected_to_be_charged_counts_while_it_waits(state: str, cost: Charge | None) -> None:
    """Once it runs Slurm has written the number on it, or charges nothing."""
    found = replace(job(state), tres="cpu=1,mem=4G", start=None)
    assert status(job=found, usage_factor=2.0, billing=5).cost == cost
