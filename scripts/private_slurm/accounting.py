"""The accounts of a cluster, written into slurmdbd through sacctmgr."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from private_slurm.errors import PrivateSlurmError
from private_slurm.operations import ClusterOperations
from private_slurm.spec import Account, ClusterSpec

_WRONG = re.compile("error|problem|unknown|invalid|nothing|not a valid|doesn't exist", re.IGNORECASE)


def create_accounts(operations: ClusterOperations, spec: ClusterSpec) -> None:
    """Make the cluster, its QOS, its accounts (parents first) and its users with their default accounts."""
    run_sacctmgr(operations, account_commands(spec))


def run_sacctmgr(operations: ClusterOperations, lines: Sequence[str]) -> None:
    """Give these lines to one sacctmgr; each takes half a second, whatever it does. Its exit status does not tell of a bad line."""
    done = operations.run("sacctmgr", "--immediate", "--quiet", input="\n".join(lines) + "\n", check=False, timeout_s=120)
    said = (done.stderr + done.stdout).strip()
    if done.returncode != 0 or _WRONG.search(said):
        raise PrivateSlurmError(f"sacctmgr was given\n{chr(10).join(lines)}\nand said: {said}")


def account_commands(spec: ClusterSpec) -> list[str]:
    """The lines for sacctmgr, in order. Pure."""
    commands = [f"add cluster {spec.name}"]
    commands += [f"add qos {qos.name} {qos.options}" for qos in spec.qos]
    for (parent, options), accounts in itertools.groupby(_parents_first(spec.accounts), lambda each: (each.parent, each.options)):
        commands.append(f"add account {','.join(account.name for account in accounts)} parent={parent} {options}")
    for (accounts_of, options), members in itertools.groupby(spec.members, lambda each: (each.accounts, each.options)):
        names = ",".join(member.user for member in members)
        commands.append(f"add user {names} account={','.join(accounts_of)} defaultaccount={accounts_of[0]} {options}")
    return [*(command.strip() for command in commands), *spec.sacctmgr_lines]


def _parents_first(accounts: Sequence[Account]) -> list[Account]:
    """The accounts by their depth in the tree, those of one parent side by side."""
    parents = {account.name: account.parent for account in accounts}

    def depth(account: Account) -> int:
        parent, steps = account.parent, 0
        while parent in parents and steps <= len(parents):
            parent, steps = parents[parent], steps + 1
        return steps

    return sorted(accounts, key=lambda each: (depth(each), each.parent, each.options))
