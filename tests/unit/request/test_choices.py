"""What one user may choose: Slurm's answer, narrowed by the admin."""

from __future__ import annotations

from typing import Any

import pytest

from spawner.request.model import parse_request
from tests.support.builders import HOUR, NOW, choices, cpu_partition, partition, reservation


def names(entries: Any) -> list[str]:
    """The names of partitions, reservations or interfaces."""
    return [entry.name for entry in entries]


# --- narrowing ----------------------------------------------------------------------------------------------------------------


def test_nothing_narrowed() -> None:
    """Without configuration the choices are Slurm's and the catalogue's."""
    offered = choices(reservations=(reservation(),))
    assert names(offered.partitions) == ["g100_int", "g100_cpu"]
    assert offered.accounts == ("cin_ada", "cin_extra")
    assert offered.reservation_values == ("", "course")
    assert [release.tag for release in offered.releases] == ["2026.10", "2024.04"]
    assert names(offered.interfaces()) == ["lab", "notebook", "terminal"]


@pytest.mark.parametrize("setting", [{"choices": ["VALUE", "not-there"]}, {"default": "VALUE", "locked": True}], ids=["choices", "locked"])
def test_names_are_narrowed(setting: dict[str, Any]) -> None:
    """Choices and a lock leave what they name and what Slurm offers; they add nothing."""

    def narrowed(value: str) -> dict[str, Any]:
        return {key: [value, "not-there"] if key == "choices" else (value if key == "default" else entry) for key, entry in setting.items()}

    values = {"partition": "g100_cpu", "account": "cin_extra", "reservation": "course", "release": "2024.04", "interface": "lab"}
    offered = choices(fields={name: narrowed(value) for name, value in values.items()}, reservations=(reservation(), reservation("other")))
    assert names(offered.partitions) == ["g100_cpu"]
    assert offered.accounts == ("cin_extra",)
    assert names(offered.reservations) == ["course"]
    assert [release.tag for release in offered.releases] == ["2024.04"]
    assert names(offered.interfaces()) == ["lab"]


@pytest.mark.parametrize(
    ("fields", "values"),
    [
        pytest.param({}, ("", "course", "other"), id="free"),
        pytest.param({"reservation": {"choices": ["other"]}}, ("", "other"), id="none-and-the-choices"),
        pytest.param({"reservation": {"default": "course"}}, ("", "course", "other"), id="preset"),
        pytest.param({"reservation": {"default": "course", "locked": True}}, ("course",), id="locked"),
        pytest.param({"reservation": {"default": "", "locked": True}}, ("",), id="locked-to-none"),
        pytest.param({"reservation": {"default": "gone", "locked": True}}, (), id="locked-to-one-that-is-over"),
    ],
)
def test_reservation_values(fields: dict[str, Any], values: tuple[str, ...]) -> None:
    """None can be chosen unless the admin has locked the field to a reservation."""
    assert choices(fields=fields, reservations=(reservation(), reservation("other"))).reservation_values == values


def test_no_accounts_is_not_an_empty_list() -> None:
    """Where the site keeps no accounts, there is nothing to choose from, which differs from having none."""
    assert choices(associations=None).accounts is None
    assert choices("nobody").accounts == ()


def test_interfaces_of_a_release() -> None:
    """Each release has its own; all of them together without repetition."""
    offered = choices()
    assert [names(offered.interfaces(release)) for release in offered.releases] == [["lab", "notebook", "terminal"], ["lab"]]


@pytest.mark.parametrize(
    ("fields", "bound"),
    [
        pytest.param({}, (1, 48), id="slurms"),
        pytest.param({"cores": {"minimum": 2, "maximum": 24}}, (2, 24), id="the-admins"),
    ],
)
def test_bound(fields: dict[str, Any], bound: tuple[int, int]) -> None:
    """The admin's bound where there is one."""
    offered = choices(fields=fields)
    assert (offered.bound("cores", "minimum", 1), offered.bound("cores", "maximum", 48)) == bound


# --- time ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "entry", "options", "limit", "why"),
    [
        pytest.param({}, {}, {"partition": "g100_int"}, 480, "of partition g100_int", id="partition"),
        pytest.param({}, {}, {"partition": "g100_cpu"}, 1440, "of partition g100_cpu", id="another-partition"),
        pytest.param({}, {}, {"partition": "open"}, None, "", id="no-limit"),
        pytest.param({"walltime": {"maximum": "4h"}}, {}, {"partition": "g100_int"}, 240, "of this service", id="service"),
        pytest.param(
            {"walltime": {"maximum": "9h"}}, {}, {"partition": "g100_int"}, 480, "of partition g100_int", id="service-above-partition"
        ),
        pytest.param({"walltime": {"maximum": "9h"}}, {}, {"partition": "open"}, 540, "of this service", id="service-alone"),
        pytest.param({}, {}, {"partition": "g100_int", "reservation": "course"}, 120, "until reservation course ends", id="reservation"),
        pytest.param(
            {}, {"end": NOW + 90}, {"reservation": "course", "partition": "open"}, 1, "until reservation course ends", id="whole-minutes"
        ),
        pytest.param(
            {}, {"end": NOW + 10}, {"reservation": "course", "partition": "open"}, 0, "until reservation course ends", id="seconds-left"
        ),
        pytest.param(
            {},
            {"end": NOW + 99 * HOUR},
            {"reservation": "course", "partition": "g100_int"},
            480,
            "of partition g100_int",
            id="long-reservation",
        ),
        pytest.param(
            {}, {"flags": frozenset({"FLEX"})}, {"reservation": "course", "partition": "g100_int"}, 480, "of partition g100_int", id="flex"
        ),
    ],
)
def test_walltime_limit(fields: dict[str, Any], entry: dict[str, Any], options: dict[str, Any], limit: int | None, why: str) -> None:
    """The tightest of the partition's limit, the service's, and the end of the reservation, and which one it is."""
    without_limit = cpu_partition("open", max_minutes=None)
    offered = choices(fields=fields, reservations=(reservation(**entry),), partitions=(partition(), cpu_partition(), without_limit))
    assert offered.walltime_limit(parse_request(options)) == (limit, why)
