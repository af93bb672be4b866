"""What programs are told of partitions, and which login node an admin may name."""

from __future__ import annotations

from dataclasses import replace

import pytest
from traitlets import TraitError

from spawner.availability.table import Availability, availability
from spawner.hub.apihandlers.partitions import partitions_answer
from spawner.hub.settings.form import FormSettings
from tests.support.builders import NOW, choices, cpu_partition, demo_nodes, node, partition


def test_partitions() -> None:
    """The default one, the largest session, what is free on all nodes together that can be used, and why one is closed."""
    nodes = [node("g001", used="gpu:v100:1"), node("g002"), node("g003", state="down"), *demo_nodes()[-1:]]
    mine = replace(choices(nodes=nodes), closed={"g100_cpu": "Firmware."})
    found = {entry["name"]: entry for entry in partitions_answer(mine, availability(nodes, (partition(), cpu_partition()), (), now=NOW))}
    own = found["g100_int"]
    assert (own["default"], own["closed"], own["accounts"]) == (True, "", ["cin_ada", "cin_extra"])
    assert (own["nodes_usable"], own["gpus_free"], own["most"]["gpus"]) == (2, {"v100": 3}, {"v100": 2})
    assert own["cores_free"] == nodes[0].cores_schedulable + nodes[1].cores_schedulable
    assert (found["g100_cpu"]["default"], found["g100_cpu"]["closed"]) == (False, "Firmware.")


def test_what_is_not_known_is_not_none_free() -> None:
    """Of a partition that the state of the cluster does not have."""
    (first, *_others) = partitions_answer(choices(), Availability((), ()))
    assert (first["nodes_usable"], first["cores_free"], first["gpus_free"]) == (None, None, None)


@pytest.mark.parametrize("host", ["", "login.example.org", "login-1", "192.0.2.1", "fd00::1", "a"])
def test_login_hosts(host: str) -> None:
    assert FormSettings(login_host=host).login_host == host


@pytest.mark.parametrize("host", ["-oProxyCommand=x", "ada@login", "a b", "login/", "login;x", "login.", "ü"])
def test_no_login_hosts(host: str) -> None:
    with pytest.raises(TraitError, match="name or address of a host"):
        FormSettings(login_host=host)
