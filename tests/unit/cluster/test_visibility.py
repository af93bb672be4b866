"""What the SlurmCluster makes of answers in which Slurm leaves out what the Hub's user may not see (PrivateData). In virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from spawner.accounting.entitlement import Entitlement
from spawner.cluster.cluster import SlurmCluster
from spawner.cluster.hub_user import HubUser
from spawner.errors import SlurmDenied
from spawner.slurm.commands import show_accounting_config
from spawner.slurm.runner import Identity
from tests.support import fake_slurm
from tests.support.fake_slurm import FakeSlurm
from tests.support.session_rig import make_cluster, virtually


class Somebody(HubUser):
    """A Hub that is not root."""

    uid, name = 12345, "hub"  # type: ignore[assignment]


class Root(HubUser):
    """A Hub that is root."""

    uid, name = 0, "root"  # type: ignore[assignment]


class PrivateSlurm(FakeSlurm):
    """A Slurm that shows accounts to nobody but operators; ``operators`` are names of such."""

    def __init__(self, private_data: str = "none", database: str = "none", operators: Sequence[str] = ()) -> None:
        super().__init__(asyncio.get_running_loop())
        self.private_data, self.database_private_data, self.operators = private_data, database, operators
        self.asked: list[tuple[str, ...]] = []

    def _answer(self, argv: Sequence[str], identity: Identity | None) -> tuple[int, str, str]:
        self.asked.append(tuple(argv))
        shown = "users" not in self.database_private_data or self.operators
        if "user" in argv:
            return 0, "".join(f"{name}|base|Operator\n" for name in self.operators) + (fake_slurm.USERS if shown else ""), ""
        if "association" in argv and not shown:
            return 0, "", ""
        if "assoc_mgr" in argv and not self.operators and {"users", "usage"} & set(self.private_data.split(",")):
            return 1, "", "slurm_load_assoc_mgr_info error: Unspecified error"
        if "node" in argv and "nodes" in self.private_data:
            return 1, "", "slurm_load_node error: Access/permission denied"
        return super()._answer(argv, identity)


def cluster_of(slurm: FakeSlurm, hub_user: HubUser | None = None) -> SlurmCluster:
    """The cluster as this Hub has it."""
    return make_cluster(slurm, hub_user=hub_user or Somebody())


async def own(slurm: FakeSlurm, hub_user: HubUser | None = None, user: str = "ada") -> Entitlement:
    """What the user may choose."""
    return await cluster_of(slurm, hub_user).entitlement(user)


@pytest.mark.parametrize(
    ("private_data", "database", "operators", "expected"),
    [
        pytest.param("none", "none", (), (True, False, True), id="nothing-private"),
        pytest.param("none", "users", (), (True, False, False), id="slurmctld-knows"),
        pytest.param("users", "users", (), (False, True, False), id="nobody-tells"),
        pytest.param("usage", "accounts,users", (), (False, True, False), id="usage-hides-it-too"),
        pytest.param("users", "users", ("hub",), (True, False, True), id="operator"),
        pytest.param("accounts", "accounts", (), (True, False, True), id="definitions-of-accounts-only"),
    ],
)
def test_whose_accounts_are_known(private_data: str, database: str, operators: Sequence[str], expected: tuple[bool, ...]) -> None:
    """Hidden accounts are unknown: slurmctld is asked instead, and where that hides them too nobody is without an account."""

    async def scenario() -> None:
        found = await own(PrivateSlurm(private_data, database, operators))
        assert (bool(found.accounts), found.accounts_hidden, found.limits_known) == expected
        assert found.partitions
        assert not found.accounts_stale

    virtually(scenario)


def test_root_is_shown_everything() -> None:
    """A Hub that is root, or SlurmUser, asks no more than before, whatever is private."""

    async def scenario() -> None:
        slurm = PrivateSlurm("users,jobs,reservations", "none")
        cluster = cluster_of(slurm, Root())
        assert (await cluster.entitlement("ada")).limits_known
        assert await cluster.visibility.hidden() == frozenset()
        assert await cluster.visibility.what_to_change() == ""
        assert show_accounting_config() not in slurm.asked

    virtually(scenario)


@pytest.mark.parametrize(
    ("private_data", "database", "operators", "words"),
    [
        pytest.param("none", "none", (), "", id="nothing"),
        pytest.param("jobs,reservations", "none", (), "reservations in slurm.conf", id="slurm.conf"),
        pytest.param("none", "users", (), "users in slurmdbd.conf", id="slurmdbd.conf"),
        pytest.param("jobs,users", "users", ("hub",), "", id="operator"),
    ],
)
def test_what_the_admin_is_told(private_data: str, database: str, operators: Sequence[str], words: str) -> None:
    """What is hidden from this Hub, and nothing where it is an operator."""

    async def scenario() -> None:
        sentence = await cluster_of(PrivateSlurm(private_data, database, operators)).visibility.what_to_change()
        assert words in sentence
        assert bool(sentence) == bool(words)

    virtually(scenario)


def test_hidden_nodes() -> None:
    """Without nodes there is no form: the user is told whom to ask, the log what to change."""

    async def scenario() -> None:
        with pytest.raises(SlurmDenied) as told:
            await own(PrivateSlurm("nodes"))
        assert "Ask the support" in told.value.sentence
        assert "AdminLevel=Operator" in told.value.log

    virtually(scenario)


@pytest.mark.parametrize(("private_data", "hides"), [("jobs", True), ("reservations", True), ("users,usage", False), ("none", False)])
def test_what_comes_first(private_data: str, hides: bool) -> None:
    """Hidden jobs and reservations may stand in front: the forecast knows that it does not know them."""

    async def scenario() -> None:
        forecast = await cluster_of(PrivateSlurm(private_data)).forecast()
        assert forecast.hides_what_comes_first == hides
        assert forecast.knows_jobs == (private_data != "jobs")

    virtually(scenario)


@pytest.mark.parametrize(("private_data", "known"), [("usage", False), ("users", False), ("jobs", True)])
def test_what_others_hold(private_data: str, known: bool) -> None:
    """Of shared limits whose use is hidden it is not known what is left."""

    async def scenario() -> None:
        slurm = PrivateSlurm(private_data)
        found = await own(slurm)
        assert found.limits_known
        assert found.holdings_known == known

    virtually(scenario)


@pytest.mark.parametrize(("states", "asked"), [(("IDLE+CLOUD+POWERING_UP", "IDLE+CLOUD"), 2), (("IDLE+CLOUD", "IDLE+CLOUD"), 1)])
def test_the_address_of_a_node_that_boots(states: tuple[str, str], asked: int) -> None:
    """A node of a cloud may get its address while it boots: what was said of it before does not count."""

    async def scenario() -> None:
        slurm = BootingSlurm(states)
        cluster = cluster_of(slurm)
        await cluster.nodes.get()
        assert await cluster.node_address("c1") == ("10.0.0.2" if asked == 2 else "10.0.0.1")
        assert slurm.number == asked

    virtually(scenario)


class BootingSlurm(PrivateSlurm):
    """A Slurm with one node, in these states one after the other, whose address changes."""

    def __init__(self, states: Sequence[str]) -> None:
        super().__init__()
        self.states, self.number = states, 0

    def _answer(self, argv: Sequence[str], identity: Identity | None) -> tuple[int, str, str]:
        if "node" not in argv:
            return super()._answer(argv, identity)
        self.number += 1
        shown = f"NodeName=c1 CoresPerSocket=1 CPUAlloc=0 CPUTot=8 NodeAddr=10.0.0.{self.number} RealMemory=1000 AllocMem=0 "
        return 0, shown + f"State={self.states[self.number - 1]} ThreadsPerCore=1\n", ""
