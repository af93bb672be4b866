"""What the SlurmCluster asks about accounts, QOS and what is held, and what it makes of a missing answer. In virtual time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any

from spawner.accounting.entitlement import Entitlement
from spawner.accounting.limits import Limit
from spawner.cluster.cluster import SlurmCluster
from spawner.slurm.commands import show_holdings, show_qos
from spawner.slurm.runner import Identity, Result
from tests.support import fake_slurm
from tests.support.fake_slurm import FakeSlurm
from tests.support.session_rig import make_cluster, virtually

PLAIN_QOS = fake_slurm.QOS.splitlines()[0] + "\n"
LIMITS = (fake_slurm.FIXTURES / "limits.txt").read_text().replace("demo|", "fake|")
NEWER = "ClusterName=demo Account=cin_staff UserName=grace(1002) Partition= " + next(
    line for line in fake_slurm.HOLDINGS.splitlines() if "UserName=grace" in line
).partition(" Partition= ")[2]  # fmt: skip


class Slurm(FakeSlurm):
    """The fake controller with answers of accounting that can be changed; ``broken`` commands fail, one for a substring of argv."""

    def __init__(self) -> None:
        super().__init__(asyncio.get_running_loop())
        self.associations = fake_slurm.ASSOCIATIONS
        self.holdings = fake_slurm.HOLDINGS
        self.qos = PLAIN_QOS
        self.asked: list[str] = []
        self.broken: set[str] = set()

    def _answer(self, argv: Sequence[str], identity: Identity | None) -> tuple[int, str, str]:
        topic = next((word for word in ("association", "assoc_mgr", "qos", "config", "user") if word in argv), argv[-1])
        self.asked.append(topic)
        if topic in self.broken:
            return 1, "", "sacctmgr: error: Connection refused"
        if topic == "association":
            return 0, self.associations, ""
        if topic == "assoc_mgr":
            return 0, self.holdings, ""
        if topic == "qos":
            return 0, self.qos, ""
        return super()._answer(argv, identity)


async def ask(cluster: SlurmCluster, user: str = "ada", **options: Any) -> Entitlement:
    """What the user may choose."""
    return await cluster.entitlement(user, **options)


def test_what_is_held_is_asked_only_where_it_matters() -> None:
    """Without a shared limit nobody asks; with one, once for all users, until it is out of date."""

    async def scenario() -> None:
        slurm = Slurm()
        cluster = make_cluster(slurm)
        for _ in range(3):
            await ask(cluster)
            await asyncio.sleep(130)
        assert "assoc_mgr" not in slurm.asked
        slurm.associations = LIMITS
        cluster.accounting.expire()
        for user in ("ada", "grace", "ada"):
            await ask(cluster, user)
        assert slurm.asked.count("assoc_mgr") == 1
        await asyncio.sleep(cluster.holdings_interval + 1)
        await ask(cluster)
        assert slurm.asked.count("assoc_mgr") == 2

    virtually(scenario)


def test_limits_and_what_is_held_reach_the_entitlement() -> None:
    """By the QOS that the job runs under, and the user's numeric id."""

    async def scenario() -> None:
        slurm = Slurm()
        slurm.associations, slurm.qos = LIMITS, fake_slurm.QOS
        cluster = make_cluster(slurm)
        known = cluster.users.member

        async def member(user: str) -> Any:
            found = await known(user)
            return type(found)(Identity(user, 1001, 1001, "/", "/bin/sh", ()), found.groups)

        cluster.users.member = member  # type: ignore[method-assign]
        own = await ask(cluster)
        rules = own.partitions[0].rules_for("cin_train")
        assert rules.qos == "shared"
        assert Limit("cores", 5, "QOS shared", "user", held=4) in rules.limits
        own = await ask(cluster, job_qos="interactive")
        assert own.partitions[0].rules_for("cin_train").qos == "interactive"

    virtually(scenario)


def test_no_answer_about_what_is_held_takes_nothing_off() -> None:
    """The limits hold, and nobody waits on account of a guess."""

    async def scenario() -> None:
        slurm = Slurm()
        slurm.associations, slurm.qos = LIMITS, fake_slurm.QOS
        slurm.broken = {"assoc_mgr"}
        own = await ask(make_cluster(slurm))
        limits = own.partitions[0].rules_for("cin_train").limits
        assert Limit("cores", 5, "QOS shared", "user") in limits
        assert not any(limit.held for limit in limits)

    virtually(scenario)


def test_a_newer_association_makes_slurmdbd_asked_again() -> None:
    """slurmctld has an association that slurmdbd's last answer lacks: it is asked again, once, and the user has the account at once."""

    async def scenario() -> None:
        slurm = Slurm()
        slurm.associations = LIMITS
        cluster = make_cluster(slurm)
        assert (await ask(cluster, "grace")).accounts == ("cin_train",)
        slurm.associations = LIMITS + "fake|cin_staff|||normal||cineca" + "|" * 11 + "\nfake|cin_staff|grace||normal||" + "|" * 11 + "\n"
        slurm.holdings += NEWER + "\n"
        await asyncio.sleep(cluster.holdings_interval + 1)
        assert (await ask(cluster, "grace")).accounts == ("cin_staff", "cin_train")
        asked = slurm.asked.count("association")
        assert asked == 2
        # One that slurmdbd never tells of does not make it asked for ever.
        slurm.holdings += NEWER.replace("cin_staff", "hidden") + "\n"
        for _ in range(3):
            await asyncio.sleep(cluster.holdings_interval + 1)
            await ask(cluster, "grace")
        assert slurm.asked.count("association") == asked + 1

    virtually(scenario)


def test_who_has_no_association_yet_is_looked_for_in_slurmctld() -> None:
    """A site without shared limits: a newcomer's first association shows up before slurmdbd would be asked again."""

    async def scenario() -> None:
        slurm = Slurm()
        cluster = make_cluster(slurm)
        slurm.holdings = fake_slurm.HOLDINGS.replace("cin_train", "cin_staff")
        assert (await ask(cluster, "eve")).accounts == ()
        assert slurm.asked.count("assoc_mgr") == 1

    virtually(scenario)


def test_slurmdbd_away() -> None:
    """The last answer counts, with its date; the form says so. Without any answer there is none."""

    async def scenario() -> None:
        slurm = Slurm()
        cluster = make_cluster(slurm)
        before = await ask(cluster)
        assert not before.accounts_stale
        slurm.broken = {"association"}
        await asyncio.sleep(cluster.accounting_interval + 1)
        after = await ask(cluster)
        assert (after.accounts, after.accounts_as_of, after.accounts_stale) == (before.accounts, before.accounts_as_of, True)

    virtually(scenario)


def test_a_job_that_comes_or_goes_makes_what_is_held_old() -> None:
    """But not more often than the nodes are asked for."""

    async def scenario() -> None:
        slurm = Slurm()
        slurm.associations = LIMITS
        cluster = make_cluster(slurm)
        identity = Identity("ada", 1001, 1001, "/", "/bin/sh", ())
        await ask(cluster)
        await cluster.submit(("sbatch", "--comment=x"), "", {}, identity)
        await ask(cluster)
        assert slurm.asked.count("assoc_mgr") == 1
        await asyncio.sleep(cluster.nodes_interval + 1)
        await cluster.submit(("sbatch", "--comment=x"), "", {}, identity)
        await ask(cluster)
        assert slurm.asked.count("assoc_mgr") == 2

    virtually(scenario)


def test_the_questions_are_those_of_commands() -> None:
    """The fake answers what is really asked."""

    async def scenario() -> None:
        slurm = Slurm()
        results: list[Result] = [await slurm.run(argv) for argv in (show_qos(), show_holdings())]
        assert [result.stdout for result in results] == [PLAIN_QOS, fake_slurm.HOLDINGS]

    virtually(scenario)


def test_slurmdbd_has_never_answered() -> None:
    """A Hub that starts while slurmdbd is away has the accounts from slurmctld, says that they are old, and asks again within a minute."""

    async def scenario() -> None:
        slurm = Slurm()
        known_to_slurmctld = tuple(sorted(set(re.findall(r"Account=(\w+) UserName=ada\(", slurm.holdings))))
        assert known_to_slurmctld
        slurm.broken = {"association", "qos", "user"}
        cluster = make_cluster(slurm)
        own = await ask(cluster)
        assert own.accounts == known_to_slurmctld
        assert own.accounts_stale
        assert [partition.name for partition in own.partitions] == ["g100_int", "g100_cpu"]
        slurm.broken = set()
        await asyncio.sleep(61)
        own = await ask(cluster)
        assert (own.accounts, own.default_account, own.accounts_stale) == (("cin_staff", "cin_train"), "cin_staff", False)

    virtually(scenario)
