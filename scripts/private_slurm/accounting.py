"""The accounts of a cluster, written into slurmdbd through sacctmgr."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from private_slurm.errors import PrivateSlurmError
from private_slurm.operations import ClusterOperations
from private_slurm.spec import Account, ClusterSpec


def create_accounts(operations: ClusterOperations, spec: ClusterSpec) -> None:
    """Make the cluster, its QOS, its accounts (parents first) and its users with their default accounts."""
    for command in account_commands(spec):
        done = operations.run("sacctmgr", "--immediate", "--quiet", *command, check=False)
        if done.returncode != 0:
            raise PrivateSlurmError(f"sacctmgr {' '.join(command)} failed: {(done.stderr + done.stdout).strip()}")


def account_commands(spec: ClusterSpec) -> list[list[str]]:
    """The arguments of each sacctmgr command, in order. Pure.

    Each command takes half a second, whatever it does, so what is alike goes into one.
    """
    commands = [["add", "cluster", spec.name]]
    commands += [["add", "qos", qos.name, *qos.options.split()] for qos in spec.qos]
    for (parent, options), accounts in itertools.groupby(_parents_first(spec.accounts), lambda each: (each.parent, each.options)):
        commands.append(["add", "account", ",".join(account.name for account in accounts), f"parent={parent}", *options.split()])
    for (accounts_of, options), members in itertools.groupby(spec.members, lambda each: (each.accounts, each.options)):
        names = ",".join(member.user for member in members)
        where = [f"account={','.join(accounts_of)}", f"defaultaccount={accounts_of[0]}"]
        commands.append(["add", "user", names, *where, *options.split()])
    return commands


def _parents_first(accounts: Sequence[Account]) -> list[Account]:
    """The accounts by their depth in the tree, those of one parent side by side."""
    parents = {account.name: account.parent for account in accounts}

    def depth(account: Account) -> int:
        parent, steps = account.parent, 0
        while parent in parents and steps <= len(parents):
            parent, steps = parents[parent], steps + 1
        return steps

    return sorted(accounts, key=lambda each: (depth(each), each.parent, each.options))
