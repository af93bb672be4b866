"""Names that slurmdbd and slurm.conf write in two ways."""

from __future__ import annotations

import pytest

from spawner.accounting.budget_policy import is_charged
from spawner.accounting.limits import Limit, amounts_of, typed
from spawner.accounting.partition_limits import PartitionLimits
from spawner.accounting.qos import forced_qos
from spawner.availability.demand import Demand
from spawner.request.model import parse_request
from spawner.request.policy import parse_policies
from spawner.request.presets import parse_presets
from spawner.site.audience import Audience, Viewer
from spawner.slurm import scontrol
from spawner.slurm.names import in_accounting


@pytest.mark.parametrize(("written", "kept"), [("HighMem", "highmem"), ("cin_staff", "cin_staff"), ("ÀB-Ü", "Àb-Ü"), ("", "")])
def test_only_ascii_letters_change(written: str, kept: str) -> None:
    """As tolower() in the C locale does it, by which slurmdbd writes names."""
    assert in_accounting(written) == kept


def test_a_partition_names_qos_and_accounts_as_slurmdbd_does() -> None:
    """In scontrol's answer they stand as slurm.conf has them."""
    line = (
        "PartitionName=Open AllowGroups=Staff AllowAccounts=Lab_A AllowQos=HighMem,normal QoS=HighMem MaxTime=1:00:00 Nodes=n1 State=UP\n"
    )
    (partition,) = scontrol.parse_partitions(line)
    assert (partition.name, partition.qos) == ("Open", "highmem")
    assert (partition.allow_accounts, partition.allow_qos) == (("lab_a",), ("highmem", "normal"))
    assert partition.allow_groups == ("Staff",)
    (partition,) = scontrol.parse_partitions(
        line.replace("AllowAccounts=Lab_A AllowQos=HighMem,normal", "DenyAccounts=Lab_A DenyQos=HighMem")
    )
    assert (partition.deny_accounts, partition.deny_qos) == (("lab_a",), ("highmem",))


def test_a_reservation_names_accounts_as_slurmdbd_does() -> None:
    """Users keep their case: to the system two spellings are two users."""
    line = "ReservationName=Lab StartTime=1 EndTime=2 Nodes=n1 NodeCnt=1 CoreCnt=1 Users=Ada Accounts=Base_Lab,-Other Flags= State=ACTIVE\n"
    (reservation,) = scontrol.parse_reservations(line)
    assert (reservation.name, reservation.users, reservation.accounts) == ("Lab", ("Ada",), ("base_lab", "-other"))


def test_a_limit_of_a_type_counts_its_gpus_however_they_are_written() -> None:
    """slurm.conf says V100-SXM2, slurmdbd gres/gpu:v100-sxm2."""
    limit = Limit("gpus:v100-sxm2", 1, "QOS normal", "user")
    assert limit.forbids(amounts_of(Demand(1, 1, "V100-SXM2", 2)))
    assert not limit.forbids(amounts_of(Demand(1, 1, "V100-SXM2", 1)))
    assert typed("gpus", "") == "gpus"


@pytest.mark.parametrize(
    ("gpu_type", "gpus", "enough"), [("V100-SXM2", 1, True), ("v100-sxm2", 2, True), ("", 2, False), ("A100", 2, False), ("", 0, False)]
)
def test_the_least_of_a_type(gpu_type: str, gpus: int, enough: bool) -> None:
    """A job that names no type has none of it."""
    least = Limit("gpus:v100-sxm2", 1, "QOS normal", least=True)
    partition = PartitionLimits(
        name="open",
        is_default=True,
        accounts=(),
        max_cores=1,
        max_memory_mb=1,
        gpus=(("V100-SXM2", 2),),
        max_minutes=None,
        default_minutes=None,
        users_per_core=1,
        reservation_required=False,
        kinds=(),
        least={least.resource: least},
        binding={"gpus:v100-sxm2": Limit("gpus:v100-sxm2", 1, "QOS normal")},
    )
    assert partition.least_gpus_missing(gpu_type, gpus) == (None if enough else least)
    assert partition.gpus_of("V100-SXM2") == 1


def test_what_an_admin_or_user_writes_of_accounts_and_qos() -> None:
    """Any spelling means the one that Slurm has."""
    assert forced_qos(["--qos=HighMem"]) == "highmem"
    assert parse_request({"account": "Cin_Staff"}).account == "cin_staff"
    policy = parse_policies({"account": {"choices": ["Cin_Staff", "b"], "default": "Cin_Staff"}})["account"]
    assert (policy.choices, policy.default) == (("cin_staff", "b"), "cin_staff")
    (preset,) = parse_presets([{"name": "p", "values": {"account": "Cin_Staff"}, "accounts": ["Cin_Staff"]}])
    assert preset.is_for(Viewer(accounts=frozenset({"cin_staff"})))
    assert Audience(accounts=("Cin_Staff",)).admits(Viewer(accounts=frozenset({"cin_staff"})))
    assert not is_charged(["Cin_Staff"], "open", "cin_staff")
    assert not is_charged(["Open"], "Open", "cin_staff")
    assert is_charged(["open"], "Open", "cin_staff")
