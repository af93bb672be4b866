"""What PrivateData hides from the Hub's user, and what the admin is told of it."""

from __future__ import annotations

import pytest

from spawner.slurm.model import SlurmConfig
from spawner.slurm.privacy import is_slurm_user, is_slurmdbds_own, private_data, what_to_change
from spawner.slurm.sacctmgr import parse_database_config

PRINTED = """Configuration data as of 2026-11-29T09:32:18
PrivateData            = none
SlurmUserId            = root(0)

SlurmDBD configuration:
PrivateData            = accounts,users
SlurmUser              = slurm(64030)
StorageType            = accounting_storage/mysql
"""


def test_slurmdbds_own_words() -> None:
    """``sacctmgr show config`` has two parts; slurmdbd's own is the second one, and some answers have none."""
    config = parse_database_config(PRINTED)
    assert private_data(config) == {"accounts", "users"}
    assert is_slurm_user("slurm", config)
    assert not is_slurm_user("root", config)
    assert private_data(parse_database_config("PrivateData = users\n")) == frozenset()
    assert is_slurmdbds_own(config)
    assert not is_slurmdbds_own(parse_database_config(PRINTED.replace("/mysql", "/slurmdbd"))), "as 26.05 prints it"


@pytest.mark.parametrize(
    ("printed", "words"),
    [("none", set()), ("", set()), ("jobs", {"jobs"}), ("Accounts, USERS", {"accounts", "users"})],
)
def test_words(printed: str, words: set[str]) -> None:
    """``none`` is no word, and case and blanks do not matter."""
    assert private_data(SlurmConfig(values=(("PrivateData", printed),))) == words


@pytest.mark.parametrize(
    ("controller", "database", "told", "not_told"),
    [
        pytest.param({"accounts", "cloud", "events"}, {"accounts", "events", "jobs"}, (), ("PrivateData",), id="nothing-that-matters"),
        pytest.param({"jobs"}, (), ("other users' jobs", "[jobs in slurm.conf]"), ("slurmdbd.conf",), id="jobs"),
        pytest.param((), {"users"}, ("accounts and their limits [users in slurmdbd.conf]",), ("slurm.conf]",), id="accounts"),
        pytest.param({"nodes", "partitions"}, (), ("the nodes (no form can be shown", "the partitions"), (), id="no-form"),
    ],
)
def test_what_the_admin_is_told(controller: set[str], database: set[str], told: tuple[str, ...], not_told: tuple[str, ...]) -> None:
    """What is hidden, where, and the command that ends it; nothing where nothing of it matters here."""
    sentence = what_to_change("hub", controller, database)
    assert all(words in sentence for words in told)
    assert not any(words in sentence for words in not_told)
    assert bool(told) == ("sacctmgr modify user hub set AdminLevel=Operator" in sentence)
