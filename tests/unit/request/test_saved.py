"""A request as a file: written and read again it is the same request, and gives the same job (T68)."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from spawner.errors import RequestRejected
from spawner.job.sbatch import Tag, job_environment, job_script, sbatch_arguments
from spawner.request.model import SessionRequest, parse_request
from spawner.request.saved import as_yaml, read_saved
from spawner.request.validation import resolve_request
from spawner.request.variables import MASK
from tests.support.builders import choices
from tests.support.job_requests import LAB, SERVER, release

WHOLE: dict[str, Any] = {
    "reservation": "",
    "account": "cin_ada",
    "partition": "g100_int",
    "cores": 4,
    "memory": "32G",
    "gpus": "v100:2",
    "walltime": "1:30:00",
    "interface": "lab",
    "name": "è mia: #1",
    "color": "blue",
    "environment": {
        "YES": "yes",
        "NO": "no",
        "NUMBER": "0x10",
        "EMPTY": "",
        "LINES": "one\ntwo\r\n\ttab ",
        "DATE": "2026-11-30",
        "ODD": "\"='\x01\u2028",
    },
}


def job_of(request: SessionRequest) -> tuple[Any, ...]:
    """All that Slurm gets for it."""
    tag = Tag("jupyterhub", "ada", "", "0123456789abcdef")
    arguments = sbatch_arguments(request, tag, home="/home/ada")
    return arguments, job_script(release()), job_environment(request, SERVER, command=["jupyterhub-singleuser"], interface=LAB)


@pytest.mark.parametrize(
    "options", [WHOLE, {"cores": 2, "memory": "1500M", "gpus": 0, "walltime": "2h"}, {}], ids=["whole", "small", "none"]
)
def test_the_same_script(options: dict[str, Any]) -> None:
    """What is saved and opened again is submitted with the same arguments, script and environment, byte for byte."""
    request = resolve_request(options, choices())
    again = resolve_request(read_saved(as_yaml(request)), choices())
    assert again == request
    assert job_of(again) == job_of(request)
    assert as_yaml(again) == as_yaml(request)


@given(
    st.dictionaries(
        st.from_regex(r"X[A-Z0-9_]{0,8}", fullmatch=True),
        # The mask is no value: it stands for one that the Hub knows, and is refused where it knows none.
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20).filter(lambda text: text != MASK),
        max_size=4,
    )
)
def test_variables_byte_for_byte(variables: dict[str, str]) -> None:
    """Any text that a variable can have."""
    request = parse_request({"environment": variables})
    assert read_saved(as_yaml(request)).get("environment", {}) == variables


def test_other_programs_read_it() -> None:
    """Plain YAML: text that looks like a number or a truth stands in quotation marks."""
    read = yaml.safe_load(as_yaml(parse_request(WHOLE)))
    assert read["walltime"] == "01:30:00"
    assert read["cores"] == 4
    assert read["environment"] == WHOLE["environment"]
    assert "preset" not in yaml.safe_load(as_yaml(parse_request({**WHOLE, "preset": "gpu"})))


def test_secrets_are_not_saved() -> None:
    """The file says so, and is asked for them when it is opened: :func:`.variables.with_known_variables`."""
    text = as_yaml(parse_request({"environment": {"HF_TOKEN": "hunter2", "A": "1"}}))
    assert "hunter2" not in text
    assert any(line.startswith("#") and MASK in line for line in text.splitlines())
    assert read_saved(text)["environment"] == {"HF_TOKEN": MASK, "A": "1"}


def test_the_release_that_is_the_default_then() -> None:
    """``release: default``, in a file as through every other door; also where a preset or a link says so."""
    offered = choices()
    newest = resolve_request({}, offered).release
    assert newest
    assert resolve_request(read_saved("release: default"), offered).release == newest
    assert resolve_request({"release": "default", "interface": "lab"}, offered).release == newest


@pytest.mark.parametrize(
    ("text", "field", "words"),
    [
        ("cores: 4\nbogus: 1", "bogus", "Line 2: “bogus” is not a field of a request"),
        ("# a comment\n\ncores: four", "cores", "Line 3: Number of cores: “four” is not a whole number"),
        ("memory: [1, 2]", "memory", "Line 1: Memory: one value is needed"),
        ("environment:\n  LD_PRELOAD: x", "environment", "Line 1: Environment variables: The environment variable LD_PRELOAD is reserved"),
        ("environment:\n  A: [1]", "environment", "The value of A"),
        ("environment: 5", "environment", "has no “=”"),
        ("cores: 4\ncores: 5", "file", "line 2: cores stands twice"),
        ("cores: 'four", "file", "This is no saved request: line"),
        ("- cores", "file", "it has no “field: value” lines"),
        ("just words", "file", "it has no “field: value” lines"),
        ("&a {x: *a}", "file", "This is no saved request"),
        ("!!python/object/apply:os.system [id]", "file", "This is no saved request"),
        ("x" * 400_001, "file", "at most 400000 characters"),
    ],
)
def test_what_is_no_request(text: str, field: str, words: str) -> None:
    """A sentence for each mistake, with its line."""
    with pytest.raises(RequestRejected) as refused:
        read_saved(text)
    assert words in refused.value.errors[field]


def test_what_is_read() -> None:
    """JSON, an empty file, text with variables; values as they are written."""
    assert read_saved('{"cores": 2, "gpus": "v100:1"}') == {"cores": "2", "gpus": "v100:1"}
    assert read_saved("") == read_saved("# nothing") == {}
    assert read_saved("\ufeffwalltime: 1:30\nrelease: 2026.10") == {"walltime": "1:30", "release": "2026.10"}
    assert parse_request(read_saved("environment: |\n  A=1\n  B= 2")).environment == {"A": "1", "B": " 2"}
    assert read_saved("environment:\n  T: yes\n  N: ~\n  E:")["environment"] == {"T": "yes", "N": "~", "E": ""}
