"""A session as JSON: every value in its place, and what is not known as null."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from spawner.availability.queue_position import QueuePosition
from spawner.cluster.job_usage import Usage
from spawner.gpu.idle import Notice
from spawner.gpu.session_gpus import SessionGpus
from spawner.i18n import using
from spawner.session.status import App, Server, SessionStatus
from spawner.session.status_json import DETAILS, as_json, details_of, without_clock
from spawner.session.status_text import Charge
from spawner.session.used import Used

AT = 1_800_000_000
SERVER = Server(
    "ada",
    "two",
    display_name="Folding",
    named=True,
    color="#112233",
    request={"cores": 4},
    summary="4 cores",
    release_text="Autumn",
    interface_text="VS Code",
    url="/user/ada/two/",
    progress_url="/progress",
    spawn_url="/spawn",
    log_url="/log",
    warn_minutes=(9, 3),
    apps=(App("vscode", "VS Code", "/user/ada/two/vscode/"),),
    folder="work/a",
    local_area="Scratch",
)
FULL = SessionStatus(
    SERVER,
    "running",
    "waiting",
    "queue",
    "It waits.",
    slurm_state="PENDING",
    job_id=7,
    node="g001",
    submitted=AT,
    started=AT + 1.0,
    ends=AT + 2.0,
    ended=AT + 3.0,
    reason="Priority",
    waiting_helps=True,
    what_to_do="Wait.",
    position=QueuePosition(3, 9),
    estimate=AT + 4.0,
    seconds_waited=5,
    seconds_left=6,
    held=(("cores", 4), ("memory", 8192)),
    held_text="4 cores, 8 GB",
    cost=Charge(56.0, 1.5),
    unknown_since=AT + 7.0,
    progress=25,
    change={"memory": "16G"},
    category="memory",
    reference="3f9a1c0e",
    exit_code=0,
    used_memory_mb=3000,
    asked_memory_mb=8192,
    use=Used(
        peak_mb=3174,
        cpu_seconds=1440.0,
        cores=4,
        seconds=3600,
        gpus=1,
        gpu_percent=9.5,
        gpu_memory_mb=5325,
        gpu_memory_total_mb=81920,
        gpu_minutes=59,
    ),
    usage=Usage(cores=1.5, memory_mb=300),
    idle_gpus=Notice(AT + 8.0, 2, AT + 9.0),
    idle_sentence="They do nothing.",
    gpus=SessionGpus(AT, 1.25),
    killed=2,
    killed_sentence="It was killed.",
    setup="running",
    setup_sentence="Wait.",
    folder="missing",
    folder_sentence="It is not there.",
)


def at(seconds: int) -> str:
    """A moment as it is written."""
    return f"2027-01-15T08:00:{seconds:02d}Z"


USED = {
    "memory_mb": 3174,
    "cpu_seconds": 1440.0,
    "cores": 4,
    "seconds": 3600,
    "gpus": 1,
    "gpu_percent": 9.5,
    "gpu_memory_mb": 5325,
    "gpu_memory_total_mb": 81920,
    "gpu_minutes": 59,
    "memory_by": "session",
    "sentence": "Used 3.1 of 8 GB, 0.4 of 4 cores and 10 % of the GPU (5.2 of 80 GB).",
}

JSON = {
    "user": "ada",
    "name": "two",
    "display_name": "Folding",
    "named": True,
    "color": "#112233",
    "id": "7",
    "kind": "running",
    "state": "waiting",
    "stage": "queue",
    "slurm_state": "PENDING",
    "job_id": 7,
    "node": "g001",
    "request": {"cores": 4},
    "summary": "4 cores",
    "release_text": "Autumn",
    "interface_text": "VS Code",
    "submitted": at(0),
    "started": at(1),
    "ends": at(2),
    "ended": at(3),
    "reason": "Priority",
    "sentence": "It waits.",
    "waiting_helps": True,
    "what_to_do": "Wait.",
    "position": {"place": 3, "of": 9},
    "estimate": at(4),
    "seconds_waited": 5,
    "seconds_left": 6,
    "held": [{"name": "cores", "amount": 4}, {"name": "memory", "amount": 8192}],
    "held_text": "4 cores, 8 GB",
    "cost": {"per_hour": 56.0, "used": 1.5, "unit": "units"},
    "unknown_since": at(7),
    "progress": 25,
    "url": "/user/ada/two/",
    "progress_url": "/progress",
    "spawn_url": "/spawn",
    "log_url": "/log",
    "change": {"memory": "16G"},
    "category": "memory",
    "reference": "3f9a1c0e",
    "exit_code": 0,
    "used": USED,
    "asked": {"memory_mb": 8192},
    "usage": {"cores": 1.5, "memory_mb": 300},
    "idle_gpus": {"since": at(8), "stops_at": at(9), "gpus": 2, "sentence": "They do nothing."},
    "gpus": {"age": 1.2, "devices": []},
    "killed": {"number": 2, "sentence": "It was killed."},
    "warn_minutes": [9, 3],
    "setup": {"state": "running", "sentence": "Wait."},
    "start_folder": {"folder": "work/a", "trouble": "missing", "local": True, "sentence": "It is not there."},
    "apps": [{"name": "vscode", "label": "VS Code", "url": "/user/ada/two/vscode/"}],
}


def test_all_that_is_known() -> None:
    """Each value under its name; 0 is a value."""
    assert as_json(FULL) == JSON


def test_all_that_is_not_known() -> None:
    """Texts are empty, everything else is null: never 0."""
    nothing = as_json(SessionStatus(Server(), "running", "waiting", "", ""))
    texts = (
        "user",
        "name",
        "display_name",
        "color",
        "id",
        "stage",
        "slurm_state",
        "node",
        "summary",
        "release_text",
        "interface_text",
        "reason",
        "sentence",
        "what_to_do",
    )
    empty: dict[str, Any] = dict.fromkeys((*texts, "held_text", "url", "progress_url", "spawn_url", "log_url", "category", "reference"), "")
    given = {
        "named": False,
        "kind": "running",
        "state": "waiting",
        "request": {},
        "held": [],
        "progress": 0,
        "change": {},
        "warn_minutes": [15, 5],
        "apps": [],
    }
    assert nothing == {**dict.fromkeys(JSON), **empty, **given}


@pytest.mark.parametrize(
    ("usage", "told"),
    [
        pytest.param(Usage(cores=None, memory_mb=300), {"memory_mb": 300}, id="memory-alone"),
        pytest.param(Usage(cores=0.0, memory_mb=None), {"cores": 0.0}, id="cores-alone"),
        pytest.param(Usage(cores=None, memory_mb=None), None, id="nothing"),
        pytest.param(None, None, id="not-asked-for"),
    ],
)
def test_what_is_used(usage: Usage | None, told: dict[str, float] | None) -> None:
    """What nobody knows of it is left out."""
    assert as_json(replace(FULL, usage=usage))["usage"] == told


def test_idle_gpus_that_nobody_stops() -> None:
    """There is no moment of a stop."""
    told = as_json(replace(FULL, idle_gpus=Notice(AT + 8.0, 1, None)))["idle_gpus"]
    assert (told["since"], told["stops_at"], told["gpus"]) == (at(8), None, 1)


def test_the_unit_is_the_readers() -> None:
    """Programs and pages get it in the language in use."""
    with using("it"):
        assert as_json(FULL)["cost"]["unit"] == "unità"


def test_what_goes_with_a_message() -> None:
    """The details and nothing else, as they are in the whole."""
    assert details_of(FULL) == {name: JSON[name] for name in DETAILS}


def test_what_time_alone_changes() -> None:
    """The clocks, what was used so far, and what the GPUs do; all else stays, and the original with it."""
    still = without_clock(JSON)
    gone = {"seconds_waited", "seconds_left", "gpus"}
    assert still == {name: value for name, value in JSON.items() if name not in gone} | {
        "cost": {"per_hour": 56.0, "used": None, "unit": "units"}
    }
    assert JSON["cost"] == {"per_hour": 56.0, "used": 1.5, "unit": "units"}
    assert without_clock({"cost": None, "name": "two"}) == {"cost": None, "name": "two"}
