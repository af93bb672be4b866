"""The form as data: every field with its value, its choices, and its range in words; what was typed is kept."""

# ruff: noqa: E501 - a row of a table is one line

from __future__ import annotations

from typing import Any

import pytest

from spawner.errors import NoAccount
from spawner.humanize import moment_in_words
from spawner.request.appearance import appearance_fields
from spawner.request.defaults import default_values
from spawner.request.field_values import COLORS
from spawner.request.form_data import read_form
from spawner.request.form_fields import MAX_BUTTONS, PAGE_ORDER, FormField, UsefulValue, form_fields, shown_value
from spawner.request.model import FORM_FIELDS, parse_request
from spawner.request.validation import resolve_request
from tests.support.builders import HOUR, NOW, choices, cpu_partition, demo_nodes, node, partition, reservation

TWO_TYPES: dict[str, Any] = {
    "nodes": (*demo_nodes(), node("x001", gres="gpu:a100:4")),
    "partitions": (partition(), partition("g100_x", nodes=("x001",), is_default=False)),
}


def form(values: dict[str, Any] | None = None, errors: dict[str, str] | None = None, **changes: Any) -> dict[str, FormField]:
    """The fields by key, filled with the defaults and ``values``."""
    offered = choices(**changes)
    return {field.key: field for field in form_fields(offered, {**default_values(offered), **(values or {})}, errors or {})}


def labels(field: FormField) -> list[tuple[str, str]]:
    """Value and label of each option."""
    return [(option.value, option.label) for option in field.options]


def test_fields_in_their_order() -> None:
    """What a person needs comes first, what Slurm calls it last and folded; each of the nine has label and help."""
    fields = form_fields(choices(), default_values(choices()), {})
    assert (*(field.key for field in fields), "qos", "constraint", "nodes", "tasks") == PAGE_ORDER
    assert {*PAGE_ORDER, "start_folder"} == set(FORM_FIELDS)
    assert [field.key for field in fields if field.folded] == ["partition", "account", "reservation"]
    assert all(field.label and field.help for field in fields)
    assert {field.key: field.unit for field in fields if field.unit} == {
        "cores": "cores",
        "memory": "GB",
        "gpus": "GPUs",
        "walltime": "h:mm:ss",
    }


def test_the_admins_order_and_folds() -> None:
    """A field is moved between two others, and put behind the line or in front of it."""
    policies = {
        "partition": {"position": 5, "folded": False},
        "interface": {"position": 11},
        "release": {"folded": True},
        "gpus": {"hidden": True},
    }
    fields = form(fields=policies)
    assert list(fields) == ["partition", "interface", "cores", "memory", "walltime", "release", "account", "reservation"]
    assert [key for key, field in fields.items() if field.folded] == ["release", "account", "reservation"]


def test_values_to_press() -> None:
    """Of cores, memory and time, in the way in which the field holds them; none where the field is locked."""
    fields = form(fields={"memory": {"locked": True, "default": "8G"}}, nodes=(node("g001", memory_mb=375300),))
    assert [(entry.value, entry.label) for entry in fields["cores"].useful] == [(str(each), str(each)) for each in (1, 2, 4, 8, 16, 32, 48)]
    assert ("08:00:00", "8 h", 480) in [(entry.value, entry.label, entry.number) for entry in fields["walltime"].useful]
    assert {key for key, field in fields.items() if field.useful} == {"cores", "walltime"}
    assert form(nodes=(node("g001", memory_mb=375300),))["memory"].useful[-1] == UsefulValue("375300M", "366.5", 375300)


def test_folded_fields_in_one_line() -> None:
    """Each by what stands on its choice; no reservation is told as such."""
    fields = form({"reservation": "course"}, reservations=(reservation(),))
    assert [fields[key].shown for key in ("partition", "account", "reservation")] == ["g100_int", "cin_ada", "course"]
    assert [fields[key].shown for key in ("cores", "memory", "walltime", "gpus")] == ["1 core", "4 GB", "01:00:00", "None"]
    assert form({"cores": "many", "memory": "500M"})["cores"].shown == "many"
    assert form()["reservation"].shown == "no reservation"


def test_untouched_form_can_be_sent() -> None:
    """What a browser posts if only Start is pressed is the user's default request."""
    for changes in ({}, TWO_TYPES, {"associations": None}, {"partitions": (cpu_partition(),)}, {"reservations": (reservation(),)}):
        offered = choices(**changes)
        posted = {field.key: [field.value] for field in form_fields(offered, default_values(offered), {})}
        assert resolve_request(read_form(posted), offered) == resolve_request({}, offered)


def test_form_without_partitions() -> None:
    """Where there is nothing to choose from, there is no form."""
    with pytest.raises(NoAccount):
        form(partitions=())


def test_selects() -> None:
    """Names are chosen from lists; None is the first reservation, with the empty value; the default stands selected."""
    fields = form(reservations=(reservation(), reservation("lab")))
    assert labels(fields["reservation"]) == [("", "None"), ("course", "course"), ("lab", "lab")]
    assert labels(fields["account"]) == [("cin_ada", "cin_ada"), ("cin_extra", "cin_extra")]
    assert labels(fields["partition"]) == [("g100_int", "g100_int"), ("g100_cpu", "g100_cpu")]
    assert labels(fields["release"]) == [("2026.10", "Release 2026.10"), ("2024.04", "Release 2024.04")]
    assert labels(fields["interface"]) == [("lab", "JupyterLab"), ("notebook", "Jupyter Notebook"), ("terminal", "Terminal")]
    for field in fields.values():
        if field.options:
            assert [option.value for option in field.options if option.selected] == [field.value]


def test_two_users_see_their_own() -> None:
    """Nobody's form names another's account."""
    assert labels(form(user="grace")["account"]) == [("cin_grace", "cin_grace")]


def test_no_account_field_without_accounting() -> None:
    """Where the site keeps no accounts, there is no such field; elsewhere there is."""
    assert "account" not in form(associations=None)
    assert "account" in form()


@pytest.mark.parametrize(
    ("values", "changes", "options", "selected", "kind", "words"),
    [
        pytest.param({}, {}, [("0", "None"), ("1", "1 × V100"), ("2", "2 × V100")], "0", "buttons", "At most 2 on one node.", id="one-type"),
        pytest.param({}, {"partitions": (partition(),)}, [("0", "None"), ("1", "1 × V100"), ("2", "2 × V100")], "0", "buttons", "At most 2 on one node.", id="one-partition"),
        pytest.param({"gpus": "2"}, {}, None, "2", "buttons", None, id="typed"),
        pytest.param({"gpus": "v100:2"}, {}, None, "2", "buttons", None, id="typed-with-the-only-type"),
        pytest.param({"gpus": "9"}, {}, None, "0", "buttons", None, id="not-offered"),
        pytest.param({"gpus": "x:y:z"}, {}, None, "0", "buttons", None, id="not-readable"),
        pytest.param({}, TWO_TYPES, [("0", "None"), *[(f"a100:{n}", f"{n} × A100") for n in range(1, 5)], *[(f"v100:{n}", f"{n} × V100") for n in (1, 2)]], "0", "select", "At most 2 × V100 on one node.", id="two-types"),
        pytest.param({}, {"nodes": (node(gres="gpu:2"),), "partitions": (partition(nodes=("g001",)),)}, [("0", "None"), ("1", "1"), ("2", "2")], "0", "buttons", "At most 2 on one node.", id="untyped"),
        pytest.param({}, {"partitions": (cpu_partition(),)}, [("0", "None")], "0", "buttons", "There are no GPUs here.", id="no-gpus"),
        pytest.param({}, {"fields": {"gpus": {"maximum": 1}}, "partitions": (partition(),)}, [("0", "None"), ("1", "1 × V100")], "0", "buttons", "At most 1 on one node.", id="maximum"),
        pytest.param({}, {"fields": {"gpus": {"choices": ["v100:1"]}}, "partitions": (partition(),)}, [("v100:1", "1 × V100")], "v100:1", "buttons", "At most 1 × V100 on one node.", id="choices"),
    ],
)  # fmt: skip
def test_gpus(values: dict[str, Any], changes: dict[str, Any], options: Any, selected: str, kind: str, words: str | None) -> None:
    """Few values are buttons, many a list; the type is named; a value that is not offered is not invented."""
    field = form(values, **changes)["gpus"]
    assert (field.value, field.kind) == (selected, kind)
    if options is not None:
        assert labels(field) == options
        assert field.range == words


@pytest.mark.parametrize(
    ("key", "changes", "words"),
    [
        pytest.param("cores", {}, "1 to 48. If all are taken, up to 5 sessions share a core.", id="cores"),
        pytest.param("cores", {"partitions": (partition(),)}, "1 to 48. If all are taken, up to 5 sessions share a core.", id="cores-shared-everywhere"),
        pytest.param("cores", {"partitions": (cpu_partition(),)}, "1 to 48.", id="cores-not-shared"),
        pytest.param("cores", {"partitions": (partition(max_cores_per_node=24, oversubscribe="NO", oversubscribe_count=1), cpu_partition())}, "1 to 24.", id="cores-of-the-chosen-partition"),
        pytest.param("cores", {"fields": {"cores": {"minimum": 2, "maximum": 8}}, "partitions": (cpu_partition(),)}, "2 to 8.", id="cores-bounds"),
        pytest.param("cores", {"fields": {"cores": {"choices": [2, 4]}}}, "One of: 2, 4. If all are taken, up to 5 sessions share a core.", id="cores-choices"),
        pytest.param("memory", {}, "At most 366.5 GB.", id="memory"),
        pytest.param("memory", {"partitions": (partition(max_memory_mb_per_node=8192), cpu_partition())}, "At most 8 GB.", id="memory-of-the-chosen-partition"),
        pytest.param("memory", {"fields": {"memory": {"maximum": "64G"}}}, "At most 64 GB.", id="memory-bound"),
        pytest.param("memory", {"fields": {"memory": {"choices": ["2G", "8G"]}}}, "One of: 2 GB, 8 GB.", id="memory-choices"),
        pytest.param("walltime", {}, "At most 8 h.", id="time-of-the-chosen-partition"),
        pytest.param("walltime", {"partitions": (partition(),)}, "At most 8 h.", id="time"),
        pytest.param("walltime", {"partitions": (partition(max_minutes=None),)}, "No limit.", id="time-without-limit"),
        pytest.param("walltime", {"fields": {"walltime": {"maximum": "4h"}}}, "At most 4 h.", id="time-bound"),
        pytest.param("walltime", {"fields": {"walltime": {"choices": ["1h", "2h"]}}}, "One of: 1 h, 2 h.", id="time-choices"),
        pytest.param("cores", {"partitions": (partition(oversubscribe_count=2),)}, "1 to 48. If all are taken, up to 2 sessions share a core.", id="cores-shared-by-two"),
        pytest.param("memory", {"fields": {"memory": {"minimum": "2G"}}}, "2 GB to 366.5 GB.", id="memory-minimum"),
        pytest.param("memory", {"fields": {"memory": {"minimum": "2M"}}}, "2 MB to 366.5 GB.", id="least-memory-minimum"),
        pytest.param("walltime", {"fields": {"walltime": {"minimum": "1h"}}}, "1 h to 8 h.", id="time-minimum"),
        pytest.param("walltime", {"fields": {"walltime": {"minimum": "1m"}}}, "At most 8 h.", id="no-real-minimum"),
        pytest.param("account", {}, "", id="a-name-has-none"),
    ],
)  # fmt: skip
def test_range_in_words(key: str, changes: dict[str, Any], words: str) -> None:
    """Each number has its range in words, that of the chosen partition."""
    assert form(**changes)[key].range == words


@pytest.mark.parametrize(
    ("changes", "bounds"),
    [
        pytest.param({}, (1, 48), id="slurms"),
        pytest.param({"fields": {"cores": {"minimum": 2, "maximum": 8}}}, (2, 8), id="the-admins"),
        pytest.param(
            {"partitions": (partition(max_cores_per_node=24), cpu_partition(max_cores_per_node=12))}, (1, 24), id="largest-partition"
        ),
    ],
)
def test_bounds_of_the_number_of_cores(changes: dict[str, Any], bounds: tuple[int, int]) -> None:
    """The widget goes as far as the largest partition; the others have no such bounds."""
    fields = form(**changes)
    assert (fields["cores"].minimum, fields["cores"].maximum) == bounds
    assert {(field.minimum, field.maximum) for field in fields.values() if field.key != "cores"} == {(None, None)}


@pytest.mark.parametrize(
    ("values", "key", "shown"),
    [
        pytest.param({"cores": "lots"}, "cores", "lots", id="cores-as-typed"),
        pytest.param({"memory": "8 parsecs"}, "memory", "8 parsecs", id="memory-as-typed"),
        pytest.param({"memory": "16G"}, "memory", "16", id="memory-in-the-fields-unit"),
        pytest.param({"memory": "1536M"}, "memory", "1536M", id="memory-in-MB"),
        pytest.param({"walltime": "soon"}, "walltime", "soon", id="time-as-typed"),
        pytest.param({"cores": 4}, "cores", "4", id="number"),
        pytest.param({"account": "cin_other"}, "account", "cin_ada", id="a-name-that-is-not-offered"),
        pytest.param({"reservation": "gone"}, "reservation", "", id="a-reservation-that-is-over"),
        pytest.param({"reservation": "lab"}, "reservation", "lab", id="a-reservation"),
        pytest.param({"interface": ["lab"]}, "interface", "lab", id="a-value-of-another-kind"),
    ],
)
def test_values_are_kept_as_typed(values: dict[str, Any], key: str, shown: str) -> None:
    """What was typed stands there again; in a list, where it is one of the list."""
    assert form(values, reservations=(reservation(), reservation("lab")))[key].value == shown


def test_errors_stand_at_their_fields() -> None:
    """The field at fault has its sentence, no other has one."""
    fields = form(errors={"cores": "Number of cores: too many."})
    assert {key: field.error for key, field in fields.items() if field.error} == {"cores": "Number of cores: too many."}


def test_the_admins_words_and_locks() -> None:
    """Label and help can be changed, a field locked or hidden; the others stay."""
    fields = form(
        fields={
            "account": {"label": "Project", "help": "Ask your PI."},
            "cores": {"default": 4, "locked": True},
            "interface": {"hidden": True},
            "reservation": {"default": "course", "locked": True},
        },
        reservations=(reservation(), reservation("lab")),
    )
    assert (fields["account"].label, fields["account"].help) == ("Project", "Ask your PI.")
    assert "interface" not in fields
    assert [key for key, field in fields.items() if field.locked] == ["cores", "reservation"]
    assert fields["cores"].value == "4"
    assert labels(fields["reservation"]) == [("course", "course")]


def test_reservations_to_come_are_shown_and_cannot_be_chosen() -> None:
    """With the time at which they begin, after those that can be."""
    later = reservation("later", start=NOW + HOUR, end=NOW + 9 * HOUR)
    options = form(reservations=(reservation(), later))["reservation"].options
    assert [(option.value, option.disabled) for option in options] == [("", False), ("course", False), ("later", True)]
    assert options[2].label == f"later (begins {moment_in_words(NOW + HOUR, NOW)})"


@pytest.mark.parametrize(("gpus", "kind"), [(MAX_BUTTONS - 1, "buttons"), (MAX_BUTTONS, "select")])
def test_few_gpus_are_buttons(gpus: int, kind: str) -> None:
    """None counts as one of them."""
    assert form(nodes=(node("g001", gres=f"gpu:v100:{gpus}"),), partitions=(partition(nodes=("g001",)),))["gpus"].kind == kind


def test_a_number_of_gpus_of_any_type() -> None:
    """Where there are several types, and the admin lets people ask for any."""
    found = form(**TWO_TYPES, fields={"gpus": {"choices": ["0", "1", "v100:2"]}})["gpus"]
    assert labels(found) == [("0", "None"), ("v100:2", "2 × V100")]
    only_any = form(**TWO_TYPES, fields={"gpus": {"choices": ["1", "2"]}})["gpus"]
    assert labels(only_any) == [("1", "1 of any type"), ("2", "2 of any type")]


def test_the_widgets_of_text() -> None:
    """Memory and time are typed; nothing else is said of them than their range."""
    fields = form()
    assert {key: field.kind for key, field in fields.items()} == {
        **dict.fromkeys(("reservation", "account", "partition"), "select"),
        "interface": "buttons",
        "release": "buttons",
        "cores": "number",
        "gpus": "buttons",
        "memory": "text",
        "walltime": "text",
    }
    assert (fields["memory"].options, fields["walltime"].value) == ((), "01:00:00")


@pytest.mark.parametrize(
    ("options", "key", "shown"),
    [
        pytest.param({"memory": "8G"}, "memory", "8", id="memory-in-the-fields-unit"),
        pytest.param({"memory": "1536M"}, "memory", "1536M", id="memory-in-MB"),
        pytest.param({"cores": 4}, "cores", "4", id="number"),
        pytest.param({"walltime": "90m"}, "walltime", "01:30:00", id="time"),
        pytest.param({"partition": "projectG"}, "partition", "projectG", id="a-name-that-ends-like-a-unit"),
        pytest.param({}, "preset", "", id="nothing"),
    ],
)
def test_values_as_the_form_shows_them(options: dict[str, Any], key: str, shown: str) -> None:
    """As a person would type them there."""
    assert shown_value(parse_request(options), key, choices()) == shown


def test_name_and_colour_of_the_admins() -> None:
    """With the admin's words, the user's value and what is wrong with it; else with our own words."""
    offered = choices(fields={"name": {"label": "Title", "help": "Be short."}})
    name, color = appearance_fields(offered, {"name": "Folding"}, {"color": "Colour: no."})
    assert name == FormField("name", "Title", "Be short.", "text", "Folding")
    assert (color.key, color.label, color.help, color.kind, color.value) == (
        "color",
        "Colour",
        "Shown beside the name wherever the session is.",
        "colors",
        "",
    )
    assert (color.error, color.options[0].label, color.options[0].selected) == ("Colour: no.", "No colour", True)
    assert [option.value for option in color.options[1:]] == list(COLORS.values())


def test_hidden_fields_of_the_look_do_not_hide_the_others() -> None:
    """The first as little as the last."""
    assert [field.key for field in appearance_fields(choices(fields={"name": {"hidden": True}}), {}, {})] == ["color"]


def test_a_place_that_is_none_has_the_buttons_of_the_default() -> None:
    """An old link names a partition that is gone: the rows of buttons stay, so that the page has the same parts."""
    plain, astray = form(), form({"partition": "gone", "cores": "'><b>"})
    assert {key: field.useful for key, field in astray.items()} == {key: field.useful for key, field in plain.items()}
    assert astray["cores"].useful
