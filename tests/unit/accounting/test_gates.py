"""What a partition asks for beside resources: hosts that jobs come from, a QOS to be named, licences of the admin's options."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from spawner.accounting.entitlement import Entitlement, entitlement
from spawner.accounting.qos import AccountingData, AccountingRecords
from spawner.advice.verdict import verdict
from spawner.availability.forecast import ClusterForecast
from spawner.availability.licenses import MissingLicense, licenses_of, missing
from spawner.cluster.submit_hosts import SubmitHosts
from spawner.request.model import parse_request
from spawner.slurm.model import Association, License, Qos
from tests.support.builders import NOW, demo_nodes, partition


def own(
    *,
    allow: Sequence[str] | None = None,
    deny: Sequence[str] | None = None,
    forced: str = "",
    hosts: Sequence[str] | None = None,
    alloc: str = "",
) -> Entitlement:
    """What ada may choose, who has the QOS normal (by default), high and low, in a partition with these lists."""
    there = partition(
        "p",
        nodes=("g001",),
        allow_qos=None if allow is None else tuple(allow),
        deny_qos=None if deny is None else tuple(deny),
        alloc_nodes=(alloc,) if alloc else None,
    )
    records = AccountingRecords(
        (Association("base"), Association("base", "ada", qos=("normal", "high", "low"), default_qos="normal")),
        (),
        tuple(map(Qos, ("normal", "high", "low", "other"))),
    )
    return entitlement(
        "ada",
        AccountingData(records, job_qos=forced),
        groups=(),
        partitions=[there],
        reservations=(),
        nodes=demo_nodes(),
        now=NOW,
        hosts=hosts,
    )


@pytest.mark.parametrize(
    ("allow", "deny", "forced", "asked"),
    [
        pytest.param(None, None, "", "", id="any"),
        pytest.param(["normal", "high"], None, "", "", id="the-default-is-among-them"),
        pytest.param(["high"], None, "", "high", id="another"),
        pytest.param(["low", "high"], None, "", "low", id="the-first-that-the-partition-names"),
        pytest.param(None, ["normal"], "", "high", id="the-default-is-denied"),
        pytest.param(["other"], None, "", None, id="one-that-the-account-has-not"),
        pytest.param(["high"], None, "low", None, id="the-admins-own-counts"),
        pytest.param(["high"], None, "high", "", id="the-admins-own-is-asked-for-anyway"),
    ],
)
def test_the_qos_that_is_asked_for(allow: Sequence[str] | None, deny: Sequence[str] | None, forced: str, asked: str | None) -> None:
    """The job names a QOS only where it would not be taken without; where none helps the partition is not offered."""
    found = own(allow=allow, deny=deny, forced=forced)
    assert bool(found.partitions) == (asked is not None)
    assert found.qos_to_ask_for("p", "base") == (asked or "")
    assert found.qos_to_ask_for("elsewhere", "base") == ""


@pytest.mark.parametrize(
    ("alloc", "hosts", "offered"),
    [("", ["hub"], True), ("hub", ["hub", "hub.example.org"], True), ("portal01", ["hub"], False), ("portal01", None, True)],
)
def test_hosts_that_may_submit(alloc: str, hosts: Sequence[str] | None, offered: bool) -> None:
    """A partition for jobs of other hosts is not offered; where nobody looks at hosts all are."""
    assert bool(own(alloc=alloc, hosts=hosts).partitions) == offered


async def test_names_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own name with and without the domain, and the one that its address has; what the admin gives counts alone."""
    monkeypatch.setattr("socket.gethostname", lambda: "hub.example.org")
    monkeypatch.setattr("socket.gethostbyname", lambda _name: "192.0.2.1")
    monkeypatch.setattr("socket.gethostbyaddr", lambda _address: ("portal.example.org", [], []))
    assert await SubmitHosts(list).names() == {"hub.example.org", "hub", "portal.example.org", "portal"}
    assert await SubmitHosts(lambda: ["login"]).names() == {"login"}

    def unknown(_address: str) -> None:
        raise OSError

    monkeypatch.setattr("socket.gethostbyaddr", unknown)
    assert await SubmitHosts(list).names() == {"hub.example.org", "hub"}


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        pytest.param([], (), id="none"),
        pytest.param(["--licenses=idl"], (("idl", 1),), id="one"),
        pytest.param(["--licenses=idl:2,ansys@flex:1"], (("idl", 2), ("ansys@flex", 1)), id="several"),
        pytest.param(["--licenses=idl:2", "--licenses=matlab"], (("matlab", 1),), id="the-last-one-counts"),
        pytest.param(["--licenses=idl|matlab"], (), id="one-or-the-other-is-not-understood"),
        pytest.param(["--licenses=idl:0"], (), id="nothing"),
    ],
)
def test_licences_that_are_asked_for(options: list[str], wanted: tuple[tuple[str, int], ...]) -> None:
    """As sbatch reads them."""
    assert licenses_of(options) == wanted


def test_licences_that_are_missing() -> None:
    """Of several the one of which there never are enough; a name that Slurm does not know has none."""
    there = (License("idl", 4, 1), License("matlab", 1, 1))
    assert missing((("idl", 1), ("matlab", 1)), there) is None
    assert missing((("idl", 2),), there) == MissingLicense("idl", 2, 1, 4)
    assert missing((("idl", 2), ("matlab", 2)), there) == MissingLicense("matlab", 2, 1, 1)
    assert missing((("ansys", 1),), there) == MissingLicense("ansys", 1, 0, 0)


@pytest.mark.parametrize(
    ("short", "kind", "words"),
    [
        (None, "now", "Starts now"),
        (MissingLicense("idl", 2, 1, 4), "wait", "2 of licence idl are needed, and 1 of 4 are free"),
        (MissingLicense("idl", 5, 1, 4), "never", "5 of licence idl are needed, and there are 4"),
    ],
)
def test_verdict(short: MissingLicense | None, kind: str, words: str) -> None:
    """Licences count as nodes do."""
    there = partition("p", nodes=("g001",))
    forecast = ClusterForecast(demo_nodes(), (there,), jobs=(), now=NOW, missing_license=short)
    found = verdict(parse_request({"partition": "p", "cores": 1, "memory": "1G", "walltime": "10m", "gpus": 0}), forecast)
    assert (found.kind, words in found.sentence) == (kind, True)
