"""What Slurm's PrivateData hides from the Hub's user, and what then is not known. Pure.

slurm.conf(5) and slurmdbd.conf(5), PrivateData; who is exempt: root, SlurmUser, and whoever has AdminLevel=Operator or more.
docs/slurm-facts.md#private-data has what each word hides, as measured.
"""

from __future__ import annotations

from collections.abc import Collection

from .model import SlurmConfig

OF_CONTROLLER = {
    "jobs": "other users' jobs (a session whose job has left the queue is not noticed, and queues are not known)",
    "nodes": "the nodes (no form can be shown, and no session starts)",
    "partitions": "the partitions (no form can be shown, and no session starts)",
    "reservations": "reservations that it may not use itself (none can be chosen, and nobody knows what they will hold)",
    "usage": "what others use of limits that they share",
    "users": "what others use of limits that they share",
}
OF_DATABASE = {"users": "other users' accounts and their limits"}
"""The words of PrivateData that matter to the Hub, with what they hide from it: in slurm.conf, and in slurmdbd.conf."""


def private_data(config: SlurmConfig) -> frozenset[str]:
    """Return the words of PrivateData."""
    return frozenset(config.get("PrivateData").lower().replace(" ", "").split(",")) - {"", "none"}


def is_slurmdbds_own(config: SlurmConfig) -> bool:
    """Tell whether what sacctmgr prints as slurmdbd's configuration is that: 26.05 prints slurm.conf's words there (measured, 26.05.5).

    Then its store is slurmdbd, where slurmdbd's own is a database.
    """
    return not config.get("StorageType").endswith("/slurmdbd")


def is_slurm_user(name: str, config: SlurmConfig) -> bool:
    """Tell whether these daemons run as the user of this name."""
    return config.get("SlurmUser").partition("(")[0] == name


def what_to_change(user: str, controller: Collection[str], database: Collection[str]) -> str:
    """Return what the admin should change, for the Hub's log; empty where nothing is hidden from the Hub's user."""
    files = (("slurm.conf", controller, OF_CONTROLLER), ("slurmdbd.conf", database, OF_DATABASE))
    hidden = {what: f"{word} in {file}" for file, words, known in files for word, what in known.items() if word in words}
    if not hidden:
        return ""
    listed = "; ".join(f"{what} [{where}]" for what, where in hidden.items())
    return (
        f"Slurm's PrivateData hides from the Hub's user {user}: {listed}. Until that is changed, what is hidden counts as unknown. "
        f"Give the user AdminLevel=Operator: sacctmgr add user {user} account=SOME_ACCOUNT, if slurmdbd does not know it yet, and "
        f"sacctmgr modify user {user} set AdminLevel=Operator (docs/hardening.md)."
    )
