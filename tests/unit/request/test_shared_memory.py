"""The shared memory of a session in a container (T58): never above the memory, told of where it is most of it, absent elsewhere."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from spawner.advice.assessment import read_and_reconcile, warnings
from spawner.errors import RequestRejected
from spawner.hub.form.render import render_form
from spawner.job.sbatch import launcher_source
from spawner.request.choices import Choices
from spawner.request.model import parse_request
from spawner.request.policy import parse_policies
from spawner.request.restore import restore_valid
from spawner.request.saved import as_yaml, read_saved
from spawner.request.shared_memory import automatic, given_to, shared_memory_in_words
from spawner.request.shared_memory_field import shared_memory_field
from spawner.request.validation import resolve_request
from tests.support.builders import catalogue, choices

IMAGE = {"image": "/images/one.sif", "command": "/opt/site/podman-as-apptainer", "shared_memory_option": "--shm-size={megabytes}m"}


def offered(**changes: Any) -> Choices:
    """One release in a container that takes the size, and one without a container."""
    releases = [
        {"tag": "image", "date": "2026-10-01", "interfaces": ["lab"], "container": IMAGE},
        {"tag": "plain", "date": "2026-09-01", "interfaces": ["lab"]},
    ]
    return replace(choices(), catalogue=catalogue({"releases": releases}), **changes)


def refused(options: dict[str, Any]) -> str:
    """The sentence at the field."""
    with pytest.raises(RequestRejected) as error:
        resolve_request(options, offered())
    assert list(error.value.errors) == ["shared_memory"]
    return error.value.errors["shared_memory"]


@pytest.mark.parametrize(("value", "megabytes"), [("2G", 2048), ("500M", 500), (1, 1024), ("", 0), ("0", 0), (0, 0), (None, 0)])
def test_what_is_read(value: Any, megabytes: int) -> None:
    """As memory is; nothing is nothing."""
    assert parse_request({"shared_memory": value}).shared_memory == megabytes


@pytest.mark.parametrize("value", ["much", "-1", True, [], "0x10"])
def test_what_is_not(value: Any) -> None:
    """A sentence at the field."""
    with pytest.raises(RequestRejected, match="request rejected") as error:
        parse_request({"shared_memory": value})
    assert list(error.value.errors) == ["shared_memory"]


def test_never_above_the_memory() -> None:
    """As much as the memory goes, with a word; more is refused."""
    assert resolve_request({"release": "image", "memory": "8G", "shared_memory": "8G"}, offered()).shared_memory == 8192
    sentence = refused({"release": "image", "memory": "8G", "shared_memory": "8193M"})
    assert "is more than the memory, of which it is a part. Choose at most 8 GB, or more memory." in sentence


def test_absent_where_there_is_no_container() -> None:
    """Refused where it is asked for, no number for the job, and no field where no release has it."""
    assert "“plain” has no shared memory to choose" in refused({"release": "plain", "shared_memory": "1G"})
    request = resolve_request({"release": "plain"}, offered())
    assert given_to(request, offered().releases[1]) == 0
    assert shared_memory_in_words(request, offered()) == ""
    assert shared_memory_field(request, choices(), {}, {}) is None
    hidden = offered(policies=parse_policies({"shared_memory": {"hidden": True}}))
    assert shared_memory_field(request, hidden, {}, {}) is None
    assert "shared_memory" not in render_form({}).partition("<style")[0].replace("shared_memory:", "")


@pytest.mark.parametrize(("memory", "given"), [("8G", 1024), ("4G", 1024), ("3G", 64), ("32M", 32)])
def test_what_a_session_has_that_asks_for_none(memory: str, given: int) -> None:
    """64 MB, 1 GB from 4 GB on; the page says the same number as the job gets."""
    request = parse_request({"release": "image", "memory": memory})
    assert given_to(request, offered().releases[0]) == given == automatic(request.memory)
    said = shared_memory_in_words(request, offered())
    assert said.endswith(f"Left empty it is {'1 GB' if given == 1024 else f'{given} MB'}.")


def test_a_word_where_it_is_most_of_the_memory() -> None:
    """From more than half on."""
    assert warnings(read_and_reconcile({"release": "image", "memory": "8G", "shared_memory": "4G"}, offered())) == ()
    (said,) = warnings(read_and_reconcile({"release": "image", "memory": "8G", "shared_memory": "6G"}, offered()))
    assert said == "The shared memory is more than half of the memory: once it is full, 2 GB are left for all else."


def test_on_the_page_and_kept() -> None:
    """The field has what was asked for last; a saved request has it too; a link of another release drops it with a word."""
    request = resolve_request({"release": "image", "memory": "8G", "shared_memory": "1536M"}, offered())
    assert request.options()["shared_memory"] == "1536M"
    assert resolve_request(read_saved(as_yaml(request)), offered()) == request
    field = shared_memory_field(request, offered(), request.options(), {})
    assert field is not None
    assert (field.value, field.range) == ("1536M", "At most 8 GB. Left empty it is 1 GB.")
    page = render_form({"shared_memory": field})
    assert 'name="shared_memory"' in page
    assert restore_valid({"release": "plain", "shared_memory": "1G"}, offered())[1] == ("Shared memory",)


@pytest.mark.parametrize("size", ["", "2048"])
def test_the_container_gets_the_size(size: str) -> None:
    """As the option says, in front of the image."""
    names: dict[str, Any] = {"__name__": "launcher"}
    exec(compile(launcher_source(), "launcher.py", "exec"), names)
    environment = {"RESOURCE_FORM_CONTAINER": json.dumps(IMAGE), "RESOURCE_FORM_GPUS": "0", "RESOURCE_FORM_SHARED_MEMORY": size}
    found = names["in_container"](["jupyterhub-singleuser"], environment)
    option = ["--shm-size=2048m"] if size else []
    assert found == [IMAGE["command"], "exec", *option, IMAGE["image"], "jupyterhub-singleuser"]
