"""What the Hub's database has of a session: read whatever it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict

import pytest

from spawner.session.record import End, Record
from spawner.session.used import Used


@pytest.mark.parametrize(
    "state", [{}, {"nonce": "a" * 16}, {"nonce": 3, "job_id": "x"}, None, [], "text", {"job_id": 5}, {"nonce": "n", "submitted": None}]
)
def test_whatever_the_database_has_is_read(state: object) -> None:
    """A record of an older version, or a broken one, is read as far as it goes and never an error."""
    record = Record.from_state(state)
    assert isinstance(record.job_id, int)
    assert Record.from_state(record.as_state()) == record or not record.nonce


@pytest.mark.parametrize("wanted", [lambda state: state, lambda _: None])
def test_end_round_trip(wanted: Callable[[object], object]) -> None:
    """How a session ended survives the database; nothing is made of nothing."""
    end = End("TIMEOUT", "The time limit of the session was reached.", 5.0)
    state = wanted({"state": end.state, "sentence": end.sentence, "at": end.at})
    assert End.from_state(state) == (end if state else None)


FULL = Record(
    nonce="n" * 16,
    job_id=7,
    submitted=5.5,
    queued_at=6,
    node="g001",
    address="10.0.0.1",
    port=40000,
    stopping=True,
    gpu_indices=(0, 3),
    gpus_confirmed=True,
    idle_minutes=90,
    owner="demo-ada",
    killed=2,
    peak_mb=3174,
    setup="done",
    folder="missing",
    started=9,
    usage_factor=1.5,
    is_priced=True,
    by_admin=True,
    why="Maintenance",
    reference="3f9a1c0e",
    told_end=1_800_000_000,
)


def test_every_field_of_a_record_survives_the_database() -> None:
    """What was stored is read again, by the names that older and newer Hubs use."""
    stored = json.loads(json.dumps(FULL.as_state()))
    assert stored == {
        "nonce": "n" * 16,
        "job_id": 7,
        "submitted": 5.5,
        "queued_at": 6,
        "node": "g001",
        "address": "10.0.0.1",
        "port": 40000,
        "stopping": True,
        "gpu_indices": [0, 3],
        "gpus_confirmed": True,
        "idle_minutes": 90,
        "owner": "demo-ada",
        "killed": 2,
        "peak_mb": 3174,
        "setup": "done",
        "folder": "missing",
        "started": 9,
        "usage_factor": 1.5,
        "is_priced": True,
        "by_admin": True,
        "why": "Maintenance",
        "reference": "3f9a1c0e",
        "told_end": 1_800_000_000,
    }
    assert Record.from_state(stored) == FULL


@pytest.mark.parametrize(
    ("state", "record"),
    [
        pytest.param({"nonce": "n"}, Record(nonce="n"), id="a nonce alone"),
        pytest.param({"job_id": 7}, Record(job_id=7), id="no nonce"),
        pytest.param({"nonce": "n", "job_id": None}, Record(nonce="n"), id="no id"),
        pytest.param({"nonce": "n", "gpu_indices": None}, Record(nonce="n"), id="GPUs not reported"),
        pytest.param({"nonce": "n", "gpu_indices": []}, Record(nonce="n", gpu_indices=()), id="no GPUs"),
        pytest.param({"nonce": "n", "gpu_indices": (1, 2)}, Record(nonce="n", gpu_indices=(1, 2)), id="as a tuple"),
        pytest.param({"nonce": "n", "gpu_indices": "01"}, Record(nonce="n"), id="no list"),
        pytest.param({"nonce": "n", "gpu_indices": [0, True]}, Record(nonce="n"), id="not numbers"),
        pytest.param({"nonce": "n", "job_id": "x"}, Record(), id="one broken value: nothing is believed"),
        pytest.param([("nonce", "n")], Record(), id="not an object"),
    ],
)
def test_what_is_not_known_is_not_made_up(state: object, record: Record) -> None:
    """What is missing has its neutral value, and a broken record is an empty one."""
    assert Record.from_state(state) == record


def test_nothing_is_stored_where_no_job_was_asked_for() -> None:
    """Without a nonce there is nothing to find again."""
    assert Record(job_id=7, port=40000).as_state() == {}


def test_every_field_of_an_end_survives_the_database() -> None:
    """How a session ended, with all that was found out about it."""
    end = End(
        state="FAILED",
        sentence="The server ended with exit code 3.",
        at=5.5,
        category="server_exit",
        kind="others",
        what_to_do="The log of the session says more.",
        change={"memory": "16G"},
        job_id=7,
        node="g001",
        exit_code=3,
        used_mb=100,
        asked_mb=8192,
        log=("first", "last"),
        use=Used(peak_mb=3174, gpu_percent=9.5),
    )
    assert End.from_state(json.loads(json.dumps(asdict(end)))) == end


LEAST = {"state": "FAILED", "sentence": "Why.", "at": 5}


@pytest.mark.parametrize(
    ("state", "end"),
    [
        pytest.param(LEAST, End("FAILED", "Why.", 5.0), id="the least"),
        pytest.param({**LEAST, "job_id": None, "exit_code": None}, End("FAILED", "Why.", 5.0), id="not known"),
        pytest.param(
            {**LEAST, "exit_code": 0, "used_mb": 0, "asked_mb": "0"}, End("FAILED", "Why.", 5.0, exit_code=0, used_mb=0, asked_mb=0)
        ),
        pytest.param({**LEAST, "change": {"cores": 2}, "log": (1,)}, End("FAILED", "Why.", 5.0, change={"cores": "2"}, log=("1",))),
        pytest.param({**LEAST, "change": ["memory"], "log": "text"}, End("FAILED", "Why.", 5.0), id="change and log of another kind"),
        pytest.param({**LEAST, "used_mb": "much"}, None, id="not a number"),
        *(pytest.param({name: value for name, value in LEAST.items() if name != left}, None, id=f"no {left}") for left in LEAST),
        pytest.param("FAILED", None, id="not an object"),
    ],
)
def test_an_end_as_far_as_it_can_be_read(state: object, end: End | None) -> None:
    """State, sentence and time are the least that makes an end; 0 is known, None is not."""
    assert End.from_state(state) == end
