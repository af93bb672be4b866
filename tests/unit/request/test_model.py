"""What is typed is read in one place; what cannot be read is refused with a sentence, and nothing else ever comes out."""

# ruff: noqa: E501 - a row of a table is one line

from __future__ import annotations

import json
import string
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spawner.availability.demand import Demand
from spawner.errors import MAX_ERRORS, RequestRejected
from spawner.i18n import using
from spawner.job.sbatch import Tag, sbatch_arguments
from spawner.request.field_values import ENVIRONMENT_NAME, MAX_BYTES, MAX_BYTES_IN_ALL, MAX_VARIABLES, RESERVED_ENVIRONMENT, quoted
from spawner.request.form_data import as_the_page_means, read_form
from spawner.request.gpus import GpuRequest, parse_gpus
from spawner.request.model import (
    APPEARANCE_FIELDS,
    FIELDS,
    FORM_FIELDS,
    SessionRequest,
    help_of,
    label_of,
    memory_value,
    parse_request,
    unit_of,
)
from spawner.request.variables import MASK
from spawner.slurm.names import LONGEST_NAME, may_be_a_name

CONTRACT = [
    *("account", "reservation", "partition", "cores", "memory", "gpus", "walltime", "release", "interface", "preset", "environment"),
    *("qos", "constraint", "nodes", "tasks"),
    *("name", "color", "start_folder", "shared_memory"),
]
NAMES = ["account", "reservation", "partition", "release", "interface", "preset"]
OF_SLURM = ("account", "partition", "reservation")

HOSTILE = {
    "newline": "a\nb",
    "ends-with-newline": "g100_int\n",
    "carriage-return": "a\rb",
    "nul": "a\0b",
    "leading-dash": "-a",
    "option": "--wrap=id",
    "blank": "a b",
    "only-blanks": "   ",
    "tab": "a\tb",
    "comma": "a,b",
    "single-quote": "a'b",
    "double-quote": 'a"b',
    "backtick": "`id`",
    "substitution": "$(id)",
    "variable": "$HOME",
    "semicolon": "a;id",
    "pipe": "a|id",
    "slash": "../a",
    "backslash": "a\\b",
    "equals": "a=b",
    "percent": "%j",
    "hash": "#SBATCH",
    "look-alike-cyrillic": "g100_\u0456nt",
    "look-alike-fullwidth": "\uff47100",
    "soft-hyphen": "cin\u00ad_ada",
    "right-to-left": "a\u202eb",
    "surrogate": "\ud800",
    "html": "<script>alert(1)</script>",
    "10-kB": "x" * 10_000,
}
"""Strings that mean something to a shell, to sbatch, to a browser or to the eye."""


def errors_of(options: dict[str, Any]) -> dict[str, str]:
    """The sentences with which ``options`` are refused."""
    with pytest.raises(RequestRejected) as refused:
        parse_request(options)
    return refused.value.errors


# --- reading ------------------------------------------------------------------------------------------------------------------


def test_fields_are_the_contracts() -> None:
    """A request has the keys that DESIGN.md lists, and no other; the form shows ten of them in this order."""
    assert sorted(FIELDS) == sorted(CONTRACT)
    job = (
        "reservation",
        "account",
        "partition",
        "qos",
        "constraint",
        "cores",
        "memory",
        "gpus",
        "nodes",
        "tasks",
        "walltime",
        "release",
        "interface",
    )
    assert (*job, "start_folder") == FORM_FIELDS
    assert APPEARANCE_FIELDS == ("name", "color")


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_speaks_for_itself(field: str) -> None:
    """Each field has a label and a help text of its own, the help ending as a sentence does."""
    info = SessionRequest.model_fields[field]
    assert info.title == label_of(field) != field
    assert info.description
    assert info.description.endswith(".")


def test_label_of_an_unknown_field_is_its_name() -> None:
    """A field that does not exist is called what it was called."""
    assert label_of("colour") == "colour"


@pytest.mark.parametrize(
    ("field", "value", "read"),
    [
        pytest.param("account", "cin_ada", "cin_ada", id="name"),
        pytest.param("account", "", "", id="no-name"),
        pytest.param("account", "a" * 64, "a" * 64, id="longest-name"),
        pytest.param("account", "a.b-c+d@e_1", "a.b-c+d@e_1", id="every-character-of-a-name"),
        pytest.param("cores", 4, 4, id="cores-number"),
        pytest.param("cores", "4", 4, id="cores-text"),
        pytest.param("cores", " 04 ", 4, id="cores-blanks-and-zero"),
        pytest.param("memory", "32G", 32768, id="memory-G"),
        pytest.param("memory", "32GB", 32768, id="memory-GB"),
        pytest.param("memory", "32768M", 32768, id="memory-M"),
        pytest.param("memory", 32, 32768, id="memory-bare-number-is-GB"),
        pytest.param("memory", "1.5", 1536, id="memory-decimal"),
        pytest.param("memory", 0.5, 512, id="memory-float"),
        pytest.param("gpus", 0, GpuRequest(), id="gpus-0"),
        pytest.param("gpus", "", GpuRequest(), id="gpus-empty"),
        pytest.param("gpus", "None", GpuRequest(), id="gpus-none"),
        pytest.param("gpus", "v100:0", GpuRequest(), id="gpus-none-of-a-type"),
        pytest.param("gpus", 2, GpuRequest(2), id="gpus-number"),
        pytest.param("gpus", "2", GpuRequest(2), id="gpus-text"),
        pytest.param("gpus", "v100:2", GpuRequest(2, "v100"), id="gpus-type"),
        pytest.param("gpus", "gpu:v100:2", GpuRequest(2, "v100"), id="gpus-as-in-slurm"),
        pytest.param("gpus", "a100_3g.20gb:1", GpuRequest(1, "a100_3g.20gb"), id="gpus-mig"),
        pytest.param("gpus", "shard:1", GpuRequest(1, gres="shard"), id="gpus-shard"),
        pytest.param("gpus", "shard:a100:1", GpuRequest(1, "a100", "shard"), id="gpus-shard-of-a-type"),
        pytest.param("gpus", "mps:25", GpuRequest(25, gres="mps"), id="gpus-mps"),
        pytest.param("gpus", "mi250x:2", GpuRequest(2, "mi250x"), id="gpus-of-another-vendor"),
        pytest.param("gpus", "3g.20gb:1", GpuRequest(1, "3g.20gb"), id="gpus-mig-by-profile"),
        pytest.param("gpus", "gpu:0", GpuRequest(), id="gpus-none-as-in-slurm"),
        pytest.param("walltime", "90", 90, id="time-minutes"),
        pytest.param("walltime", 90, 90, id="time-number"),
        pytest.param("walltime", "1:30:00", 90, id="time-clock"),
        pytest.param("walltime", "1-12:00:00", 2160, id="time-days"),
        pytest.param("walltime", "90m", 90, id="time-m"),
        pytest.param("walltime", "2h", 120, id="time-h"),
        pytest.param("environment", None, {}, id="environment-nothing"),
        pytest.param("environment", {"A": "1, 2;\n$x"}, {"A": "1, 2;\n$x"}, id="environment-byte-for-byte"),
    ],
)
def test_value_is_read(field: str, value: Any, read: Any) -> None:
    """Units and Slurm's own forms are read as a person means them."""
    assert getattr(parse_request({field: value}), field) == read


@pytest.mark.parametrize(
    ("field", "value", "instead"),
    [
        pytest.param("cores", "four", "Type a number", id="cores-word"),
        pytest.param("cores", "4.0", "Type a number", id="cores-decimal"),
        pytest.param("cores", 4.0, "Type a number", id="cores-float"),
        pytest.param("cores", True, "Type a number", id="cores-boolean"),
        pytest.param("cores", [4], "Type a number", id="cores-list"),
        pytest.param("cores", None, "Type a number", id="cores-null"),
        pytest.param("cores", 0, "At least 1", id="cores-0"),
        pytest.param("cores", "0", "At least 1", id="cores-text-0"),
        pytest.param("cores", -3, "At least 1", id="cores-negative"),
        pytest.param("cores", "-3", "Type a number", id="cores-negative-text"),
        pytest.param("cores", "1e3", "Type a number", id="cores-exponent"),
        pytest.param("cores", "\u0664", "Type a number", id="cores-arabic-digit"),
        pytest.param("cores", "4\n--wrap=id", "Type a number", id="cores-newline"),
        pytest.param("memory", "8 parsecs", "Type for example 8G", id="memory-unknown-unit"),
        pytest.param("memory", "8X", "Type for example 8G", id="memory-unknown-letter"),
        pytest.param("memory", "0", "at least 1 MB", id="memory-0-means-all-to-slurm"),
        pytest.param("memory", "-8G", "Type for example 8G", id="memory-negative"),
        pytest.param("memory", "nan", "Type for example 8G", id="memory-nan"),
        pytest.param("memory", float("inf"), "Type for example 8G", id="memory-infinity"),
        pytest.param("memory", True, "Type for example 8G", id="memory-boolean"),
        pytest.param("memory", {}, "Type for example 8G", id="memory-object"),
        pytest.param("gpus", "many", "Choose one from the list", id="gpus-word"),
        pytest.param("gpus", "-1", "Choose one from the list", id="gpus-negative-text"),
        pytest.param("gpus", -1, "Choose one from the list", id="gpus-negative"),
        pytest.param("gpus", 1.5, "Choose one from the list", id="gpus-float"),
        pytest.param("gpus", False, "Choose one from the list", id="gpus-boolean"),
        pytest.param("gpus", "v100:2,gpu:a100:1", "Choose one from the list", id="gpus-two-kinds"),
        pytest.param("gpus", "help", "Choose one from the list", id="gpus-help-of-sbatch"),
        pytest.param("gpus", "a:b:c:1", "Choose one from the list", id="gpus-too-many-parts"),
        pytest.param("gpus", "-v100:1", "Choose one from the list", id="gpus-type-like-an-option"),
        pytest.param("gpus", [1], "Choose one from the list", id="gpus-list"),
        pytest.param("walltime", "soon", "Type for example 2h", id="time-word"),
        pytest.param("walltime", "2 fortnights", "Type for example 2h", id="time-unknown-unit"),
        pytest.param("walltime", 0, "shortest time is 1 minute", id="time-0"),
        pytest.param("walltime", "UNLIMITED", "Type for example 2h", id="time-unlimited"),
        pytest.param("walltime", "-1", "Type for example 2h", id="time-negative"),
        pytest.param("walltime", 1.5, "Type for example 2h", id="time-float"),
        pytest.param("walltime", "9999999h", "longest time is 10 years", id="time-endless"),
    ],
)
def test_value_that_cannot_be_read_is_refused(field: str, value: Any, instead: str) -> None:
    """The sentence names the field's label, the value, and what to type instead; no other field is blamed."""
    errors = errors_of({field: value})
    assert list(errors) == [field]
    assert errors[field].startswith(f"{label_of(field)}: {quoted(value)}")
    assert instead in errors[field]
    assert errors[field].endswith(".")


JUST_TOO_MUCH = {"A0": "x" * (MAX_BYTES - 1), **{f"A{number}": "x" * (MAX_BYTES - 2) for number in range(1, 8)}}
"""With the names a byte more than all variables together may have."""


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        pytest.param("account", "a,b", "Slurm account: “a,b” is not a name that Slurm could have. Choose one from the list.", id="name"),
        pytest.param("cores", "four", "Number of cores: “four” is not a whole number. Type a number of cores such as 4.", id="cores"),
        pytest.param("cores", 10**9, "Number of cores: “1000000000” is not a number of cores. At least 1 is needed. Type a number such as 4.", id="cores-beyond-all"),
        pytest.param("memory", "8X", "Memory: “8X” is not an amount of memory. It has to be a number, with K, M, G or T for the unit. Type for example 8G or 500M.", id="memory"),
        pytest.param("walltime", 0, "Time: “0” is not a time. The shortest time is 1 minute. Type for example 2h, 90m or 1-12:00:00.", id="time"),
        pytest.param("gpus", "many", "GPU configuration: “many” is not a GPU configuration. It has to be a number, or a type and a number such as v100:2. Choose one from the list.", id="gpus"),
        pytest.param("environment", ["A=B"], "Environment variables: Environment variables are names with values.", id="no-variables"),
        pytest.param("environment", 0, "Environment variables: Environment variables are names with values.", id="nothing-that-is-a-number"),
        pytest.param("environment", {f"A{number}": "" for number in range(101)}, "Environment variables: 101 variables are more than the 100 that a session may have. Leave some out.", id="many-variables"),
        pytest.param("environment", {"A-B": ""}, "Environment variables: “A-B” is not a name of an environment variable. Use letters, digits and _.", id="variables-name"),
        pytest.param("environment", {"PATH": "/"}, "Environment variables: The environment variable PATH is reserved. Set it inside the session instead.", id="reserved-variable"),
        pytest.param("environment", {"A": "a\0b"}, "Environment variables: The value of A is not text of at most 32768 bytes without NUL. Shorten it, or set it in the session.", id="variables-value"),
        pytest.param("environment", {"A": "\ud800"}, "Environment variables: The value of A is not text of at most 32768 bytes without NUL. Shorten it, or set it in the session.", id="variables-value-of-half-a-character"),
        pytest.param("environment", JUST_TOO_MUCH, "Environment variables: All variables together are 262145 bytes, more than the 262144 that a session may have. Leave some out.", id="variables-in-all"),
        pytest.param("name", "a\nb", "Name of the session: “a\ufffdb” cannot be the name of a session. Use at most 60 letters, digits, signs and blanks.", id="name-of-the-session"),
        pytest.param("color", "mauve", "Colour: “mauve” is not a colour. Choose one of: blue, teal, green, yellow, orange, red, pink, purple; or type one such as #1f77b4.", id="colour"),
        pytest.param("colour", 1, f"“colour” is not a field of a request. Leave it out. The fields are: {', '.join(FIELDS)}.", id="unknown-key"),
    ],
)  # fmt: skip
def test_what_is_said_of_a_value_that_cannot_be_read(field: str, value: Any, sentence: str) -> None:
    """The whole sentence: the field, the value, what is wrong with it, and what to do instead."""
    assert errors_of({field: value}) == {field: sentence}


@pytest.mark.parametrize(
    ("field", "value", "read"),
    [
        pytest.param("cores", 10**9 - 1, 10**9 - 1, id="the-most-cores"),
        pytest.param("cores", "999999999", 10**9 - 1, id="the-most-cores-as-text"),
        pytest.param("environment", {"A": "x" * MAX_BYTES}, {"A": "x" * MAX_BYTES}, id="the-longest-variable"),
        pytest.param("environment", {"A": "é" * (MAX_BYTES // 2)}, {"A": "é" * (MAX_BYTES // 2)}, id="the-longest-variable-in-bytes"),
        pytest.param("environment", "", {}, id="variables-of-an-empty-field"),
        pytest.param("name", "a" + " " * 238 + "b", "a b", id="as-many-blanks-in-a-name-as-are-read"),
        pytest.param("color", " " * 53 + "#AABBCC", "#aabbcc", id="blanks-before-a-colour"),
    ],
)
def test_values_that_are_just_taken(field: str, value: Any, read: Any) -> None:
    """The bounds themselves."""
    assert getattr(parse_request({field: value}), field) == read


@pytest.mark.parametrize("field", NAMES)
def test_every_name_is_judged_alike(field: str) -> None:
    """What one name may not be, no other may: a newline at its end, too long, two names, JSON of another kind."""
    most = LONGEST_NAME if field in OF_SLURM else 64
    assert parse_request({field: "a" * most}).model_dump()[field] == "a" * most
    for value in ("g100_int\n", "a" * (most + 1), "a,b", " ", ["cin_ada"]):
        assert quoted(value) in errors_of({field: value})[field]
    if field not in OF_SLURM:
        assert quoted("--wrap=id") in errors_of({field: "--wrap=id"})[field]


@pytest.mark.parametrize("field", OF_SLURM)
@pytest.mark.parametrize(
    "name",
    ["genome lab", "umbrella/sub:one", "a&b", "user@campus.it", "größe", "-dash", "(p)=50%*", "x%y!z~$home;'", "<b>", "a\tb", "a" * 74],
)
def test_a_name_that_slurm_could_have(field: str, name: str) -> None:
    """It is read as it is, and is one word of sbatch's, whatever a shell would make of it."""
    request = parse_request({field: name})
    assert getattr(request, field) == name
    argv = sbatch_arguments(request, Tag("hub", "ada", "", "n"), home="/")
    assert f"--{field}={name}" in argv
    assert request.options()[field] == name


HOSTILE_NUMBERS = ("newline", "nul", "option", "only-blanks", "semicolon", "look-alike-fullwidth", "surrogate", "10-kB")
"""Of the hostile strings those that a reader of numbers could treat in ways of their own: to it all others are words."""


@pytest.mark.parametrize(
    ("field", "hostile"),
    [
        *(pytest.param("account", text, id=f"account-{name}") for name, text in HOSTILE.items() if not may_be_a_name(text)),
        *(pytest.param("release", text, id=f"release-{name}") for name, text in HOSTILE.items()),
        *(
            pytest.param(field, HOSTILE[name], id=f"{field}-{name}")
            for field in ("cores", "memory", "walltime", "gpus")
            for name in HOSTILE_NUMBERS
        ),
    ],
)
def test_hostile_text_is_refused(field: str, hostile: str) -> None:
    """Nothing that a shell, sbatch or the eye could take for something else passes; the sentence stays short and printable."""
    if field == "gpus" and hostile.strip() == "":
        assert parse_request({field: hostile}).gpus == GpuRequest()
        return
    sentence = errors_of({field: hostile})[field]
    assert sentence.startswith(label_of(field))
    assert sentence.isprintable()
    assert len(sentence) < 400
    assert "\n" not in sentence
    assert "\0" not in sentence


@pytest.mark.parametrize("value", [None, 1, True, ["cin_ada"], {"a": 1}, 1.5], ids=repr)
def test_a_name_is_text(value: Any) -> None:
    """JSON of another kind is no name, not even where its text would be one."""
    assert quoted(value) in errors_of({"account": value})["account"]


def test_a_name_of_65_characters_is_refused_with_the_limit() -> None:
    """A name that the admin of the Hub gives ends at 64 characters, and the sentence says so."""
    assert "at most 64" in errors_of({"release": "a" * 65})["release"]


@pytest.mark.parametrize("field", [*NAMES, "cores", "memory", "gpus", "walltime", "environment"])
def test_what_cannot_even_be_printed_is_refused(field: str) -> None:
    """An integer of thousands of digits is refused like any other value."""
    for value in (10**5000, -(10**5000)):
        assert errors_of({field: value})[field].startswith(label_of(field))


def test_unknown_key_is_refused_by_name() -> None:
    """The sentence names the key and lists the fields; what was right about the request is not blamed."""
    errors = errors_of({"colour": "red", "cores": 4})
    assert list(errors) == ["colour"]
    assert "“colour” is not a field of a request" in errors["colour"]
    assert all(field in errors["colour"] for field in FIELDS)


@pytest.mark.parametrize("key", ["\ud800", "", "a\nb", "x" * 10_000, "__class__", 1, None], ids=ascii)
def test_odd_keys_are_refused(key: Any) -> None:
    """Any key that is no field is refused, in a printable sentence."""
    sentence = errors_of({key: 1})[str(key)]
    assert sentence.isprintable()
    assert len(sentence) < 400


def test_all_mistakes_are_told_at_once() -> None:
    """A person hears of every value that cannot be read, and of every unknown key, in one go."""
    assert set(errors_of({"cores": "x", "memory": "x", "gpus": "x", "walltime": "x", "account": "x,y", "colour": 1})) == {
        "cores",
        "memory",
        "gpus",
        "walltime",
        "account",
        "colour",
    }


@pytest.mark.parametrize("key", ["profile", "_xsrf"])
def test_keys_that_are_not_the_users_are_ignored(key: str) -> None:
    """The Hub's form token and the summary for its admin page are no mistakes."""
    assert parse_request({key: "x", "cores": 2}) == parse_request({"cores": 2})


# --- environment --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "JUPYTERHUB_API_TOKEN",
        "JPY_API_TOKEN",
        "SLURM_CONF",
        "SBATCH_ACCOUNT",
        "SRUN_X",
        "SQUEUE_FORMAT",
        "LD_PRELOAD",
        "PYTHONPATH",
        "BASH_ENV",
        "RESOURCE_FORM_COMMAND",
        "PATH",
        "HOME",
        "USER",
        "SHELL",
        "IFS",
        "ENV",
        "TMPDIR",
        "CUDA_VISIBLE_DEVICES",
        "GCONV_PATH",
    ],
)
def test_reserved_variable_is_refused(name: str) -> None:
    """What acts on sudo, sbatch, the shell or the launcher cannot be set from outside; the variable is named."""
    assert f"{name} is reserved" in errors_of({"environment": {name: "x"}})["environment"]


@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "PATHS", "HOMEPAGE", "MY_SLURM", "_X", "users", "LANG"])
def test_other_variable_is_taken(name: str) -> None:
    """A name that only resembles a reserved one is free."""
    assert parse_request({"environment": {name: "x"}}).environment == {name: "x"}


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        pytest.param({"1A": "x"}, "“1A” is not a name", id="digit-first"),
        pytest.param({"A B": "x"}, "“A B” is not a name", id="blank-in-name"),
        pytest.param({"A=B": "x"}, "“A=B” is not a name", id="equals-in-name"),
        pytest.param({"": "x"}, "“” is not a name", id="empty-name"),
        pytest.param({"Ä": "x"}, "“Ä” is not a name", id="letter-of-another-script"),
        pytest.param({"A" * 201: "x"}, "is not a name", id="name-too-long"),
        pytest.param({"BASH_FUNC_x%%": "() { id; }"}, "is not a name", id="shell-function"),
        pytest.param({"A": "x\0y"}, "The value of A", id="nul"),
        pytest.param({"A": "\ud800"}, "The value of A", id="half-a-surrogate-pair"),
        pytest.param({"A": 1}, "The value of A", id="number"),
        pytest.param({"A": None}, "The value of A", id="null"),
        pytest.param({"A": "x" * (MAX_BYTES + 1)}, f"at most {MAX_BYTES} bytes", id="too-long"),
        pytest.param({"A": "\U0001f600" * (MAX_BYTES // 4 + 1)}, f"at most {MAX_BYTES} bytes", id="too-long-in-bytes"),
        pytest.param({f"A{i}": "x" for i in range(MAX_VARIABLES + 1)}, f"more than the {MAX_VARIABLES}", id="too-many"),
        pytest.param({f"A{i}": "x" * MAX_BYTES for i in range(9)}, f"more than the {MAX_BYTES_IN_ALL}", id="too-much-in-all"),
        pytest.param(["A=B"], "names with values", id="list"),
        pytest.param(5, "names with values", id="a-number"),
        pytest.param("A", "has no “=”", id="text-without-a-sign"),
        pytest.param("PATH=/tmp", "PATH is reserved", id="reserved-as-text"),
        pytest.param({"A": "••••••••"}, "The value of A is not known", id="mask"),
    ],
)
def test_environment_that_cannot_be_had(variables: Any, words: str) -> None:
    """A variable that the kernel, bash or Slurm could not carry is refused before anything starts."""
    sentence = errors_of({"environment": variables})["environment"]
    assert sentence.startswith("Environment variables: ")
    assert words in sentence


def test_largest_environment_is_taken() -> None:
    """The limits themselves are allowed."""
    variables = {f"A{i}": "x" * (MAX_BYTES - 2) for i in range(8)}
    assert parse_request({"environment": variables}).environment == variables
    assert len(parse_request({"environment": {f"A{i}": "" for i in range(MAX_VARIABLES)}}).environment) == MAX_VARIABLES


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=20)))
def test_what_passes_as_environment_can_stand_in_one(variables: dict[str, str]) -> None:
    """Whatever passes has a name that bash takes, none that is reserved, and a value that execve(2) takes, unchanged."""
    try:
        passed = parse_request({"environment": variables}).environment
    except RequestRejected:
        return
    assert passed == variables
    for name, value in passed.items():
        assert ENVIRONMENT_NAME.fullmatch(name)
        assert not RESERVED_ENVIRONMENT.fullmatch(name)
        assert b"\0" not in value.encode()


# --- GPUs ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gpus", "option", "value", "words"),
    [
        pytest.param(GpuRequest(), "", "0", "no GPU", id="none"),
        pytest.param(GpuRequest(1), "gpu:1", "1", "1 GPU", id="one"),
        pytest.param(GpuRequest(2), "gpu:2", "2", "2 GPUs", id="two"),
        pytest.param(GpuRequest(2, "v100"), "gpu:v100:2", "v100:2", "2 × V100", id="typed"),
        pytest.param(GpuRequest(1, gres="shard"), "shard:1", "shard:1", "1 shard", id="shard"),
        pytest.param(GpuRequest(3, gres="shard"), "shard:3", "shard:3", "3 shards", id="shards"),
        pytest.param(GpuRequest(1, "gpu"), "gpu:gpu:1", "gpu:gpu:1", "1 × GPU", id="a-type-called-gpu"),
    ],
)
def test_gpus_as_option_value_and_words(gpus: GpuRequest, option: str, value: str, words: str) -> None:
    """What sbatch gets, what is stored, and what a person reads."""
    assert (gpus.option, gpus.value, gpus.words) == (option, value, words)


@given(
    st.builds(
        GpuRequest,
        st.integers(1, 9999),
        st.one_of(
            st.just(""),
            st.sampled_from(["gpu", "shard", "mps", "none", "7"]),
            st.text(string.ascii_letters + string.digits, min_size=1, max_size=64),
        ),
        st.sampled_from(["gpu", "shard", "mps"]),
    )
)
def test_gpus_round_trip(gpus: GpuRequest) -> None:
    """The stored value is read back as the same request."""
    assert parse_gpus(gpus.value) == gpus
    assert parse_gpus(gpus) is gpus


# --- the stored form ----------------------------------------------------------------------------------------------------------

names = st.text(string.ascii_letters + string.digits + "_.@+", max_size=64)
requests = st.builds(
    SessionRequest,
    reservation=names,
    account=names,
    partition=names,
    cores=st.integers(1, 10**9 - 1),
    memory=st.integers(1, 10**9).map(lambda number: f"{number}M"),
    gpus=st.builds(GpuRequest, st.integers(0, 9999), st.sampled_from(["", "v100", "a100_3g.20gb"])).map(lambda gpus: gpus.value),
    walltime=st.integers(1, 10 * 366 * 24 * 60),
    release=names,
    interface=names,
    preset=names,
    shared_memory=st.sampled_from([0, 1, 1024]).map(lambda number: f"{number}M" if number else ""),
    qos=st.sampled_from(["", "normal", "long-1"]),
    constraint=st.sampled_from(["", "intel", "avx512&ib"]),
    nodes=st.sampled_from([1, 2]),
    tasks=st.sampled_from(["", 1, 4]),
    start_folder=st.sampled_from(["", "work", "work/a b/ü", "scratch/x_1"]),
    environment=st.dictionaries(
        st.from_regex(r"MY_[A-Z0-9]{1,5}", fullmatch=True),
        st.text(st.characters(codec="utf-8", exclude_characters="\0")).filter(lambda text: text != MASK),
    ),
)


@settings(max_examples=200)
@given(requests)
def test_options_round_trip(request_: SessionRequest) -> None:
    """What is kept as user_options is JSON and is read back as the same request."""
    options = json.loads(json.dumps(request_.options()))
    assert parse_request(options) == request_
    assert set(options) - {"profile", "preset", "environment", "shared_memory"} | {
        "start_folder",
        "qos",
        "constraint",
        "nodes",
        "tasks",
    } == set(FORM_FIELDS)


def test_options_leave_out_what_is_empty() -> None:
    """Preset, environment and start folder are kept only where there are any."""
    assert {"preset", "environment", "start_folder", "shared_memory", "qos", "constraint", "nodes", "tasks"}.isdisjoint(
        parse_request({}).options()
    )
    assert parse_request({"preset": "p", "environment": {"A": "1"}}).options()["environment"] == {"A": "1"}


@pytest.mark.parametrize(
    ("options", "summary"),
    [
        pytest.param({"cores": 1}, "no GPU, 1 core, 4 GB, 1 h on p", id="plain"),
        pytest.param({"cores": 4, "gpus": "v100:1", "memory": "8G"}, "1 × V100, 4 cores, 8 GB, 1 h on p", id="gpu"),
    ],
)
def test_summary(options: dict[str, Any], summary: str) -> None:
    """One line says what a session has."""
    assert parse_request({"partition": "p", **options}).summary == summary


def test_the_summary_is_english_and_the_words_are_the_users() -> None:
    """An admin's page and the log are in one language; their user reads another."""
    request = parse_request({"partition": "p", "cores": 4})
    with using("it"):
        assert request.summary == "no GPU, 4 cores, 4 GB, 1 h on p"
        assert request.in_words.startswith("nessuna GPU")
    assert request.cores_and_memory == ("4 cores", "4 GB")
    assert request.options()["profile"] == request.summary


def test_what_a_job_asks_of_its_node() -> None:
    """All amounts of the request, its time among them."""
    asked = parse_request({"cores": 4, "memory": "8G", "gpus": "shard:v100:2", "walltime": "2h"})
    assert asked.demand == Demand(4, 8192, "v100", 2, 120, "shard")


def test_units_and_helps_are_the_fields_own() -> None:
    """A number has a unit, a name has none."""
    assert {field: unit_of(field) for field in FIELDS if unit_of(field)} == {
        "cores": "cores",
        "memory": "GB",
        "gpus": "GPUs",
        "nodes": "nodes",
        "tasks": "tasks",
        "walltime": "h:mm:ss",
        "shared_memory": "GB",
    }
    assert (help_of("cores"), help_of("account")) == ("On one node.", "It is charged for the session.")
    with using("it"):
        assert help_of("cores") == "Su un solo nodo."
        assert unit_of("cores") == "core"


@pytest.mark.parametrize(("megabytes", "value"), [(8192, "8G"), (1536, "1536M"), (1, "1M")])
def test_memory_value(megabytes: int, value: str) -> None:
    """Whole GB as GB, everything else as MB."""
    assert memory_value(megabytes) == value


# --- the posted form ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "minutes"),
    [("1", 60), (" 12 ", 720), ("1:30", 90), ("0:05", 5), ("90m", 90), ("01:00:00", 60), ("1-12", 2160), ("1:3", 2), ("2h", 120)],
)
def test_hours_are_hours_on_the_page(typed: str, minutes: int) -> None:
    """The page says that it counts in hours. Everywhere else a number is minutes, as for sbatch."""
    assert parse_request(read_form(as_the_page_means({"walltime": [typed]}))).walltime == minutes


def test_a_number_is_minutes_elsewhere() -> None:
    """In REST, in links, and on the command line; what is no time stays what it is."""
    assert [parse_request({"walltime": value}).walltime for value in ("90", 90, "1:30")] == [90, 90, 2]
    assert read_form({"walltime": ["90"]}) == {"walltime": "90"}
    for odd in ({"walltime": "90"}, {"walltime": [b"90"]}, {"walltime": []}, {"cores": ["90"]}):
        assert as_the_page_means(odd) == odd


def test_form_is_read() -> None:
    """One value a field, blanks around it dropped; an empty one is left to the default, but None is a reservation's own value."""
    form = {"reservation": [""], "account": [" cin_ada "], "cores": [""], "memory": [" "], "_xsrf": ["x"], "colour": ["red"]}
    assert read_form(form) == {"reservation": "", "account": "cin_ada", "colour": "red"}


@pytest.mark.parametrize(
    ("form", "field", "words"),
    [
        pytest.param({"cores": ["1", "2"]}, "cores", "Number of cores must be given once", id="twice"),
        pytest.param({"cores": []}, "cores", "Number of cores must be given once", id="never"),
        pytest.param({"cores_file": [{"filename": "x", "body": b""}]}, "cores_file", "“cores_file” must be given once", id="file"),
        pytest.param({"cores": "4"}, "cores", "Number of cores must be given once", id="no-list"),
    ],
)
def test_form_that_no_browser_of_ours_posts(form: dict[str, Any], field: str, words: str) -> None:
    """A field that comes twice, or as a file, is refused by its label."""
    with pytest.raises(RequestRejected) as refused:
        read_form(form)
    assert refused.value.errors == {field: f"{words}, as text."}


def test_the_log_names_the_first_keys_of_a_form_that_no_browser_of_ours_posts() -> None:
    """As many as an error tells; what was typed is not in the log."""
    with pytest.raises(RequestRejected) as refused:
        read_form({f"key{number}": ["a", "hunter2"] for number in range(MAX_ERRORS + 1)})
    names = ", ".join(f"“key{number}”" for number in range(MAX_ERRORS))
    assert refused.value.log == f"request rejected: given more than once, or not as text: {names}"


# --- sentences ----------------------------------------------------------------------------------------------------------------


def nested(depth: int) -> Any:
    """Lists within each other."""
    deep: Any = []
    for _ in range(depth):
        deep = [deep]
    return deep


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param("a", "“a”", id="plain"),
        pytest.param("x" * 60, f"“{'x' * 60}”", id="60"),
        pytest.param("x" * 61, f"“{'x' * 60}…”", id="61"),
        pytest.param(7, "“7”", id="number"),
        pytest.param(nested(100_000), "“list”", id="what-cannot-be-printed"),
        pytest.param("a\nb\0c\u202ed", "“a\ufffdb\ufffdc\ufffdd”", id="unprintable"),
    ],
)
def test_quoted(value: str, text: str) -> None:
    """A value in a sentence is short and printable."""
    assert quoted(value) == text


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=5), json_values, max_size=4))
def test_any_json_is_read_or_refused(options: dict[str, Any]) -> None:
    """Whatever JSON comes, the answer is a request or RequestRejected with a printable sentence for each field, never another error."""
    try:
        parse_request(options)
    except RequestRejected as refused:
        errors = refused.errors
    else:
        return
    assert errors
    assert all(sentence.isprintable() for sentence in errors.values())
