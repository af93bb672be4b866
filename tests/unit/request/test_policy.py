"""How the admin's configuration of the fields is read."""

from __future__ import annotations

from typing import Any

import pytest

from spawner.i18n import using
from spawner.request.model import FIELDS
from spawner.request.policy import number_of, parse_policies


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        pytest.param({"colour": {}}, [f"there is no field 'colour'; the fields are {', '.join(FIELDS)}"], id="unknown-field"),
        pytest.param({"cores": {"max": 4}}, ["['cores']", "max"], id="unknown-key"),
        pytest.param({"cores": 4}, ["['cores']"], id="not-a-dictionary"),
        pytest.param({"cores": {"default": "many"}}, ["['cores']", "“many”"], id="default-that-cannot-be-read"),
        pytest.param({"memory": {"maximum": "8X"}}, ["['memory']", "“8X”"], id="maximum-that-cannot-be-read"),
        pytest.param({"walltime": {"minimum": "soon"}}, ["['walltime']", "“soon”"], id="minimum-that-cannot-be-read"),
        pytest.param({"gpus": {"choices": ["0", "x:y:z"]}}, ["['gpus']", "“x:y:z”"], id="choice-that-cannot-be-read"),
        pytest.param({"partition": {"default": "a,b"}}, ["['partition']", "“a,b”"], id="name-that-cannot-be"),
        pytest.param({"release": {"choices": [2024]}}, ["['release']", "“2024” is not a name"], id="name-written-as-a-number"),
        pytest.param(
            {"gpus": {"maximum": "shard:2"}}, ["['gpus']: minimum and maximum count whole GPUs; name the parts"], id="most-parts-of-a-GPU"
        ),
        pytest.param(
            {"gpus": {"minimum": "shard:1"}}, ["['gpus']: minimum and maximum count whole GPUs; name the parts"], id="fewest-parts-of-a-GPU"
        ),
        pytest.param({"cores": {"locked": True}}, ["['cores']", "locked needs a default"], id="locked-to-nothing"),
    ],
)
def test_wrong_configuration_is_refused(fields: dict[str, Any], words: list[str]) -> None:
    """The message names the trait, the field and what is wrong with it, in English whatever the language in use."""
    with using("it"), pytest.raises(ValueError, match=r"^ResourceFormSpawner\.fields") as refused:
        parse_policies(fields)
    assert all(word in str(refused.value) for word in words)


def test_configuration_of_the_example_is_read() -> None:
    """Values are written as a user would type them; fields that are not named stay as they are."""
    policies = parse_policies({"cores": {"default": 4, "maximum": 24}, "memory": {"maximum": "180G"}, "interface": {"hidden": True}})
    assert policies["cores"].default == 4
    assert policies["interface"].hidden
    assert set(policies) == {"cores", "memory", "interface"}


@pytest.mark.parametrize(
    ("name", "value", "number"),
    [("cores", "4", 4), ("memory", "2G", 2048), ("memory", 2, 2048), ("walltime", "2h", 120), ("gpus", "v100:2", 2), ("gpus", 1, 1)],
)
def test_number_of(name: str, value: Any, number: int) -> None:
    """A limit of the admin's in the unit of its field."""
    assert number_of(name, value) == number
