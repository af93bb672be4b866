"""Messages as programs get them, and how many there may be."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from spawner.session.message import AGAIN_SECONDS, KINDS, Message, MessageRates

MESSAGE = Message(
    event="idle",
    user="ada",
    server="fit",
    display_name="Protein folding",
    job_id=7,
    node="g001",
    subject="The GPUs of Protein folding do nothing",
    text="No GPU of this session has done anything since 12:00.",
    url="https://jupyter.example.org/hub/home",
    stops_at=1_800_000_000.5,
    gpus=2,
    idle_minutes=60,
)


def test_the_json() -> None:
    """Each field by its name; moments as ISO 8601 in UTC, null for none."""
    said = json.loads(MESSAGE.as_json())
    assert said == {
        "event": "idle",
        "user": "ada",
        "server": "fit",
        "display_name": "Protein folding",
        "job_id": 7,
        "node": "g001",
        "subject": "The GPUs of Protein folding do nothing",
        "text": "No GPU of this session has done anything since 12:00.",
        "url": "https://jupyter.example.org/hub/home",
        "ends_at": None,
        "stops_at": "2027-01-15T08:00:00Z",
        "category": "",
        "gpus": 2,
        "idle_minutes": 60,
    }
    assert json.loads(replace(MESSAGE, stops_at=None, ends_at=0.0).as_json())["ends_at"] == "1970-01-01T00:00:00Z"


def test_of_one_kind_about_one_server_one_in_ten_minutes() -> None:
    """Other kinds, servers and users are told meanwhile."""
    rates = MessageRates()
    assert rates.may_send("started", "ada", "fit", 0.0, hourly=1000)
    assert not rates.may_send("started", "ada", "fit", AGAIN_SECONDS - 1, hourly=1000)
    for kind in KINDS[1:]:
        assert rates.may_send(kind, "ada", "fit", 1.0, hourly=1000)
    assert rates.may_send("started", "ada", "", 1.0, hourly=1000)
    assert rates.may_send("started", "grace", "fit", 1.0, hourly=1000)
    assert rates.may_send("started", "ada", "fit", AGAIN_SECONDS, hourly=1000)


@pytest.mark.parametrize("hourly", [1, 5])
def test_so_many_an_hour(hourly: int) -> None:
    """Of all servers together; an hour after the first there is room for one, and what was left out counts for nothing."""
    rates = MessageRates()
    sent = [rates.may_send("ended", "ada", str(number), float(number), hourly=hourly) for number in range(20)]
    assert sent == [True] * hourly + [False] * (20 - hourly)
    assert rates.may_send("ended", "grace", "0", 20.0, hourly=hourly)
    assert not rates.may_send("ended", "ada", "x", 3599.0, hourly=hourly)
    assert rates.may_send("ended", "ada", "x", 3600.0, hourly=hourly)
    assert not rates.may_send("ended", "ada", "y", 3600.5, hourly=hourly)


def test_a_clock_that_was_set_back_silences_nobody() -> None:
    """What was told in the time to come is forgotten."""
    rates = MessageRates()
    assert rates.may_send("ended", "ada", "", 1e9, hourly=1)
    assert rates.may_send("ended", "ada", "", 5.0, hourly=1)
