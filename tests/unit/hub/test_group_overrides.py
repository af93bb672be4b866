"""``Spawner.group_overrides`` on the form: what holds at a start holds before it, and no longer than the user is in the group."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from spawner.hub.user_choices import UserChoices

OVERRIDES = {
    "1-all": {"groups": ["students", "staff"], "spawner_override": {"support_text": "ask your teacher", "cmd": ["another"]}},
    "2-staff": {
        "groups": ["staff"],
        "spawner_override": {"fields": {"cores": {"maximum": 8}}, "support_text": lambda spawner: f"ask {spawner.user.name}"},
    },
}


def spawner_of(*groups: str, overrides: Any = OVERRIDES) -> Any:
    """A spawner of a user who is in these groups of the Hub."""
    spawner: Any = UserChoices(fields={"memory": {"maximum": "4G"}}, support_text="ask us")
    spawner.user = SimpleNamespace(
        name="ada", settings={}, orm_user=SimpleNamespace(groups=[SimpleNamespace(name=name) for name in groups])
    )
    spawner.log, spawner.group_overrides, spawner.cmd = logging.getLogger("hub"), overrides, ["server"]
    return spawner


BEFORE = {"memory": {"maximum": "4G"}}


@pytest.mark.parametrize(
    ("groups", "text", "fields"),
    [
        ((), "ask us", BEFORE),
        (("others",), "ask us", BEFORE),
        (("students",), "ask your teacher", BEFORE),
        (("staff", "students"), "ask ada", {**BEFORE, "cores": {"maximum": 8}}),
    ],
)
@pytest.mark.parametrize("kind", ["values", "function", "coroutine"])
async def test_values_of_the_users_groups(groups: tuple[str, ...], text: str, fields: Any, kind: str) -> None:
    """In the order of their keys; dictionaries are put together; other settings than ours are left to JupyterHub."""

    async def told(_spawner: Any) -> Any:
        return OVERRIDES

    spawner = spawner_of(*groups, overrides={"values": OVERRIDES, "function": lambda _spawner: OVERRIDES, "coroutine": told}[kind])
    for _look in range(2):
        await spawner.take_group_overrides()
        assert (spawner.support_text, spawner.fields, spawner.cmd) == (text, fields, ["server"])


async def test_who_leaves_a_group_has_its_values_no_more() -> None:
    """Nor does who enters one wait for the next start."""
    spawner = spawner_of("staff")
    await spawner.take_group_overrides()
    spawner.user.orm_user.groups = []
    await spawner.take_group_overrides()
    assert (spawner.support_text, spawner.fields) == ("ask us", BEFORE)
    spawner.user.orm_user.groups = [SimpleNamespace(name="students")]
    await spawner.take_group_overrides()
    assert spawner.support_text == "ask your teacher"


@pytest.mark.parametrize(
    "wrong",
    [
        {"a": {"groups": ["staff"]}},
        {"a": {"spawner_override": {}}},
        {"a": {"groups": ["staff"], "spawner_override": {"support_text": 1}}},
        lambda _spawner: 1 / 0,
        lambda _spawner: None,
    ],
    ids=["no-values", "no-groups", "no-text", "raises", "none"],
)
async def test_wrong_overrides_are_one_line_in_the_log(caplog: pytest.LogCaptureFixture, wrong: Any) -> None:
    """And the settings are as they were."""
    spawner = spawner_of("staff", overrides=wrong)
    for _look in range(3):
        await spawner.take_group_overrides()
    assert [record.getMessage().startswith("group_overrides is wrong: ") for record in caplog.records] == [True]
    assert spawner.support_text == "ask us"
